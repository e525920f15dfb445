"""Where the engine is, and how a process of it is begun. Standard library only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..engine_path import ENGINE, engineFolder

__all__ = ["engineCommand", "engineEnvironment", "engineFolder", "separateProcess"]

# Each would make the engine's Python load what belongs to another program: the viewer's own readers (which
# can crash SimpleITK), the viewer's or a user's Python.
NOT_FOR_THE_ENGINE = ("ITK_AUTOLOAD_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT")


def engineCommand(python: Path | str, *arguments: Path | str) -> list[str]:
    """The command that runs one verb of the engine with `python` (in Slicer: PythonSlicer).

    Raises FileNotFoundError where the extension is not complete.
    """
    return [str(python), str(engineFolder() / ENGINE / "__main__.py"), *(str(item) for item in arguments)]


def engineEnvironment(startup: Mapping[str, str]) -> dict[str, str]:
    """`startup` without what must not reach the engine, and with UTF-8 everywhere.

    `startup` are the variables that Slicer itself was started with: `slicer.util.startupEnvironment()`.
    PythonSlicer sets its own PYTHONHOME; any other Python must not see Slicer's.
    """
    kept = {name: value for name, value in startup.items() if name.upper() not in NOT_FOR_THE_ENGINE}
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}


def separateProcess() -> dict[str, Any]:
    """Arguments of `Popen` for a process that closing the viewer, or its terminal, does not end.

    On Windows it gets a console of its own that nobody sees. Without any console (DETACHED_PROCESS) each of
    its children would open a window.
    """
    if os.name == "nt":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined]
        return {"creationflags": flags}
    return {"start_new_session": True}
