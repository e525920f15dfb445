"""Work cut into steps of some milliseconds, so that a window can go on meanwhile. Standard library only."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Progress = tuple[int, int]  # done, in all
Steps = Generator[Progress, None, T]


def finished(steps: Steps[T]) -> T:
    """What a generator of steps returns, all of them done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
