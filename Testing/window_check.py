"""python -m Testing.window_check: whether windows can be shown on a screen of our own; if not, why not.

In a process of its own, because Qt ends the process where one of its libraries is missing.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

from Testing.bed.display import DisplayError, VirtualDisplay, missing_programs


def problem() -> str:
    """Why no window can be shown; empty where one was."""
    if importlib.util.find_spec("PySide6") is None or importlib.util.find_spec("slicer") is None:
        return "Testing/bed/requirements.txt is not installed"
    missing = missing_programs()
    if missing:
        return f"{' and '.join(missing)} not installed"
    try:
        with VirtualDisplay() as display, tempfile.TemporaryDirectory() as settings:
            _show_window(display.name, Path(settings))
    except (DisplayError, OSError) as error:
        return str(error)
    return ""


def _show_window(display: str, settings: Path) -> None:
    from PySide6 import QtWidgets

    from Testing.bed.qt_application import qt_application

    application = qt_application(display, settings)
    window = QtWidgets.QWidget()
    window.show()
    application.processEvents()
    window.close()


if __name__ == "__main__":
    sys.exit(problem() or 0)
