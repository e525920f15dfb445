"""Signals between the parts of the window, in plain Python: PythonQt cannot make Qt signals of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Functions that are called when something happened, in the order in which they were connected."""

    def __init__(self) -> None:
        self._listeners: list[Callable[..., Any]] = []

    def connect(self, listener: Callable[..., Any]) -> None:
        """Call `listener` from now on; a second time changes nothing."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def disconnect(self, listener: Callable[..., Any]) -> None:
        """Call `listener` no more; nothing where it was not connected."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, *arguments: Any) -> None:
        """Call all listeners. What one raises comes out when all were called; the first error wins."""
        failure: Exception | None = None
        for listener in tuple(self._listeners):
            try:
                listener(*arguments)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure
