"""Values on their way between module code and PySide6: proxies, enums as ints, lists as tuples."""

from __future__ import annotations

import enum
import math
import operator
import weakref
from typing import Any

import shiboken6
from PySide6 import QtCore

PLAIN = frozenset((type(None), bool, int, float, str, bytes))  # the same on both sides
PROXY = "_bed_proxy"  # where a raw object keeps its proxy: strongly for Python subclasses, else weakly


class EnumInt(int):
    """A Qt enum value as PythonQt gives it: an int. It remembers the PySide enum for the way back."""

    pyside: enum.Enum

    def __new__(cls, value: enum.Enum) -> EnumInt:
        number = int.__new__(cls, value.value)
        number.pyside = value
        return number

    def __or__(self, other: int) -> int:
        return self._combined(other, int(self) | int(other))

    def __and__(self, other: int) -> int:
        return self._combined(other, int(self) & int(other))

    def _combined(self, other: int, number: int) -> int:
        """Flags of one type stay of that type, everything else becomes a plain int."""
        if isinstance(other, EnumInt) and type(other.pyside) is type(self.pyside):
            if isinstance(self.pyside, enum.Flag):
                return EnumInt(type(self.pyside)(number))
        return number

    def __repr__(self) -> str:
        return f"{type(self.pyside).__name__}({int(self)})"

    __str__ = int.__repr__
    __hash__ = int.__hash__


class EnumType:
    """A Qt enum seen from module code: `qt.QProcess.ProcessState.NotRunning`, `qt.Qt.Key(65)`."""

    def __init__(self, pyside: type[enum.Enum]) -> None:
        self._pyside = pyside

    def __call__(self, number: int) -> EnumInt:
        return EnumInt(self._pyside(int(number)))

    def __getattr__(self, name: str) -> EnumInt:
        if name.startswith("_") or name not in self._pyside.__members__:
            raise AttributeError(f"{self._pyside.__name__} has no attribute named '{name}'")
        return EnumInt(self._pyside[name])


def to_int(value: Any) -> int:
    """A number as PythonQt makes an int of it: fractions are cut, what has __index__ (numpy) is taken."""
    return math.floor(value) if type(value) is float else operator.index(value)


def to_float(value: Any) -> float:
    """A number as PythonQt makes a double of it; a text is none."""
    if isinstance(value, str | bytes):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def is_valid(raw: object) -> bool:
    """Whether the C++ object behind a raw PySide object still exists."""
    return shiboken6.isValid(raw)


def known_proxy(raw: QtCore.QObject) -> Any | None:
    """The proxy that stands for `raw` already, if one is alive."""
    kept = raw.__dict__.get(PROXY)
    return kept() if isinstance(kept, weakref.ref) else kept


def remember_proxy(raw: object, proxy: object, strongly: bool) -> None:
    """Let `raw` find its proxy again. A Python subclass lives as long as its C++ object, hence `strongly`."""
    raw.__dict__[PROXY] = proxy if strongly else weakref.ref(proxy)


def wrap(value: Any) -> Any:
    """What module code sees of a PySide value: proxies, EnumInt, tuples for lists; the rest as it is."""
    if type(value) in PLAIN:
        return value
    from Testing.bed.pythonqt import classes, proxy

    if isinstance(value, enum.Enum):
        return EnumInt(value)
    if isinstance(value, int | float | str | bytes | proxy.Proxy):
        return value
    if isinstance(value, shiboken6.Object):
        return proxy.proxy_of(value)
    if isinstance(value, list | tuple):
        return tuple(wrap(item) for item in value)
    if isinstance(value, dict):
        return {key: wrap(item) for key, item in value.items()}
    if isinstance(value, type) and issubclass(value, shiboken6.Object):
        return classes.proxy_class(value)
    return value


def unwrap(value: Any) -> Any:
    """The PySide value behind what module code passed; MRML and other objects pass as they are."""
    if type(value) in PLAIN:
        return value
    from Testing.bed.pythonqt import classes, proxy

    if isinstance(value, proxy.Proxy):
        return proxy.raw_of(value)
    if isinstance(value, EnumInt):
        return value.pyside
    if isinstance(value, classes.ProxyMeta):
        return value.pyside
    if isinstance(value, list | tuple):
        return [unwrap(item) for item in value]
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    return value
