"""Functions for which PythonQt and PySide differ by more than the rules of `calls`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtUiTools, QtWidgets

from Testing.bed.pythonqt.calls import call
from Testing.bed.pythonqt.connections import slot_of
from Testing.bed.pythonqt.values import unwrap, wrap

# PySide gives (value, ok) or (file, filter) where C++ has an output argument; PythonQt gives the value only.
FIRST_OF_PAIR = {
    QtWidgets.QFileDialog: ("getOpenFileName", "getOpenFileNames", "getSaveFileName"),
    QtWidgets.QInputDialog: ("getText", "getMultiLineText", "getInt", "getDouble", "getItem"),
}


def pyside_name(name: str) -> str:
    """PySide's name of a function: PythonQt has exec_ besides exec."""
    return "exec" if name == "exec_" else name


def static_function(pyside: type, name: str) -> Callable | None:
    """A static function of a class that needs a version of the bed's own."""
    if issubclass(pyside, QtCore.QTimer) and name == "singleShot":
        return single_shot
    for owner, names in FIRST_OF_PAIR.items():
        if issubclass(pyside, owner) and name in names:
            function = getattr(pyside, name)
            return lambda *arguments, **keywords: call(name, function, arguments, keywords)[0]
    return None


def single_shot(milliseconds: int, function: Callable) -> None:
    """QTimer.singleShot: PythonQt has only the form with a callable."""
    if not callable(function):
        raise TypeError("QTimer.singleShot takes a time and a callable")
    QtCore.QTimer.singleShot(int(milliseconds), slot_of(function))


METHODS = ("data", "load", "findChild", "findChildren", "property", "setProperty")


def method(raw: Any, name: str) -> Callable | None:
    """One of METHODS for an object that needs a version of the bed's own."""
    if isinstance(raw, QtCore.QByteArray) and name == "data":
        return lambda: bytes(raw.data())
    if isinstance(raw, QtUiTools.QUiLoader) and name == "load":
        return lambda device, parent=None: _load_ui(device, parent)
    if not isinstance(raw, QtCore.QObject):
        return None
    return {
        "findChild": lambda kind, name="": _find_child(raw, kind, name),
        "findChildren": lambda kind, name="": wrap(_find_children(raw, kind, name)),
        "property": lambda key: wrap(raw.property(key)),
        "setProperty": lambda key, value: raw.setProperty(key, unwrap(value)),
    }.get(name)


def _load_ui(device: Any, parent: Any) -> Any:
    from Testing.bed.ui_loader import load_ui

    return wrap(load_ui(unwrap(device), unwrap(parent)))


def _find_child(raw: QtCore.QObject, kind: Any, name: str) -> Any:
    found = _find_children(raw, kind, name)
    if not found and isinstance(kind, str) and raw.findChild(QtCore.QObject, kind):
        raise TypeError(f"findChild needs the type first; {kind!r} is the name of a child")
    return wrap(found[0]) if found else None


def _find_children(raw: QtCore.QObject, kind: Any, name: str) -> list[QtCore.QObject]:
    """Children of a class, given as the class or by its name; direct children come first, as in PythonQt."""
    kind = unwrap(kind)
    if not isinstance(kind, str | type):
        return []
    children = raw.children()
    found = [item for item in children if (not name or item.objectName() == name) and _is_of(item, kind)]
    return found + [item for child in children for item in _find_children(child, kind, name)]


def _is_of(item: QtCore.QObject, kind: type | str) -> bool:
    return (
        kind in [base.__name__ for base in type(item).__mro__]
        if isinstance(kind, str)
        else isinstance(item, kind)
    )


def delete(raw: Any) -> None:
    """Delete the C++ object."""
    if shiboken6.isValid(raw):
        shiboken6.delete(raw)


def address(raw: Any) -> int:
    """Address of the C++ object; that of the wrapper where it is gone."""
    return shiboken6.getCppPointer(raw)[0] if shiboken6.isValid(raw) else id(raw)


def text_of(raw: Any) -> str:
    """What str() gives for values: PythonQt writes a QByteArray like Python's bytes."""
    if isinstance(raw, QtCore.QByteArray):
        return repr(bytes(raw.data()))
    return ""
