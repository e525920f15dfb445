"""The classes of the `qt` module: one proxy class for each PySide class, in the same tree.

A class that module code derives from one of them gets a hidden PySide subclass. That one forwards the virtual
functions which the Python class overrides, as PythonQt's shell classes do.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from Testing.bed.errors import slot_errors
from Testing.bed.pythonqt import banned, special
from Testing.bed.pythonqt.calls import call
from Testing.bed.pythonqt.values import EnumInt, EnumType, known_proxy, unwrap, wrap

_classes: dict[type, type] = {}  # PySide class -> proxy class
stand_ins: dict[str, type] = {}  # class name -> raw class, for the .ui loader


class ProxyMeta(type):
    """Metaclass of all proxy classes; `pyside` is the raw class behind one, `cpp` the nearest of C++."""

    pyside: type
    cpp: type
    derived: bool

    def __new__(mcs, name: str, bases: tuple, members: dict, pyside: type | None = None) -> ProxyMeta:
        derived = pyside is None
        if derived:
            base = next(item for item in bases if isinstance(item, ProxyMeta))
            pyside, members = _hidden_subclass(name, base, members), _without_signals(members)
        made = super().__new__(mcs, name, bases, members)
        made.pyside, made.derived = pyside, derived
        made.cpp = base.cpp if derived else pyside
        return made

    def __init__(cls, name: str, bases: tuple, members: dict, pyside: type | None = None) -> None:
        super().__init__(name, bases, members)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        banned.refuse_member(cls.cpp, name)
        if fixed := special.static_function(cls.cpp, name):
            return fixed
        value = getattr(cls.cpp, special.pyside_name(name), None)
        if value is None:
            raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")
        return class_member(f"{cls.__name__}.{name}", value)


def class_member(name: str, value: Any) -> Any:
    """What module code sees of a member of a PySide class: enums, nested classes, functions."""
    if isinstance(value, enum.Enum):
        return EnumInt(value)
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return EnumType(value)
    if isinstance(value, type):
        return proxy_class(value)
    if callable(value):
        return lambda *arguments, **keywords: call(name, value, arguments, keywords)
    return wrap(value)


def proxy_class(pyside: type) -> type:
    """The proxy class of a PySide class or stand-in; made on first use, with those of its bases."""
    from Testing.bed.pythonqt.proxy import Proxy

    if pyside is shiboken6.Object:
        return Proxy
    if pyside not in _classes:
        bases = [item for item in pyside.__bases__ if issubclass(item, shiboken6.Object)]
        base = proxy_class(bases[0]) if bases else Proxy
        _classes[pyside] = ProxyMeta(pyside.__name__, (base,), {"__module__": "qt"}, pyside=pyside)
    return _classes[pyside]


def register(stand_in: type, *modules: types.ModuleType) -> type:
    """Make a raw PySide class known: to the .ui loader by its name, and as proxy class in `modules`.

    A stand-in declares properties with QtCore.Property and signals with QtCore.Signal. Signals whose C++
    signature PySide cannot have go into its class attribute CPP_SIGNALS, as
    {"currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged"}.
    """
    stand_ins[stand_in.__name__] = stand_in
    made = proxy_class(stand_in)
    for module in modules:
        setattr(module, stand_in.__name__, made)
    return made


def _without_signals(members: dict) -> dict:
    return {name: item for name, item in members.items() if not isinstance(item, QtCore.Signal)}


def _hidden_subclass(name: str, base: ProxyMeta, members: dict) -> type:
    """The PySide class behind a class of module code: its signals, a forward for each overridden function."""
    hidden = {key: item for key, item in members.items() if isinstance(item, QtCore.Signal)}
    for key, item in members.items():
        if isinstance(item, types.FunctionType) and not key.startswith("__") and hasattr(base.cpp, key):
            hidden[key] = _forward(key, getattr(base.cpp, key))
    return type(name, (base.pyside,), hidden)


def _forward(name: str, of_base: Callable) -> Callable:
    """A PySide override that calls the Python class; its errors are collected, as PythonQt prints them."""

    def forward(raw: Any, *arguments: Any) -> Any:
        proxy = known_proxy(raw)
        if proxy is None:  # C++ calls it while the object is being made
            return of_base(raw, *arguments)
        try:
            return unwrap(getattr(proxy, name)(*[wrap(item) for item in arguments]))
        except BaseException:
            slot_errors.add_exception(f"In the virtual function {type(proxy).__name__}.{name}:")
            return of_base(raw, *arguments)

    return forward
