"""How long this computer really takes, learned from the last training here, for the next estimate.

Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..i18n import _
from .estimate import HOUR, MINUTE, Estimate, bytesText, durationText
from .run_process import readLaunch, readNote

TIMINGS = "timings.json"
ESTIMATED = ("label", "retrain")  # the stages that an estimate is of
# Without a training before: the estimate is right to a factor of two on a computer that does nothing else,
# and the engine's start and the reading of the volumes are not in it. Twice as long again when it is busy.
UNKNOWN_LOW, UNKNOWN_HIGH, UNKNOWN_EXTRA = 0.5, 4.0, 10.0
KNOWN_LOW, KNOWN_HIGH = 0.7, 1.5  # the same computer is not always equally busy
LEAST, MOST = 0.05, 50.0  # what a factor can be


@dataclass(frozen=True)
class Pace:
    """factor: how much longer the estimated stages took than was estimated. extraSeconds: all the others."""

    factor: float
    extraSeconds: float


def measuredPace(runFolder: Path, estimate: Estimate | None) -> Pace | None:
    """What a finished run of this computer shows; None where it does not, or was made on another one."""
    launch, estimated = readLaunch(runFolder), estimate.seconds if estimate is not None else 0.0
    if launch is None or not launch.isHere or estimated <= 0:
        return None
    seconds = {name: _seconds(timing) for name, timing in readNote(runFolder / TIMINGS).items()}
    spent = sum(seconds.get(name, 0.0) for name in ESTIMATED)
    if spent <= 0:
        return None
    return Pace(min(MOST, max(LEAST, spent / estimated)), sum(seconds.values()) - spent)


def paceToText(pace: Pace) -> str:
    """For settings."""
    return json.dumps(asdict(pace))


def paceFromText(text: str) -> Pace | None:
    """What `paceToText` has written; None for anything else."""
    try:
        found = json.loads(text)
        pace = Pace(float(found["factor"]), float(found["extraSeconds"]))
    except (KeyError, TypeError, ValueError):
        return None
    return pace if LEAST <= pace.factor <= MOST and 0 <= pace.extraSeconds < 100 * HOUR else None


def expectedSeconds(estimate: Estimate, pace: Pace | None) -> tuple[float, float]:
    """The shortest and the longest time that a run is likely to take."""
    if pace is None:
        return UNKNOWN_EXTRA + UNKNOWN_LOW * estimate.seconds, UNKNOWN_EXTRA + UNKNOWN_HIGH * estimate.seconds
    likely = pace.extraSeconds + pace.factor * estimate.seconds
    return KNOWN_LOW * likely, KNOWN_HIGH * likely


def expectedText(estimate: Estimate, pace: Pace | None) -> str:
    """The time that a run is likely to take, and where that is known from."""
    low, high = (durationText(_rough(seconds)) for seconds in expectedSeconds(estimate, pace))
    if pace is not None:
        text = _("roughly {low} to {high}, judged by the last training on this computer")
        if low == high:
            text = _("roughly {low}, judged by the last training on this computer")
    else:
        text = _("roughly {low} to {high}, depending on what else the computer does")
        if low == high:
            text = _("roughly {low}, depending on what else the computer does")
    return text.format(low=low, high=high)


def estimateLine(estimate: Estimate, pace: Pace | None) -> str:
    """Time and memory of a run in one line."""
    text = _("Estimate: {duration}; {memory} of memory, on {device}.")
    return text.format(
        duration=expectedText(estimate, pace),
        memory=bytesText(estimate.gpuMemoryBytes or estimate.memoryBytes),
        device=_("the CPU") if estimate.device == "cpu" else estimate.device,
    )


def _rough(seconds: float) -> float:
    """Below two minutes in steps of ten seconds: more would promise what is not known."""
    return max(10.0, 10.0 * round(seconds / 10)) if seconds < 2 * MINUTE else seconds


def _seconds(timing: Any) -> float:
    found = timing.get("seconds") if isinstance(timing, Mapping) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else 0.0
