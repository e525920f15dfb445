"""Follows a run by its files, whoever started it and wherever it runs. Standard library only."""

from __future__ import annotations

from pathlib import Path

from .run_state import RunState

MAX_BYTES = 65536


class RunFollower:
    """Reads what is new in a run folder. One follower per run and viewer; `poll` once or twice a second."""

    def __init__(self, runFolder: Path) -> None:
        self.runFolder = Path(runFolder)

    def poll(self, maxBytes: int = MAX_BYTES) -> RunState:
        """The run as it is now; reads `maxBytes` of events at most: a long run takes several calls."""
        raise NotImplementedError

    @property
    def caughtUp(self) -> bool:
        """Whether the last poll has read every event there was."""
        raise NotImplementedError
