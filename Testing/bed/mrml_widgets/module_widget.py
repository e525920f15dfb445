"""The panel of a scripted module: holds the instance of the module's widget class."""

from __future__ import annotations

import sys
from typing import Any

import slicer
from PySide6 import QtWidgets

from Testing.bed import pythonqt
from Testing.bed.modules import call_python
from Testing.bed.mrml_widgets.base import qSlicerWidget


class qSlicerAbstractModuleWidget(qSlicerWidget):
    """The panel of any module."""


class qSlicerScriptedLoadableModuleWidget(qSlicerAbstractModuleWidget):
    """The panel of a scripted module; `self()` is the instance of the module's Python class."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._python: Any = None
        self._name = ""
        QtWidgets.QVBoxLayout(self)

    def start(self, name: str) -> None:
        """Make the instance and let it set itself up; after an error the panel stays as far as it came."""
        self._name = name
        self.setObjectName(f"{name}ModuleWidget")
        self.setMRMLScene(slicer.mrmlScene)
        call_python(self._instantiate)

    def _instantiate(self) -> None:
        widget_class = getattr(sys.modules[self._name], f"{self._name}Widget")
        self._python = widget_class(pythonqt.wrap(self))
        setattr(slicer.modules, f"{self._name}Widget", self._python)
        self._python.setup()

    def reload(self) -> None:
        """Make the instance anew, from the class that is now in the module."""
        call_python(self._instantiate)

    def self(self) -> Any:
        return self._python
