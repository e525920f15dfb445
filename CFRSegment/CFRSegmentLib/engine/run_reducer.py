"""The events of a run, one after the other, summed up: no files, no clock. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .curves import CurveBuffer
from .estimate import Estimate, estimateFrom
from .run_shape import RunShape, phaseSpan, stageShares

MOST_CURVES = 24
MOST_WARNINGS = 50
HIDDEN_CURVES = ("learning_rate",)
MOST_OF_A_STAGE = 0.5


class RunReducer:
    """What the events so far tell. Memory is bounded; an event that cannot be understood changes nothing.

    fraction never falls; what belongs to one start of the engine (problem, finished) is forgotten at the next
    one. Times are those of the events, seconds since 1970.
    """

    def __init__(self, shape: RunShape | None = None) -> None:
        """shape: how the job divides its run into phases."""
        self.shape = shape or RunShape()
        self.startedAt: float | None = None
        self.lastTime: float | None = None
        self.spentBefore = 0.0  # seconds of earlier starts
        self._isResumed = False
        self.device = ""
        self.stage = ""
        self.phase, self.step, self.of = "", 0, 0
        self.secondsLeft: float | None = None
        self.within = 0.0  # of the stage, 0 to 1
        self.slowdown: float | None = None  # how much longer the labeling took than was estimated
        self._measuredFrom: tuple[float, float] | None = None  # time and share of the stage
        self.fraction = 0.0
        self.checkpointStep: int | None = None
        self.warnings: dict[str, None] = {}
        self.error: Mapping[str, Any] | None = None
        self.finished: str | None = None
        self.finishedAt = 0.0
        self.estimate: Estimate | None = None
        self._curves: dict[str, CurveBuffer] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Adds one event."""
        handler = getattr(self, f"_on{str(event.get('type')).capitalize()}", None)
        try:
            when = float(event["time"])
            if handler is not None:
                handler(event, when)
            self.lastTime = when
        except (KeyError, TypeError, ValueError):
            return

    def curves(self) -> dict[str, tuple[tuple[int, float], ...]]:
        """Points by the name of the metric."""
        return {name: curve.points() for name, curve in self._curves.items()}

    @property
    def parts(self) -> dict[str, float]:
        """Estimated seconds of the stages `label` and `retrain`, empty while unknown."""
        return dict(self.estimate.parts) if self.estimate is not None else {}

    def secondsPerStage(self, enough: float) -> float | None:
        """Seconds for the whole stage at the pace so far; None until the share `enough` of it was done now.

        What an earlier start of the engine has done is no work of this one and is not counted.
        """
        if self._measuredFrom is None or self.lastTime is None:
            return None
        time, share = self.lastTime - self._measuredFrom[0], self.within - self._measuredFrom[1]
        return time / share if share >= enough and time > 0 else None

    def slowdownOfStage(self, enough: float) -> float | None:
        """How much longer the stage takes than was estimated; None while that is not known."""
        pace, estimated = self.secondsPerStage(enough), self.parts.get(self.stage, 0.0)
        return pace / estimated if pace is not None and estimated > 0 else None

    def _onStarted(self, event: Mapping[str, Any], when: float) -> None:
        self._isResumed = self.startedAt is not None
        if self.startedAt is not None and self.lastTime is not None:
            self.spentBefore += max(0.0, self.lastTime - self.startedAt)
        self.startedAt, self.device = when, str(event.get("device", ""))
        self.error, self.finished, self.secondsLeft = None, None, None
        self.stage, self.phase, self.step, self.of, self.within = "", "", 0, 0, 0.0

    def _onStage(self, event: Mapping[str, Any], when: float) -> None:
        if self.stage == "label":
            self.slowdown = self.slowdownOfStage(MOST_OF_A_STAGE) or self.slowdown
        self.stage = str(event["name"])
        self._measuredFrom = None if self._isResumed else (when, 0.0)
        self.phase, self.step, self.of, self.secondsLeft, self.within = "", 0, 0, None, 0.0
        self._advance()

    def _onProgress(self, event: Mapping[str, Any], when: float) -> None:
        step, of, left = int(event["step"]), int(event["of"]), event.get("seconds_left")
        self.phase, self.step, self.of = str(event["stage"]), step, of
        self.secondsLeft = None if left is None else float(left)
        start, end = phaseSpan(self.stage, self.phase, self.shape)
        share = min(1.0, step / of) if of > 0 else 0.0
        self.within = max(self.within, start + (end - start) * share)
        if self._measuredFrom is None:
            self._measuredFrom = when, self.within
        self._advance()

    def _onMetric(self, event: Mapping[str, Any], when: float) -> None:
        name, value = str(event["name"]), event.get("value")
        if value is None or name.rpartition("/")[2] in HIDDEN_CURVES:
            return
        if name in self._curves or len(self._curves) < MOST_CURVES:
            self._curves.setdefault(name, CurveBuffer()).add(int(event["step"]), float(value))

    def _onCheckpoint(self, event: Mapping[str, Any], when: float) -> None:
        self.checkpointStep = int(event["step"])

    def _onEstimate(self, event: Mapping[str, Any], when: float) -> None:
        self.estimate = estimateFrom([{**event, "device": self.device}]) or self.estimate

    def _onWarning(self, event: Mapping[str, Any], when: float) -> None:
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings[str(event["text"])] = None

    def _onError(self, event: Mapping[str, Any], when: float) -> None:
        self.error = dict(event)

    def _onFinished(self, event: Mapping[str, Any], when: float) -> None:
        self.finished, self.finishedAt = str(event["status"]), when
        if self.finished == "done":
            self.fraction = 1.0

    def _advance(self) -> None:
        """The share of the run that is behind, if the stage is one of the engine's."""
        shares = stageShares(self.parts)
        if self.stage in shares:
            start, end = shares[self.stage]
            self.fraction = min(0.999, max(self.fraction, start + (end - start) * self.within))
