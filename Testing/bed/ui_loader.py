"""Loads .ui files as Slicer's QUiLoader does, but says what Slicer passes over in silence.

Errors: an unknown widget class (Slicer makes the base class instead), a property no class has, an unknown
enum value, a connection to an object, signal or slot that is not there. Dynamic properties (stdset="0"), such
as SlicerParameterName, stay dynamic.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from PySide6 import QtCore, QtUiTools, QtWidgets

from Testing.bed.pythonqt import unwrap, wrap
from Testing.bed.pythonqt.classes import stand_ins

# Names of designer's file format that are no classes.
NO_CLASSES = {"Line", "Spacer"}
KEPT_TREE = "_bed_tree"


class UiError(RuntimeError):
    """A .ui file that Slicer would load only in part."""


@dataclass(frozen=True)
class UiConnection:
    """One line of <connections>: names of objects, signatures of a signal and a slot."""

    sender: str
    signal: str
    receiver: str
    slot: str


@dataclass(frozen=True)
class EnumProperty:
    """An enum or a set of flags for a stand-in, which Qt's loader cannot read from Python classes."""

    owner: str
    name: str
    text: str


class StandInLoader(QtUiTools.QUiLoader):
    """Qt's loader, with the registered stand-ins as classes."""

    def createWidget(
        self, name: str, parent: QtWidgets.QWidget | None = None, object_name: str = ""
    ) -> QtWidgets.QWidget:
        """Called by Qt for each widget of the file."""
        if name not in stand_ins:
            return super().createWidget(name, parent, object_name)
        widget = stand_ins[name](parent)
        widget.setObjectName(object_name)
        return widget


def load_ui(device: QtCore.QIODevice, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
    """The widget tree of an open .ui file; the device is closed. Raises `UiError`."""
    root = ElementTree.fromstring(bytes(device.readAll().data()))
    device.close()
    _check_classes(root)
    _check_enums(root)
    connections, enums = _take_connections(root), _take_enums(root)
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(root))
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    top = StandInLoader().load(buffer, parent)
    if top is None:
        raise UiError("The .ui file holds no widget that could be made.")
    # PySide deletes Python-made widgets nobody refers to, even when C++ uses them.
    top.__dict__[KEPT_TREE] = top.findChildren(QtCore.QObject)
    _check_properties(root, top)
    for item in enums:
        _set_enum(_object(top, item.owner), item)
    for item in connections:
        _connect(top, item)
    return top


def _check_classes(root: ElementTree.Element) -> None:
    for widget in root.iter("widget"):
        name = widget.get("class", "")
        if name not in stand_ins and not hasattr(QtWidgets, name) and name not in NO_CLASSES:
            raise UiError(f"The .ui file uses the unknown widget class {name!r} ({widget.get('name')}).")


def _take_connections(root: ElementTree.Element) -> list[UiConnection]:
    """The connections, taken out of the file: Qt's loader does not know signals with types of MRML."""
    found = []
    for group in root.findall("connections"):
        for item in group.findall("connection"):
            texts = [item.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot")]
            found.append(UiConnection(*texts))
        root.remove(group)
    return found


def _take_enums(root: ElementTree.Element) -> list[EnumProperty]:
    """Enum and flag properties of stand-ins, taken out of the file."""
    found = []
    for widget in root.iter("widget"):
        own = _own_properties(widget.get("class", ""))
        for item in widget.findall("property"):
            value = item[0] if len(item) else None
            if value is not None and value.tag in ("enum", "set") and item.get("name") in own:
                found.append(EnumProperty(widget.get("name", ""), item.get("name", ""), value.text or ""))
                widget.remove(item)
    return found


def _own_properties(class_name: str) -> set[str]:
    """Properties that the Python classes of a stand-in declare; none for a class of Qt."""
    kind = stand_ins.get(class_name, object)
    return {name for base in kind.__mro__ for name, item in vars(base).items() if _is_property(base, item)}


def _is_property(base: type, item: object) -> bool:
    return isinstance(item, QtCore.Property) and not base.__module__.startswith("PySide6")


def _check_enums(root: ElementTree.Element) -> None:
    """`Qt::AlignmentFlag::AlignLeft`, as the designer of Qt 6 writes, is not understood by Qt 5."""
    for item in [*root.iter("enum"), *root.iter("set")]:
        if any(name.count("::") > 1 for name in (item.text or "").split("|")):
            raise UiError(
                f"The .ui file has the enum {item.text}; Qt 5 knows it without the name in the middle."
            )


def _set_enum(widget: QtWidgets.QWidget, item: EnumProperty) -> None:
    """Set an enum or flags given by names, as `ctkPathLineEdit::Files|ctkPathLineEdit::Readable`."""
    number = 0
    for name in filter(None, item.text.split("|")):
        scope, _, member = name.rpartition("::")
        owners = [getattr(library, scope, None) for library in (QtCore, QtWidgets)]
        value = next(
            (getattr(owner, member) for owner in [type(widget), *owners] if hasattr(owner, member)), None
        )
        if value is None:
            raise UiError(f"{item.owner}.{item.name}: {name} is unknown.")
        number |= int(getattr(value, "value", value))
    widget.setProperty(item.name, number)


def _check_properties(root: ElementTree.Element, top: QtWidgets.QWidget) -> None:
    """A property that the class does not have: a typo, or missing in the stand-in."""
    for widget in root.iter("widget"):
        owner = _object(top, widget.get("name", ""))
        for item in widget.findall("property"):
            name, is_static = item.get("name", ""), item.get("stdset", "1") != "0"
            if is_static and owner.metaObject().indexOfProperty(name) < 0 and widget.get("class") != "Line":
                raise UiError(f"{widget.get('class')} {widget.get('name')!r} has no property {name!r}.")


def _object(top: QtWidgets.QWidget, name: str) -> QtCore.QObject:
    found = top if top.objectName() == name else top.findChild(QtCore.QObject, name)
    if found is None:
        raise UiError(f"The .ui file names an object {name!r}, which is not there.")
    return found


def _connect(top: QtWidgets.QWidget, item: UiConnection) -> None:
    """Connect by the rules of module code; the slot has to be one of the receiver's functions."""
    sender, receiver = wrap(_object(top, item.sender)), wrap(_object(top, item.receiver))
    try:
        sender.connect(item.signal, receiver, item.slot)
    except (AttributeError, RuntimeError) as error:
        raise UiError(
            f"Connection {item.sender}.{item.signal} -> {item.receiver}.{item.slot}: {error}"
        ) from error
    unwrap(sender).__dict__.setdefault(KEPT_TREE, []).append(receiver)
