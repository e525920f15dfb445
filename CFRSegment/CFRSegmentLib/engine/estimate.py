"""Time and memory of a run before it starts, as the verb `estimate` tells them. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """Right to a factor of about two. gpuMemoryBytes: None without a GPU. parts: seconds by stage."""

    seconds: float
    memoryBytes: int
    gpuMemoryBytes: int | None
    device: str
    parts: tuple[tuple[str, float], ...] = ()


def estimateFrom(messages: Iterable[Mapping[str, Any]]) -> Estimate | None:
    """The estimate in the messages of the verb `estimate`, or None while there is none."""
    raise NotImplementedError


def durationText(seconds: float) -> str:
    """`about 3 min`, `about 2 h`, for people."""
    raise NotImplementedError


def bytesText(count: int) -> str:
    """`850 MB`, `7.4 GB`, for people."""
    raise NotImplementedError
