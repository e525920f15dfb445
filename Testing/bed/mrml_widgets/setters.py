"""Slots that set properties, where the C++ class has such slots besides the properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def setter_slots(*properties: str) -> Callable[[type], type]:
    """Class decorator: for the property `readOnly` the function `setReadOnly`, and so on."""

    def add(cls: type) -> type:
        for name in properties:
            setattr(cls, f"set{name[0].upper()}{name[1:]}", _setter(name))
        return cls

    return add


def _setter(name: str) -> Callable[[Any, Any], None]:
    def set_property(self: Any, value: Any) -> None:
        setattr(self, name, value)

    return set_property
