"""Loads scripted modules from their files, as Slicer's factory does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtWidgets

from Testing.bed import pythonqt
from Testing.bed.modules import qSlicerAbstractModule


def run_file(path: Path) -> Any:
    """Run a module's file anew under its own name; its folder goes to the front of sys.path."""
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    python_module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = python_module
    spec.loader.exec_module(python_module)
    return python_module


def forget_python_modules(path: Path) -> None:
    """Remove from sys.modules what came from a module's folder, so that a new application reads it anew."""
    folder = path.parent.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and folder in Path(file).resolve().parents:
            del sys.modules[name]
    sys.path[:] = [item for item in sys.path if item != str(path.parent)]


class qSlicerScriptedLoadableModule(qSlicerAbstractModule):
    """A module written in Python; the argument `parent` of the module's description class."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path.stem if path else "")
        self._python_module: Any = None
        if path is not None:
            self.path = str(path)

    def load_file(self) -> None:
        """Run the file and make the description object; errors of the module are raised."""
        path = Path(self.path)
        self._python_module = run_file(path)
        description = getattr(self._python_module, path.stem)(pythonqt.wrap(self))
        setattr(slicer.modules, f"{path.stem}Instance", description)
        if hasattr(description, "setup"):
            description.setup()

    def createNewWidgetRepresentation(self) -> QtWidgets.QWidget | None:
        """A panel, if the module has a widget class."""
        name = Path(self.path).stem
        if not hasattr(sys.modules.get(name), f"{name}Widget"):
            return None
        widget = slicer.qSlicerScriptedLoadableModuleWidget.pyside()
        widget.start_module(name)
        return widget
