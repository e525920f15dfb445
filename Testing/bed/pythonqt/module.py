"""The modules `qt`, `ctk` and `PythonQt` that scripted modules import."""

from __future__ import annotations

import sys
import types
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from Testing.bed.pythonqt import banned
from Testing.bed.pythonqt.classes import class_member, proxy_class

LIBRARIES = (QtCore, QtGui, QtWidgets, QtUiTools, QtNetwork)
PYTHONQT_MODULES = ("QtCore", "QtGui", "QtWidgets", "QtUiTools", "QtNetwork")


class QtModule(types.ModuleType):
    """`qt`: all classes of Qt in one place, made when they are first used."""

    Signal = QtCore.Signal

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        banned.refuse_class(name)
        for library in LIBRARIES:
            value = getattr(library, name, None)
            if isinstance(value, type):
                found = proxy_class(value) if issubclass(value, shiboken6.Object) else Namespace(value)
                setattr(self, name, found)
                return found
        raise AttributeError(f"module 'qt' has no attribute '{name}'")


class Namespace:
    """A namespace of C++ that PySide shows as a class, `qt.Qt` above all."""

    def __init__(self, pyside: type) -> None:
        self._pyside = pyside

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        banned.refuse_member(self._pyside, name)
        value = getattr(self._pyside, name, None)
        if value is None:
            raise AttributeError(f"{self._pyside.__name__} has no attribute named '{name}'")
        return class_member(f"{self._pyside.__name__}.{name}", value)


class CtkModule(types.ModuleType):
    """`ctk`: the stand-ins that were registered for it."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"module 'ctk' has no attribute '{name}'; the bed has no stand-in of that name")


def install() -> tuple[types.ModuleType, types.ModuleType]:
    """Put `qt`, `ctk` and `PythonQt` into sys.modules, once; returns qt and ctk."""
    if not isinstance(sys.modules.get("qt"), QtModule):
        qt, python_qt = QtModule("qt"), types.ModuleType("PythonQt")
        sys.modules |= {"qt": qt, "ctk": CtkModule("ctk"), "PythonQt": python_qt}
        for name in PYTHONQT_MODULES:
            setattr(python_qt, name, qt)
            sys.modules[f"PythonQt.{name}"] = qt
    return sys.modules["qt"], sys.modules["ctk"]
