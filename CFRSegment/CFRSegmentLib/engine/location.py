"""Where the engine is, and how a process of it is begun. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ENGINE = "CFRTrain"
# Each would make the engine's Python load what belongs to another program: the viewer's own readers (which
# can crash SimpleITK), the viewer's or a user's Python.
NOT_FOR_THE_ENGINE = ("ITK_AUTOLOAD_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT")


def engineFolder() -> Path:
    """The folder that holds `CFRTrain`: beside the installed module, or the root of the source tree.

    Raises FileNotFoundError where the extension is not complete.
    """
    moduleFolder = Path(__file__).resolve().parents[2]
    for folder in (moduleFolder, moduleFolder.parent):
        if (folder / ENGINE / "__main__.py").is_file():
            return folder
    raise FileNotFoundError(f"The folder {ENGINE} is missing; install the extension again.")


def engineCommand(python: Path | str, *arguments: Path | str) -> list[str]:
    """The command that runs one verb of the engine with `python` (in Slicer: PythonSlicer)."""
    return [str(python), str(engineFolder() / ENGINE / "__main__.py"), *(str(item) for item in arguments)]


def engineEnvironment(startup: Mapping[str, str]) -> dict[str, str]:
    """`startup` without what must not reach the engine, and with UTF-8 everywhere.

    `startup` are the variables that Slicer itself was started with: `slicer.util.startupEnvironment()`.
    PythonSlicer sets its own PYTHONHOME; any other Python must not see Slicer's.
    """
    kept = {name: value for name, value in startup.items() if name.upper() not in NOT_FOR_THE_ENGINE}
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}
