"""Instances as module code sees them: attributes looked up by PythonQt's rules, none of PySide's own.

Reading: property, function, signal, enum, dynamic property, child by its name. Writing: properties only; a
C++ object takes no new attributes. A Python subclass may have attributes of its own.
"""

from __future__ import annotations

import enum
import operator
import types
from typing import Any

from PySide6 import QtCore

from Testing.bed.pythonqt import banned, connections, properties, special
from Testing.bed.pythonqt.calls import call
from Testing.bed.pythonqt.classes import ProxyMeta, proxy_class
from Testing.bed.pythonqt.values import EnumInt, is_valid, known_proxy, remember_proxy, unwrap, wrap
from Testing.bed.threads import require_main_thread


def raw_of(proxy: Proxy) -> Any:
    """The PySide object behind a proxy."""
    try:
        return object.__getattribute__(proxy, "_raw")
    except AttributeError:
        raise RuntimeError(f"{type(proxy).__name__}.__init__ has not called that of its Qt class") from None


def proxy_of(raw: Any) -> Proxy:
    """The proxy of a PySide object: the one that is alive, or a new one."""
    require_main_thread(type(raw).__name__)
    is_object = isinstance(raw, QtCore.QObject)
    proxy = known_proxy(raw) if is_object else None
    if proxy is None:
        proxy = Proxy.__new__(proxy_class(type(raw)))
        object.__setattr__(proxy, "_raw", raw)
        if is_object:
            remember_proxy(raw, proxy, strongly=False)
    return proxy


class Proxy(metaclass=ProxyMeta, pyside=object):
    """Base of all proxies, PythonQt's instance wrapper."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        kind = type(self)
        require_main_thread(kind.__name__)
        banned.refuse_class(kind.cpp.__name__)
        made = call(kind.__name__, _Constructor(kind.pyside, kind.cpp), arguments, keywords)
        object.__setattr__(self, "_raw", made.raw)
        if isinstance(made.raw, QtCore.QObject):
            remember_proxy(made.raw, self, strongly=kind.derived)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")
        require_main_thread(type(self).__name__, name)
        raw = raw_of(self)
        if not is_valid(raw):
            raise ValueError(f"Trying to read '{name}' from a destroyed {type(raw).__name__} object")
        is_object = isinstance(raw, QtCore.QObject)
        if is_object and (found := properties.find(raw, name)):
            return wrap(found.read(raw))
        banned.refuse_member(type(raw), name)
        if name in special.METHODS and (function := special.method(raw, name)):
            return function
        if _is_member(raw, name):
            return self._member(raw, name)
        if is_object:
            return _dynamic_or_child(raw, name)
        raise AttributeError(f"{type(raw).__name__} has no attribute named '{name}'")

    def _member(self, raw: Any, name: str) -> Any:
        known = special.pyside_name(name)
        # PySide shows enum values on classes only, PythonQt on objects too.
        value = getattr(raw if hasattr(raw, known) else type(raw), known)
        if isinstance(value, QtCore.SignalInstance):
            return connections.BoundSignal(self, name)
        if isinstance(value, enum.Enum):
            return EnumInt(value)
        if not callable(value):
            return wrap(value)

        def bound(*arguments: Any, **keywords: Any) -> Any:
            require_main_thread(type(raw).__name__, name)
            if not is_valid(raw):
                raise ValueError(f"Trying to call '{name}' on a destroyed {type(raw).__name__} object")
            return call(name, value, arguments, keywords)

        return bound

    def __setattr__(self, name: str, value: Any) -> None:
        require_main_thread(type(self).__name__, name)
        raw = self.__dict__.get("_raw")
        if raw is not None and not is_valid(raw):
            raise AttributeError(f"Trying to set '{name}' on a destroyed {type(raw).__name__} object")
        if raw is None or not _is_cpp_name(raw, type(self), name):
            if raw is None or type(self).derived:
                object.__setattr__(self, name, value)
                return
            raise AttributeError(
                f"'{name}' does not exist on {type(raw).__name__} and creating new attributes on C++ objects "
                "is not allowed"
            )
        if found := properties.find(raw, name) if isinstance(raw, QtCore.QObject) else None:
            found.write(raw, value)
        elif isinstance(raw, QtCore.QObject) and properties.is_dynamic(raw, name):
            raw.setProperty(name, unwrap(value))
        else:
            raise AttributeError(f"Slot '{name}' can not be overwritten on {type(raw).__name__} object")

    def connect(self, signal: str, *target: Any) -> bool:
        """Connect 'name(types)' with a callable, or with a receiver and the text of its slot."""
        return connections.connect(self, signal, *target)

    def disconnect(self, signal: str, *target: Any) -> bool:
        """Undo `connect`; without a target, all that module code has connected."""
        return connections.disconnect(self, signal, *target)

    def className(self) -> str:
        """Name of the class of C++."""
        return type(self).__name__

    def inherits(self, name: str) -> bool:
        """Whether the class is `name` or derives from it."""
        return any(item.__name__ == name for item in type(self).cpp.__mro__)

    def delete(self) -> None:
        """Delete the C++ object now; every later use of this proxy raises."""
        special.delete(raw_of(self))

    def __eq__(self, other: object) -> bool:
        if other is None:
            return not is_valid(raw_of(self))
        if not isinstance(other, Proxy):
            return False
        mine, others = raw_of(self), raw_of(other)
        return mine is others or (not isinstance(mine, QtCore.QObject) and bool(mine == others))

    def __hash__(self) -> int:
        return hash(special.address(raw_of(self)))

    def __bool__(self) -> bool:
        return is_valid(raw_of(self))

    def __repr__(self) -> str:
        raw = self.__dict__.get("_raw")
        return f"{type(self).__name__} ({type(raw).__name__} at: {id(raw):#x})"

    def __str__(self) -> str:
        return special.text_of(raw_of(self)) or repr(self)

    def __dir__(self) -> list[str]:
        raw = raw_of(self)
        names = set(object.__dir__(self)) | {name for name in dir(raw) if _is_member(raw, name)}
        return sorted(name for name in names if not name.startswith("_"))

    def __add__(self, other: Any) -> Any:
        return wrap(operator.add(raw_of(self), unwrap(other)))

    def __sub__(self, other: Any) -> Any:
        return wrap(operator.sub(raw_of(self), unwrap(other)))

    def __mul__(self, other: Any) -> Any:
        return wrap(operator.mul(raw_of(self), unwrap(other)))


class _Made:
    """A fresh raw object on its way through `call`, which would wrap a bare one."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw


