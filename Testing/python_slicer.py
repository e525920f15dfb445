"""A PythonSlicer for the test bed: the command by which Slicer starts its Python in another process."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def path_with_python_slicer(folder: Path) -> str:
    """Write the command into `folder`; returns the value of PATH with which it is found."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "PythonSlicer"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
