"""The base of all connectors from widgets to parameters, and the list of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from Testing.bed.parameter_nodes.annotations import splitAnnotations


class GuiConnector:
    """Leads from a widget to a value; `onChanged(None)` ends the notification."""

    signal_name = ""

    def __init__(self, widget: Any, datatype: Any = None) -> None:
        self._widget = widget
        self._type, self._annotations = splitAnnotations(datatype)
        self._callback: Callable[[], None] | None = None

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        """Whether the class is for such a widget and type."""
        raise NotImplementedError

    @classmethod
    def create(cls, widget: Any, datatype: Any) -> GuiConnector:
        """A connector for a widget."""
        return cls(widget, datatype)

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` when the user changes the widget."""
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self) -> None:
        """Tell who listens."""
        if self._callback:
            self._callback()

    def _connect(self) -> None:
        if self.signal_name:
            getattr(self._widget, self.signal_name).connect(self.changed)

    def _disconnect(self) -> None:
        if self.signal_name:
            getattr(self._widget, self.signal_name).disconnect(self.changed)

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        """The value the widget shows."""
        raise NotImplementedError

    def write(self, value: Any) -> None:
        """Show a value."""
        raise NotImplementedError


class PropertyConnector(GuiConnector):
    """A widget whose value is one property."""

    property_name = ""

    def read(self) -> Any:
        return getattr(self._widget, self.property_name)

    def write(self, value: Any) -> None:
        setattr(self._widget, self.property_name, value)


_connectors: list[type[GuiConnector]] = []


def parameterNodeGuiConnector(classtype: type[GuiConnector] | None = None) -> Any:
    """Class decorator: makes a connector known, with or without parentheses."""

    def register(cls: type[GuiConnector]) -> type[GuiConnector]:
        _connectors.append(cls)
        return cls

    return register if classtype is None else register(classtype)


def createGuiConnector(widget: Any, datatype: Any) -> GuiConnector:
    """A connector for a widget and an annotated type. Raises RuntimeError where the two do not fit."""
    for candidate in _connectors:
        if candidate.canRepresent(widget, datatype):
            return candidate.create(widget, datatype)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{datatype}' to '{type(widget)}'.")