class _Constructor:
    """Makes objects of `pyside`; the overloads are those of the C++ class `cpp`."""

    def __init__(self, pyside: type, cpp: type) -> None:
        self.pyside, self.cpp = pyside, cpp

    def __call__(self, *arguments: Any) -> _Made:
        return _Made(self.pyside(*arguments))


def _is_member(raw: Any, name: str) -> bool:
    """Whether the class has the member. What a stand-in only keeps in its instance is not to be seen."""
    if name.startswith("_"):
        return False
    member = getattr(type(raw), special.pyside_name(name), None)
    # No function of Qt, CTK or MRML has an underscore in its name; what helps the stand-ins has one.
    is_helper = isinstance(member, types.FunctionType) and "_" in name
    return member is not None and not isinstance(member, property) and not is_helper


def _is_cpp_name(raw: Any, kind: ProxyMeta, name: str) -> bool:
    """Whether the C++ class of the object, not only its Python subclass, knows the name."""
    if name.startswith("_"):
        return False
    if isinstance(raw, QtCore.QObject) and (properties.find(raw, name) or properties.is_dynamic(raw, name)):
        return True
    return getattr(kind.cpp, special.pyside_name(name), None) is not None


def _dynamic_or_child(raw: QtCore.QObject, name: str) -> Any:
    if properties.is_dynamic(raw, name):
        return wrap(raw.property(name))
    for child in raw.children():
        if child.objectName() == name:
            return wrap(child)
    raise AttributeError(f"{type(raw).__name__} has no attribute named '{name}'")
