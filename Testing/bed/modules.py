"""`slicer.modules` and the module manager."""

from __future__ import annotations

import types
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed import pythonqt
from Testing.bed.errors import slot_errors


def stored(kind: Any, name: str, default: Any) -> Any:
    """A Qt property that only keeps what is assigned to it."""
    attribute = f"_{name}"

    def read(self: Any) -> Any:
        return getattr(self, attribute, default)

    def write(self: Any, value: Any) -> None:
        setattr(self, attribute, value)

    return QtCore.Property(kind, read, write)


class qSlicerAbstractModule(QtCore.QObject):
    """A module: what it says about itself, its logic and its panel."""

    title = stored(str, "title", "")
    path = stored(str, "path", "")
    categories = stored("QStringList", "categories", [])
    dependencies = stored("QStringList", "dependencies", [])
    contributors = stored("QStringList", "contributors", [])
    associatedNodeTypes = stored("QStringList", "associatedNodeTypes", [])
    helpText = stored(str, "helpText", "")
    acknowledgementText = stored(str, "acknowledgementText", "")
    category = stored(str, "category", "")
    hidden = stored(bool, "hidden", False)
    index = stored(int, "index", -1)
    icon = stored(QtGui.QIcon, "icon", QtGui.QIcon())
    widgetRepresentationCreationEnabled = stored(bool, "creationEnabled", True)

    def __init__(self, name: str = "", logic: Any = None) -> None:
        super().__init__(objectName=name)
        self._logic = logic
        self._representation: QtWidgets.QWidget | None = None
        self.title = name

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> QtWidgets.QWidget | None:
        """The module's panel, made when it is first asked for."""
        if self._representation is None and self.widgetRepresentationCreationEnabled:
            self._representation = self.createNewWidgetRepresentation()
        return self._representation

    def createNewWidgetRepresentation(self) -> QtWidgets.QWidget | None:
        """One more panel; modules of the core have none here."""
        return None

    def drop_representation(self) -> None:
        """Delete the panel."""
        if self._representation is not None:
            self._representation.deleteLater()
            self._representation = None


class qSlicerLoadableModule(qSlicerAbstractModule):
    """A module of Slicer's C++ core: its logic is real, its panel is not there."""


class qSlicerModuleFactoryManager(QtCore.QObject):
    """Names of modules; all that are known are loaded."""

    def __init__(self, manager: qSlicerModuleManager) -> None:
        super().__init__(manager)
        self._manager = manager

    def loadedModuleNames(self) -> list[str]:
        return self._manager.modulesNames()

    def registeredModuleNames(self) -> list[str]:
        return self._manager.modulesNames()

    def isLoaded(self, name: str) -> bool:
        return self._manager.module(name) is not None

    def isRegistered(self, name: str) -> bool:
        return self._manager.module(name) is not None


class qSlicerModuleManager(QtCore.QObject):
    """Loaded modules by name; `slicer.modules` shows them in lower case."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleUnloaded = QtCore.Signal(str)

    def __init__(self, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._modules: dict[str, qSlicerAbstractModule] = {}
        self._factory = qSlicerModuleFactoryManager(self)
        slicer.modules = types.ModuleType("slicer.modules")
        slicer.moduleNames = types.SimpleNamespace()

    def add_module(self, name: str, module: qSlicerAbstractModule) -> None:
        """Make a module known."""
        self._modules[name] = module
        setattr(slicer.modules, name.lower(), pythonqt.wrap(module))
        setattr(slicer.moduleNames, name, name)

    def unload_module(self, name: str) -> None:
        """Forget a module, after telling those who listen."""
        self.moduleAboutToBeUnloaded.emit(name)
        self._modules.pop(name).drop_representation()
        for attribute in (name.lower(), f"{name}Widget", f"{name}Instance"):
            slicer.modules.__dict__.pop(attribute, None)
        self.moduleUnloaded.emit(name)

    def module(self, name: str) -> qSlicerAbstractModule | None:
        """The module of a name, or None."""
        return self._modules.get(name)

    def modulesNames(self) -> list[str]:
        return list(self._modules)

    def factoryManager(self) -> qSlicerModuleFactoryManager:
        return self._factory


def call_python(method: Any) -> None:
    """Call a function of module code as Slicer's C++ does: an exception is reported and goes no further."""
    try:
        method()
    except Exception:
        slot_errors.add_exception(f"In {getattr(method, '__qualname__', method)}:")
