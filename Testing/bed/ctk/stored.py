"""Properties of stand-ins that only keep a value, and the reading of C++ constructor arguments."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtWidgets

_numbers = itertools.count()  # each property keeps its value under a name of its own


def stored(kind: Any, default: Any, changed: Callable[[Any], None] | None = None) -> QtCore.Property:
    """A property with a value per object; `changed(object)` runs after a new value was set."""
    key = f"_stored_{next(_numbers)}"

    def get(owner: Any) -> Any:
        return owner.__dict__.get(key, default)

    def put(owner: Any, value: Any) -> None:
        if get(owner) != value:
            owner.__dict__[key] = value
            if changed:
                changed(owner)

    return QtCore.Property(kind, get, put)


def text_and_parent(arguments: tuple) -> tuple[str, QtWidgets.QWidget | None]:
    """Arguments of the constructors `(parent)` and `(text, parent)` that many classes of CTK have."""
    text = arguments[0] if arguments and isinstance(arguments[0], str) else ""
    parents = [item for item in arguments if isinstance(item, QtWidgets.QWidget)]
    return text, parents[0] if parents else None


def parent_of(arguments: tuple) -> QtWidgets.QWidget | None:
    """The parent among the arguments of a constructor."""
    return next((item for item in arguments if isinstance(item, QtWidgets.QWidget)), None)
