"""The annotated members of a class: what parameter node wrappers and parameter packs have in common."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, get_type_hints

from Testing.bed.parameter_nodes.annotations import Default, splitAnnotations, take, unannotatedType
from Testing.bed.parameter_nodes.serializers import ValidatedSerializer, createSerializer


@dataclass
class ParameterInfo:
    """One member: its name, how it is kept, its default, its type as it was written."""

    basename: str
    serializer: ValidatedSerializer
    default: Default
    unalteredType: Any


def members_of(cls: type) -> dict[str, ParameterInfo]:
    """All annotated members of a class by name, in their order."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        type_, annotations = splitAnnotations(hint)
        try:
            serializer, rest = createSerializer(type_, annotations)
        except Exception as error:
            raise TypeError(f"Unable to create serializer for {cls} member {name}: {error}") from error
        defaults, rest = take(rest, Default)
        default = defaults[0] if defaults else Default(generator=serializer.default)
        if name in vars(cls) or hasattr(cls, name):
            default = Default(getattr(cls, name))
        hints = [item for item in rest if type(item).__name__ not in ("Decimals", "SingleStep")]
        if hints:
            logging.warning("Unused annotations: %s", hints)
        found[name] = ParameterInfo(name, serializer, default, hint)
    return found


def add_functions(cls: type, functions: dict[str, Any]) -> None:
    """Set functions on a class; ValueError where the class uses one of the names itself."""
    for name, function in functions.items():
        if hasattr(cls, name):
            raise ValueError(f"Cannot use reserved name '{name}' in {cls}")
        setattr(cls, name, function)


def split_name(name: str) -> tuple[str, str]:
    """The first part of a dotted name and the rest, which may be empty."""
    first, _, rest = name.partition(".")
    return first, rest


def data_type(cls: type, name: str) -> Any:
    """The annotated type of a possibly dotted member. Raises ValueError for unknown names."""
    first, rest = split_name(name)
    if first not in cls.allParameters:
        raise ValueError(f"Cannot find a param with the given name: {first}")
    hint = cls.allParameters[first].unalteredType
    if not rest:
        return hint
    inner = unannotatedType(hint)
    if not hasattr(inner, "allParameters"):
        raise ValueError(f"{inner} is not a parameter pack but expects to have '{rest}'")
    return data_type(inner, rest)
