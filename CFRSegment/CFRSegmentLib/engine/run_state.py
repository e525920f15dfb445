"""What a person is told about a run: one frozen value made from the run's events. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..i18n import _
from .estimate import Estimate, durationText
from .problems import Problem

Curve = tuple[tuple[int, float], ...]
SILENT_SECONDS = 60.0


class RunStatus(StrEnum):
    """How a run is.

    ready: built, never started. preparing: the engine is starting. stopped, failed, killed (by a signal) and
    lost (gone without a word) can be resumed; stopping is still alive.
    """

    READY = "ready"
    PREPARING = "preparing"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    KILLED = "killed"
    LOST = "lost"

    @property
    def isAlive(self) -> bool:
        """Whether an engine works on the run."""
        return self in (RunStatus.PREPARING, RunStatus.RUNNING, RunStatus.STOPPING)

    @property
    def canResume(self) -> bool:
        """Whether starting the run goes on from its last checkpoint."""
        return self in (RunStatus.STOPPED, RunStatus.FAILED, RunStatus.KILLED, RunStatus.LOST)


@dataclass(frozen=True)
class RunState:
    """A run at one moment.

    stages: what is done in its steps, for people; an empty one is left out. stageIndex: the present one, from
    1, 0 before the first. detail: what is done within it. step, of: of that. fraction: of the whole run, 0 to
    1, never falls. elapsed, remaining: seconds; remaining is None while unknown. silentSeconds: since the
    last sign of life. curves: points (step, value), at most 500 each, by name: "retrain/loss",
    "retrain/dice", "finetune/loss" ... problem: what ended the run. pseudoLabels, hasModel: whether there is
    something to review, to apply. logTail: the last events in words, then the last lines of the engine's own
    log.
    """

    status: RunStatus = RunStatus.READY
    stages: tuple[str, ...] = ()
    stageIndex: int = 0
    detail: str = ""
    step: int = 0
    of: int = 0
    fraction: float = 0.0
    elapsed: float = 0.0
    remaining: float | None = None
    silentSeconds: float = 0.0
    curves: dict[str, Curve] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None
    estimate: Estimate | None = None
    device: str = ""
    checkpointStep: int | None = None
    pseudoLabels: bool = False
    hasModel: bool = False
    logTail: str = ""

    @property
    def sign(self) -> str:
        """A line for a living run that has been silent for long, otherwise empty."""
        if not self.status.isAlive or self.silentSeconds < SILENT_SECONDS:
            return ""
        text = _("No sign of life for {duration}; the process is still there.")
        return text.format(duration=durationText(self.silentSeconds))
