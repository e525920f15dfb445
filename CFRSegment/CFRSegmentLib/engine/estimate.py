"""Time and memory of a run before it starts, as the verb `estimate` tells them. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..i18n import _

MINUTE, HOUR, DAY = 60, 3600, 86400
KILO = 1024


@dataclass(frozen=True)
class Estimate:
    """Right to a factor of about two on a computer that does nothing else (`pace` knows more of this one).

    gpuMemoryBytes: None without a GPU. parts: seconds by stage: ("label", seconds) and ("retrain", seconds).
    """

    seconds: float
    memoryBytes: int
    gpuMemoryBytes: int | None
    device: str
    parts: tuple[tuple[str, float], ...] = ()


def estimateFrom(messages: Iterable[Mapping[str, Any]]) -> Estimate | None:
    """The newest estimate among messages of the verb `estimate`, or events of a run; None without any."""
    found = None
    for message in messages:
        if message.get("type") == "estimate":
            found = _estimate(message) or found
    return found


def _estimate(message: Mapping[str, Any]) -> Estimate | None:
    try:
        gpu = message.get("gpu_memory_bytes")
        parts = message.get("parts") or {}
        return Estimate(
            seconds=float(message["seconds"]),
            memoryBytes=int(message["memory_bytes"]),
            gpuMemoryBytes=None if gpu is None else int(gpu),
            device=str(message.get("device", "")),
            parts=tuple((str(name), float(value)) for name, value in parts.items()),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def durationText(seconds: float) -> str:
    """A rough duration for people: 40 s, 3 min, 2 h 10 min, 3 days."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return _("{count} s").format(count=whole)
    if whole < HOUR:
        return _("{count} min").format(count=round(whole / MINUTE))
    if whole < 2 * DAY:
        hours, minutes = divmod(round(whole / MINUTE), 60)
        text = _("{hours} h {minutes} min") if minutes else _("{hours} h")
        return text.format(hours=hours, minutes=minutes)
    return _("{count} days").format(count=round(whole / DAY))


def bytesText(count: int) -> str:
    """A size for people: 850 MB, 7.4 GB."""
    megabytes = count / KILO**2
    if megabytes < 1000:
        return _("{count} MB").format(count=round(megabytes))
    return _("{count} GB").format(count=f"{count / KILO**3:.1f}")
