"""Which widget shows a parameter of which type, and how it is read and written."""

from __future__ import annotations

import enum
import types
import typing
from typing import Any

import slicer

from Testing.bed.parameter_nodes.annotations import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
    findFirstAnnotation,
    unannotatedType,
)
from Testing.bed.parameter_nodes.connector import (
    GuiConnector,
    PropertyConnector,
    parameterNodeGuiConnector,
)
from Testing.bed.parameter_nodes.serializers import PATH_TYPES

INT_LIMITS = -(2**31), 2**31 - 1
FLOAT_LIMITS = float("-inf"), float("inf")


def _is(widget: Any, *names: str) -> bool:
    """Whether the class of a widget, not a derived one, has one of the names of qt, ctk or slicer."""
    return type(widget).__name__ in names


@parameterNodeGuiConnector
class CheckConnector(PropertyConnector):
    """Flags in check boxes and checkable buttons."""

    property_name, signal_name = "checked", "toggled"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        names = ("QCheckBox", "ctkCheckBox", "QPushButton", "ctkCheckablePushButton")
        return unannotatedType(datatype) is bool and _is(widget, *names)

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        if not widget.checkable:
            widget.checkable = True


@parameterNodeGuiConnector
class NumberConnector(PropertyConnector):
    """Numbers in spin boxes and sliders; sliders need limits."""

    property_name, signal_name = "value", "valueChanged"
    INT_ONLY = ("QSlider", "QSpinBox")
    REAL = ("QDoubleSpinBox", "ctkDoubleSpinBox", "qMRMLSpinBox", "ctkSliderWidget", "qMRMLSliderWidget")
    NEED_LIMITS = ("QSlider", "ctkSliderWidget", "qMRMLSliderWidget")

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        kind = unannotatedType(datatype)
        real = NumberConnector.REAL + ("ctkDoubleSlider",)
        return (kind is int and _is(widget, *NumberConnector.INT_ONLY)) or (
            kind in (int, float) and _is(widget, *real)
        )

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        lowest, highest = self._limits()
        decimals = findFirstAnnotation(self._annotations, Decimals)
        if _is(widget, *self.REAL) and (self._type is int or decimals is not None):
            widget.decimals = 0 if self._type is int else decimals.value
        step = findFirstAnnotation(self._annotations, SingleStep)
        if step is not None:
            widget.singleStep = step.value
        widget.minimum, widget.maximum = lowest, highest

    def _limits(self) -> tuple[Any, Any]:
        both = findFirstAnnotation(self._annotations, WithinRange)
        if both is not None:
            return both.minimum, both.maximum
        lowest = findFirstAnnotation(self._annotations, Minimum)
        highest = findFirstAnnotation(self._annotations, Maximum)
        if (lowest is None or highest is None) and _is(self._widget, *self.NEED_LIMITS):
            raise RuntimeError(f"Cannot connect a number without limits to {type(self._widget).__name__}.")
        limits = INT_LIMITS if _is(self._widget, *self.INT_ONLY) else FLOAT_LIMITS
        return lowest.minimum if lowest else limits[0], highest.maximum if highest else limits[1]

    def read(self) -> Any:
        return self._type(super().read())

    def write(self, value: Any) -> None:
        super().write(int(value) if self._type is int else value)


@parameterNodeGuiConnector
class ComboBoxConnector(GuiConnector):
    """Members of enumerations, by `label()` or name, and annotated choices, in combo boxes."""

    signal_name = "currentIndexChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        kind = unannotatedType(datatype)
        is_enum = isinstance(kind, type) and issubclass(kind, enum.Enum)
        return _is(widget, "QComboBox", "ctkComboBox") and (is_enum or kind in (int, float, str, bool))

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        if issubclass(self._type, enum.Enum):
            label = getattr(self._type, "label", lambda member: member.name)
            self._choices = list(self._type)
            labels = [label(member) for member in self._choices]
        else:
            choice = findFirstAnnotation(self._annotations, Choice)
            if choice is None:
                raise RuntimeError("A combo box needs the Choice annotation.")
            self._choices, labels = list(choice.choices), [str(item) for item in choice.choices]
        widget.clear()
        for text in labels:
            widget.addItem(text)

    def read(self) -> Any:
        return self._choices[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        if value not in self._choices:
            raise ValueError(f"Unable to find value {value} in choices {self._choices}")
        self._widget.currentIndex = self._choices.index(value)


@parameterNodeGuiConnector
class TextConnector(PropertyConnector):
    """Texts in line edits; the cursor stays where it is when nothing changes."""

    property_name, signal_name = "text", "textChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) is str and _is(widget, "QLineEdit")

    def write(self, value: Any) -> None:
        if value != self.read():
            super().write(value)


@parameterNodeGuiConnector
class LabelConnector(PropertyConnector):
    """Texts in labels, which only show them."""

    property_name = "text"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) is str and _is(widget, "QLabel")


@parameterNodeGuiConnector
class TextEditConnector(GuiConnector):
    """Plain texts in text edits."""

    signal_name = "textChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) is str and _is(widget, "QTextEdit")

    def read(self) -> str:
        return self._widget.toPlainText()

    def write(self, value: str) -> None:
        self._widget.setPlainText(value)


@parameterNodeGuiConnector
class PathConnector(GuiConnector):
    """Paths in path line edits and directory buttons."""

    NAMES = {"ctkPathLineEdit": "currentPath", "ctkDirectoryButton": "directory"}

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) in PATH_TYPES and _is(widget, *PathConnector.NAMES)

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        self._property = self.NAMES[type(widget).__name__]
        self.signal_name = f"{self._property}Changed"

    def read(self) -> Any:
        return self._type(getattr(self._widget, self._property))

    def write(self, value: Any) -> None:
        setattr(self._widget, self._property, str(value))


def isNodeOrUnionOfNodes(datatype: Any) -> bool:
    """Whether a type is a node class, or an optional one, or one of several."""
    return bool(_node_classes(datatype))


def getNodeTypes(datatype: Any) -> tuple[str, ...]:
    """Names of the node classes of a type."""
    return tuple(kind().GetClassName() for kind in _node_classes(datatype))


def _node_classes(datatype: Any) -> list[type]:
    kind = unannotatedType(datatype)
    is_union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    kinds = [unannotatedType(item) for item in typing.get_args(kind)] if is_union else [kind]
    kinds = [item for item in kinds if item is not type(None)]
    nodes = [item for item in kinds if isinstance(item, type) and issubclass(item, slicer.vtkMRMLNode)]
    return nodes if len(nodes) == len(kinds) else []


@parameterNodeGuiConnector
class NodeConnector(GuiConnector):
    """Nodes in node selectors."""

    signal_name = "currentNodeChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return _is(widget, "qMRMLNodeComboBox") and isNodeOrUnionOfNodes(datatype)

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        widget.nodeTypes = getNodeTypes(datatype)

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)
