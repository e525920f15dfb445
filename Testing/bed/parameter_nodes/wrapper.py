"""`parameterNodeWrapper`: typed members over a vtkMRMLScriptedModuleNode, and their connection to widgets."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import vtk
from slicer.util import NodeModify

from Testing.bed.parameter_nodes.annotations import Default
from Testing.bed.parameter_nodes.connector import GuiConnector, createGuiConnector
from Testing.bed.parameter_nodes.members import (
    ParameterInfo,
    add_functions,
    data_type,
    members_of,
    split_name,
)

SlicerParameterNamePropertyName = "SlicerParameterName"


class _Value:
    """One parameter of one wrapper; what can be cached is read again only after the node was modified."""

    def __init__(self, info: ParameterInfo, node: Any, prefix: str) -> None:
        self._serializer, self.default, self._node = info.serializer, info.default, node
        self._name = prefix + info.basename
        self.is_cached = info.serializer.supportsCaching()
        if not info.serializer.isIn(node, self._name):
            self._serializer.write(node, self._name, self.default.value)
        if self.is_cached:
            self._cached, self._writing = self._read(), False
            weak = weakref.ref(self)
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: weak()._on_modified())

    def __del__(self) -> None:
        if hasattr(self, "_tag"):
            self._node.RemoveObserver(self._tag)

    def _on_modified(self) -> None:
        if not self._writing:
            self._cached = self._read()

    def _read(self) -> Any:
        if not self._serializer.isIn(self._node, self._name):
            self._serializer.write(self._node, self._name, self.default.value)
        return self._serializer.read(self._node, self._name)

    def read(self) -> Any:
        """The value, which may be the one read last."""
        return self._cached if self.is_cached else self._read()

    def write(self, value: Any) -> None:
        """Check and keep a value. Raises ValueError or TypeError."""
        if not self.is_cached:
            self._serializer.write(self._node, self._name, value)
            return
        self._writing = True
        try:
            with NodeModify(self._node):
                self._serializer.write(self._node, self._name, value)
                self._cached = self._read()
        finally:
            self._writing = False


class _Member:
    """The attribute of a wrapper class that reads and writes a parameter."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance._parameter_values[self._name].read()

    def __set__(self, instance: Any, value: Any) -> None:
        instance._parameter_values[self._name].write(value)


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Class decorator: instances are made with a parameter node and show its parameters as members."""
    return _make_wrapper if classtype is None else _make_wrapper(classtype)


def _make_wrapper(cls: type) -> type:
    parameters = members_of(cls)
    for name in parameters:
        setattr(cls, name, _Member(name))
    cls.__init__ = _init
    functions = {
        "allParameters": parameters,
        "_is_parameter_node_wrapper": True,
        "dataType": staticmethod(lambda name: data_type(cls, name)),
    }
    add_functions(cls, {**functions, **_FUNCTIONS})
    return cls


def _init(self: Any, parameterNode: Any, prefix: str | None = None) -> None:
    """Wrap a node; parameters it does not have are written with their defaults."""
    self.parameterNode = parameterNode
    self._parameterGUIs = {}
    self._guiTags = {}
    self._updatingGUIFromParameterNode = False
    self._parameter_values = {
        name: _Value(info, parameterNode, prefix or "") for name, info in self.allParameters.items()
    }


def _default(self: Any, name: str) -> Default:
    """The Default of a parameter."""
    self.dataType(name)
    return self._parameter_values[name].default


def _is_cached(self: Any, name: str) -> bool:
    """Whether reading a parameter costs nothing until the node changes."""
    self.dataType(name)
    return self._parameter_values[name].is_cached


def _get_value(self: Any, name: str) -> Any:
    """The value of a parameter, or of a member of a pack by a dotted name."""
    self.dataType(name)
    first, rest = split_name(name)
    value = self._parameter_values[first].read()
    return value.getValue(rest) if rest else value


def _set_value(self: Any, name: str, value: Any) -> None:
    """Set a parameter, or a member of a pack by a dotted name."""
    self.dataType(name)
    first, rest = split_name(name)
    if rest:
        self._parameter_values[first].read().setValue(rest, value)
    else:
        self._parameter_values[first].write(value)


def _connect_parameters_to_gui(self: Any, mapping: dict[str, Any]) -> int:
    """Connect widgets or connectors by parameter name, both ways; returns a tag for `disconnectGui`."""
    connectors = {
        name: target if isinstance(target, GuiConnector) else createGuiConnector(target, self.dataType(name))
        for name, target in mapping.items()
    }
    tag = len(self._guiTags)
    self._parameterGUIs[tag] = connectors
    for name, connector in connectors.items():
        connector.write(self.getValue(name))
        connector.onChanged(_to_parameter(self, name, connector))
    self._guiTags[tag] = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: _update_gui(self))
    return tag


def _to_parameter(self: Any, name: str, connector: GuiConnector) -> Callable[[], None]:
    def take_over() -> None:
        if not self._updatingGUIFromParameterNode:
            with NodeModify(self):
                self.setValue(name, connector.read())

    return take_over


def _update_gui(self: Any) -> None:
    """Show all values in the widgets that are connected."""
    if self._updatingGUIFromParameterNode:
        return
    self._updatingGUIFromParameterNode = True
    try:
        with NodeModify(self):
            for connectors in list(self._parameterGUIs.values()):
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
    finally:
        self._updatingGUIFromParameterNode = False


def _widgets(gui: Any) -> Iterator[tuple[str, Any]]:
    """Widgets with the dynamic property SlicerParameterName, by its value."""
    import qt

    is_widget = getattr(gui, "isWidgetType", lambda: False)()
    for widget in gui.findChildren(qt.QWidget) if is_widget else vars(gui).values():
        if widget.property(SlicerParameterNamePropertyName):
            yield widget.property(SlicerParameterNamePropertyName), widget


def _connect_gui(self: Any, gui: Any) -> int:
    """Connect all widgets below a widget, or of childWidgetVariables, by SlicerParameterName."""
    return self.connectParametersToGui(dict(_widgets(gui)))


def _disconnect_gui(self: Any, tag: int) -> None:
    """End a connection."""
    for connector in self._parameterGUIs.pop(tag, {}).values():
        connector.onChanged(None)
    if self._guiTags.get(tag) is not None:
        self.RemoveObserver(self._guiTags[tag])
        self._guiTags[tag] = None


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    """The widget below a widget that is named for a parameter, or None."""
    import qt

    children = widget.findChildren(qt.QWidget)
    return next(
        (item for item in children if item.property(SlicerParameterNamePropertyName) == parameter), None
    )


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """Whether something is a parameter node wrapper or the class of one."""
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)


_FUNCTIONS: dict[str, Any] = {
    "default": _default,
    "isCached": _is_cached,
    "getValue": _get_value,
    "setValue": _set_value,
    "connectGui": _connect_gui,
    "connectParametersToGui": _connect_parameters_to_gui,
    "disconnectGui": _disconnect_gui,
    "StartModify": lambda self: self.parameterNode.StartModify(),
    "EndModify": lambda self, wasModified: self.parameterNode.EndModify(wasModified),
    "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
        event, callback, priority
    ),
    "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    "Modified": lambda self: self.parameterNode.Modified(),
}
