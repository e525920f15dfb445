"""Calls of Qt from module code: what PythonQt accepts as arguments, and what it refuses.

PythonQt first tries the exact types, then converts: numbers to numbers, ints to enums, anything to a string.
It takes no keyword arguments and no Python functions. It turns None into the string 'None', which nobody
wants: the bed refuses that.
"""

from __future__ import annotations

import enum
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, Union, get_args, get_origin

import shiboken6
from shibokensupport.signature import get_signature

from Testing.bed.pythonqt.values import EnumInt, to_float, to_int, unwrap, wrap

CONVERSIONS = {int: to_int, float: to_float, bool: bool, str: str}
PYTHON_CALLABLES = (types.FunctionType, types.MethodType, functools.partial)


def call(name: str, function: Callable, arguments: tuple, keywords: dict) -> Any:
    """Call a PySide function with the arguments of module code; the result is wrapped.

    Raises TypeError for what PythonQt would not take.
    """
    refuse_keywords(name, keywords)
    raw = [unwrap(item) for item in arguments]
    if is_python_function(function):
        return wrap(function(*raw))
    refuse_callables(name, raw)
    refuse_none_as_text(name, function, raw)
    try:
        return wrap(function(*raw))
    except (TypeError, ValueError, NotImplementedError) as error:
        for converted in _conversions(function, arguments, raw):
            try:
                return wrap(function(*converted))
            except (TypeError, ValueError, NotImplementedError):
                continue
        raise error


def refuse_keywords(name: str, keywords: dict) -> None:
    """PySide takes keyword arguments, PythonQt does not."""
    if keywords:
        raise ValueError(f"{name}: called slot does not support kwargs ({', '.join(sorted(keywords))})")


def refuse_callables(name: str, arguments: list) -> None:
    """PySide connects functions given as arguments, PythonQt cannot hand them to C++."""
    if any(isinstance(item, PYTHON_CALLABLES) for item in arguments):
        raise TypeError(f"{name}: a Python function cannot be an argument of C++; connect it to a signal")


def refuse_none_as_text(name: str, function: Callable, arguments: list) -> None:
    """PythonQt would show the text 'None'."""
    positions = [index for index, item in enumerate(arguments) if item is None]
    if not positions:
        return
    fitting = list(_parameter_lists(function, len(arguments)))
    for index in positions:
        if fitting and all(kinds[index] is str for kinds in fitting):
            raise TypeError(f"{name}: None given for a string, argument {index + 1}: PythonQt shows 'None'")


def is_python_function(function: Callable) -> bool:
    """Whether it is a function of a stand-in, written in Python, rather than one of C++."""
    return isinstance(function, (types.FunctionType, types.MethodType))  # noqa: UP038  this is the faster form


@functools.cache
def _signatures(function: Callable) -> tuple[inspect.Signature, ...]:
    found = get_signature(function)
    if found is None:
        return ()
    return tuple(found) if isinstance(found, list) else (found,)


def _known_signatures(function: Callable) -> tuple[inspect.Signature, ...]:
    """The overloads of a function; those of a bound method are kept with its class, not with the object."""
    function = getattr(function, "cpp", function)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, shiboken6.Object):
        function = getattr(type(owner), function.__name__, function)
    return _signatures(function)


def _parameter_lists(function: Callable, count: int) -> Iterator[list[Any]]:
    """For each overload that takes `count` arguments, the types of its parameters."""
    for signature in _known_signatures(function):
        kinds = [
            object if item.name == "self" else item.annotation
            for item in signature.parameters.values()
            if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
        ]
        if "self" in signature.parameters and not isinstance(function, types.MethodDescriptorType):
            del kinds[0]
        if count <= len(kinds):
            yield kinds


def _conversions(function: Callable, given: tuple, raw: list) -> Iterator[list[Any]]:
    """The arguments converted for one overload after the other, where all of them can be."""
    for kinds in _parameter_lists(function, len(raw)):
        try:
            converted = [_converted(*item) for item in zip(given, raw, kinds, strict=False)]
        except (TypeError, ValueError):
            continue
        yield converted


def _converted(given: Any, raw: Any, kind: Any) -> Any:
    """One argument as PythonQt's second, tolerant pass makes it; TypeError where it cannot be made."""
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    if any(_is_a(raw, item) for item in kinds):
        return raw
    for item in kinds:
        if isinstance(item, type) and issubclass(item, enum.Enum) and isinstance(given, int):
            return item(int(given))
        if item in CONVERSIONS and not (item is str and given is None):
            return CONVERSIONS[item](given)
    raise TypeError(f"{given!r} is no {kind}")


def _is_a(raw: Any, kind: Any) -> bool:
    if kind in (object, Any, inspect.Parameter.empty):
        return True
    if kind is None or kind is type(None):
        return raw is None
    if not isinstance(kind, type):  # Sequence[str] and the like: PySide itself looks at them
        return not isinstance(raw, str | int | float | EnumInt)
    if kind in (int, float) and isinstance(raw, enum.Enum | bool):
        return False
    return isinstance(raw, kind)
