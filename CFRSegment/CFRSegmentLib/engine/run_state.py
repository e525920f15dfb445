"""What a person is told about a run: one frozen value made from the run's events. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .estimate import Estimate
from .problems import Problem

Curve = tuple[tuple[int, float], ...]


class RunStatus(StrEnum):
    """How a run is. stopped, failed, killed, lost can be resumed; stopping is still alive."""

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
        """Whether starting the run again goes on from its last checkpoint."""
        return self in (RunStatus.STOPPED, RunStatus.FAILED, RunStatus.KILLED, RunStatus.LOST)


@dataclass(frozen=True)
class RunState:
    """A run at one moment.

    stage: Concatenate, Fine-tune or Re-train (translated), the stageIndex-th (from 1) of stageCount; 0 before
    the first. detail: what is done within it. step, of: of that. fraction: of the whole run, 0 to 1, never
    falls. elapsed, remaining: seconds; remaining is None while unknown. silentSeconds: since the last sign of
    life. curves: points (step, value), at most 500 each, by name: "loss", "dice", "fine-tune loss" ...
    problem: what ended the run. pseudoLabels: whether review.json is there. logTail: the last lines.
    """

    status: RunStatus = RunStatus.PREPARING
    stage: str = ""
    stageIndex: int = 0
    stageCount: int = 3
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
        """`No sign of life for 90 s.` while a living run is silent for long, otherwise empty."""
        raise NotImplementedError
