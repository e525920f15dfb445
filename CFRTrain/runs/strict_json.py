"""Frozen dataclasses to JSON and back, strictly: unknown keys, wrong types and bad values name their place.

Standard library only, because the viewer's process reads jobs before anything is installed.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import types
import typing
from typing import Any, TypeVar

from CFRTrain.runs.errors import JobError

T = TypeVar("T")


def wrong(path: str, problem: str) -> JobError:
    """The error for the value at dotted `path`."""
    return JobError("bad_job", f"{path or 'job'}: {problem.rstrip('.')}.", "Correct this value in the job.")


def parse_object(text: str, name: str) -> dict[str, Any]:
    """The JSON object in `text`; repeated keys, NaN and infinity are mistakes. Raises JobError."""
    try:
        found = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise wrong(name, f"is not readable JSON ({error})") from error
    if not isinstance(found, dict):
        raise wrong(name, "must be an object")
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} stands there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def to_plain(value: Any) -> Any:
    """A dataclass as JSON types: objects, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return [to_plain(item) for item in value] if isinstance(value, list | tuple) else value


def from_plain(kind: type[T], value: Any, path: str = "") -> T:
    """The dataclass `kind` from JSON types; missing keys take their defaults. Raises JobError."""
    if not isinstance(value, dict):
        raise wrong(path, "must be an object")
    hints = typing.get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in value:
        if key not in fields:
            raise wrong(f"{path}.{key}".strip("."), _unknown(str(key), list(fields)))
    for name, item in fields.items():
        if name not in value and item.default is item.default_factory is dataclasses.MISSING:
            raise wrong(f"{path}.{name}".strip("."), "is missing")
    found = {key: _convert(hints[key], item, f"{path}.{key}".strip(".")) for key, item in value.items()}
    try:
        return kind(**found)
    except ValueError as error:
        place, _, problem = str(error).partition(": ")
        raise wrong(f"{path}.{place}".strip("."), problem) from error


def _unknown(key: str, names: list[str]) -> str:
    close = difflib.get_close_matches(key, names, n=1)
    return f"is unknown; did you mean {close[0]}?" if close else f"is unknown; known are {', '.join(names)}"


def _convert(hint: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return _convert(next(item for item in typing.get_args(hint) if item is not type(None)), value, path)
    if origin is typing.Literal:
        if value not in typing.get_args(hint) or isinstance(value, bool):
            raise wrong(path, f"must be one of {', '.join(map(str, typing.get_args(hint)))}")
        return value
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, path)
    if dataclasses.is_dataclass(hint):
        return from_plain(typing.cast(type, hint), value, path)
    return _convert_scalar(hint, value, path)


def _convert_tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise wrong(path, "must be a list")
    if len(items) == 2 and items[1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(items) != len(value):
        raise wrong(path, f"must have {len(items)} values")
    pairs = zip(items, value, strict=True)
    return tuple(_convert(hint, part, f"{path}.{index}") for index, (hint, part) in enumerate(pairs))


def _convert_scalar(hint: Any, value: Any, path: str) -> Any:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not _is_finite(value):
            raise wrong(path, "must be finite")
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint is bool and isinstance(value, bool) or hint is str and isinstance(value, str):
        return value
    names = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
    raise wrong(path, f"must be {names.get(hint, str(hint))}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


def require(condition: bool, field: str, problem: str) -> None:
    """For `__post_init__`: raises ValueError in the form that `from_plain` turns into a JobError."""
    if not condition:
        raise ValueError(f"{field}: {problem}")
