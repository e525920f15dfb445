"""The panel of a scripted module: holds the instance of the module's widget class."""

from __future__ import annotations

import sys
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from Testing.bed import pythonqt
from Testing.bed.modules import call_python
from Testing.bed.mrml_widgets.base import qSlicerWidget


class qSlicerAbstractModuleWidget(qSlicerWidget):
    """The panel of any module."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._entered = False

    isEntered = QtCore.Property(bool, lambda self: self._entered)

    def enter(self) -> None:
        """The user opened the module."""
        self._entered = True

    def exit(self) -> None:
        """The user opened another one."""
        self._entered = False


class qSlicerScriptedLoadableModuleWidget(qSlicerAbstractModuleWidget):
    """The panel of a scripted module; `self()` is the instance of the module's Python class."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._python: Any = None
        self._name = ""
        QtWidgets.QVBoxLayout(self)

    def start_module(self, name: str) -> None:
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

    def enter(self) -> None:
        """Tell the instance, too."""
        super().enter()
        self._call("enter")

    def exit(self) -> None:
        """Tell the instance, too."""
        super().exit()
        self._call("exit")

    def _call(self, name: str) -> None:
        method = getattr(self._python, name, None)
        if method is not None:
            call_python(method)
