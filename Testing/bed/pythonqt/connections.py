"""Signals: `object.connect('clicked(bool)', function)` and `object.clicked.connect(function)`.

A wrong signature only prints a line in Slicer and the control stays dead; the bed raises. Errors in slots are
printed and swallowed by PythonQt; the bed collects them.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6 import QtCore

from Testing.bed.errors import slot_errors
from Testing.bed.pythonqt import banned
from Testing.bed.pythonqt.calls import refuse_keywords
from Testing.bed.pythonqt.values import unwrap, wrap

if TYPE_CHECKING:
    from Testing.bed.pythonqt.proxy import Proxy

CONNECTIONS = "_bed_connections"  # where a raw object keeps what module code has connected


@dataclass
class Connection:
    """One connection of module code; `undo` takes it away from Qt."""

    signal: str
    function: Callable
    undo: Callable[[], Any]


def accepted_count(function: Callable) -> int | None:
    """How many arguments PythonQt passes: what a function or method declares, else (None) all of them."""
    if isinstance(function, types.MethodType):
        inner = function.__func__
        return _declared(inner, 1) if isinstance(inner, types.FunctionType) else None
    return _declared(function, 0) if isinstance(function, types.FunctionType) else None


def _declared(function: types.FunctionType, taken: int) -> int | None:
    code = function.__code__
    return None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - taken


def slot_of(function: Callable) -> Callable:
    """A PySide slot that calls a function of module code as PythonQt does."""
    count = accepted_count(function)

    def slot(*arguments: Any) -> None:
        passed = arguments if count is None else arguments[:count]
        try:
            function(*[wrap(item) for item in passed])
        except BaseException:
            slot_errors.add_exception(f"In the slot {getattr(function, '__qualname__', function)!s}:")

    return slot


def connect(sender: Proxy, signal: str, *target: Any) -> bool:
    """Connect a signal given with its types. RuntimeError where the object has no such signal."""
    raw, signature = unwrap(sender), normalized(signal)
    banned.refuse_member(type(raw), signature.split("(")[0])
    function = _target_function(target)
    slot = slot_of(function)
    python_name = cpp_signals(type(raw)).get(signature)
    if python_name:
        bound = getattr(raw, python_name)
        bound.connect(slot)
        undo = _undo_bound(bound, slot)
    elif raw.metaObject().indexOfSignal(signature) >= 0:
        QtCore.QObject.connect(raw, QtCore.SIGNAL(signature), slot)
        undo = _undo_text(raw, signature, slot)
    else:
        raise RuntimeError(f"QObject::connect() signal '{signal}' does not exist on {type(raw).__name__}")
    raw.__dict__.setdefault(CONNECTIONS, []).append(Connection(signature, function, undo))
    return True


def disconnect(sender: Proxy, signal: str, *target: Any) -> bool:
    """Undo the first connection with that function, or all of the signal; whether there was one."""
    raw, signature = unwrap(sender), normalized(signal)
    known = raw.__dict__.get(CONNECTIONS, [])
    found = [item for item in known if item.signal == signature]
    if target:
        function = _target_function(target)
        found = [item for item in found if item.function == function][:1]
    for item in found:
        item.undo()
        known.remove(item)
    return bool(found)


def normalized(signal: str) -> str:
    """The signature as Qt writes it, without the 2 that SIGNAL puts before it."""
    if not isinstance(signal, str):
        raise TypeError(f"connect needs the signature of a signal, as 'clicked(bool)', not {signal!r}")
    return bytes(QtCore.QMetaObject.normalizedSignature(signal.removeprefix("2")).data()).decode()


def cpp_signals(kind: type) -> dict[str, str]:
    """C++ signatures of a stand-in's signals with types that PySide does not know, and their names."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= vars(base).get("CPP_SIGNALS", {})
    return found


def first_signature(raw: QtCore.QObject, name: str) -> str:
    """The signature of the first declared overload, which PythonQt takes for `object.signal`."""
    for signature, python_name in cpp_signals(type(raw)).items():
        if python_name == name:
            return signature
    meta = raw.metaObject()
    for index in range(meta.methodCount()):
        method = meta.method(index)
        is_signal = method.methodType() == QtCore.QMetaMethod.MethodType.Signal
        if is_signal and bytes(method.name().data()).decode() == name:
            return bytes(method.methodSignature().data()).decode()
    raise AttributeError(f"{type(raw).__name__} has no signal '{name}'")


class BoundSignal:
    """`object.signal`: has connect, disconnect and emit, and can be called to emit."""

    def __init__(self, sender: Proxy, name: str) -> None:
        self._sender, self._name = sender, name

    def connect(self, function: Callable) -> bool:
        """Connect the first overload with a callable."""
        return connect(self._sender, first_signature(unwrap(self._sender), self._name), function)

    def disconnect(self, *function: Callable) -> bool:
        """Disconnect a callable, or all."""
        return disconnect(self._sender, first_signature(unwrap(self._sender), self._name), *function)

    def emit(self, *arguments: Any, **keywords: Any) -> None:
        """Emit the signal."""
        refuse_keywords(self._name, keywords)
        getattr(unwrap(self._sender), self._name).emit(*[unwrap(item) for item in arguments])

    __call__ = emit


def _target_function(target: tuple) -> Callable:
    """The callable to connect with; for a receiver and the text of its slot, that function."""
    if len(target) >= 2 and isinstance(target[1], str):
        name = target[1].removeprefix("1").removeprefix("2").split("(")[0]
        return getattr(target[0], name)
    if len(target) != 1 or not callable(target[0]):
        raise TypeError(f"connect needs a callable, or a receiver and its slot, not {target!r}")
    return target[0]


def _undo_bound(bound: QtCore.SignalInstance, slot: Callable) -> Callable[[], Any]:
    return lambda: bound.disconnect(slot)


def _undo_text(raw: QtCore.QObject, signature: str, slot: Callable) -> Callable[[], Any]:
    return lambda: QtCore.QObject.disconnect(raw, QtCore.SIGNAL(signature), slot)
