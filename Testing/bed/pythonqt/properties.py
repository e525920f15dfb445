"""Qt properties: for PythonQt `button.text` is the value, and `button.text = ...` sets it."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore

from Testing.bed.pythonqt.values import EnumInt, to_float, to_int, unwrap

INTEGERS = ("int", "uint", "qlonglong", "qulonglong", "short", "ushort")
CONVERSIONS = dict.fromkeys(INTEGERS, to_int) | {"double": to_float, "float": to_float, "bool": bool}
_known: dict[tuple[type, str], QtProperty | None] = {}


class QtProperty:
    """One property of a class of Qt, with the conversions of PythonQt."""

    def __init__(self, name: str, meta: QtCore.QMetaProperty) -> None:
        self.name, self.meta, self.type_name = name, meta, meta.typeName()

    def read(self, raw: QtCore.QObject) -> Any:
        """The value, not wrapped."""
        return self.meta.read(raw)

    def write(self, raw: QtCore.QObject, value: Any) -> None:
        """Set the value. AttributeError where Qt does not take it, TypeError for None as a string."""
        owner = type(raw).__name__
        if not self.meta.isWritable():
            raise AttributeError(f"Property '{self.name}' of {owner} object is not writable")
        if value is None and self.type_name == "QString":
            raise TypeError(f"None assigned to the string property '{self.name}'; PythonQt makes it 'None'")
        converted = self._converted(value)
        if converted is None or not self.meta.write(raw, converted):
            raise AttributeError(
                f"Property '{self.name}' of type '{self.type_name}' does not accept an object of type "
                f"{type(value).__name__} ({value!r})"
            )

    def _converted(self, value: Any) -> Any:
        if self.meta.isEnumType():
            return int(value) if isinstance(value, EnumInt) else unwrap(value)
        if self.type_name == "QString":
            return str(value)
        if self.type_name in CONVERSIONS:
            try:
                return CONVERSIONS[self.type_name](value)
            except (TypeError, ValueError):
                return None
        return unwrap(value)


def find(raw: QtCore.QObject, name: str) -> QtProperty | None:
    """The property of that name in the real meta-object; PythonQt calls `objectName` also `name`."""
    meta, kind = raw.metaObject(), type(raw)
    # Only for classes of Qt itself is the answer always the same: PySide shows a class of C++ that it does
    # not know as a base of it, and makes the meta-objects of Python classes anew.
    if meta.className() != kind.__name__ or not kind.__module__.startswith("PySide6."):
        return _find(meta, name)
    key = (kind, name)
    if key not in _known:
        _known[key] = _find(meta, name)
    return _known[key]


def _find(meta: QtCore.QMetaObject, name: str) -> QtProperty | None:
    index = meta.indexOfProperty(name)
    if index < 0 and name == "name":
        index = meta.indexOfProperty("objectName")
    return QtProperty(name, meta.property(index)) if index >= 0 else None


def is_dynamic(raw: QtCore.QObject, name: str) -> bool:
    """Whether the object has a dynamic property of that name, as `SlicerParameterName` from a .ui file."""
    return name.encode() in [bytes(item.data()) for item in raw.dynamicPropertyNames()]
