"""Starting the engine so that it outlives the viewer, finding it again, and stopping it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

GRACE_SECONDS = 8.0


class DetachedEngine:
    """The engine process of a run. Nothing here blocks for longer than it takes to start a process.

    Everything that must survive the viewer is in the run folder: `process.json` (pid and start time, so that
    a pid used again is never taken for the engine), `lock` (the engine's own), `stop`, `exit.json`.
    """

    def __init__(self, graceSeconds: float = GRACE_SECONDS) -> None:
        self.graceSeconds = graceSeconds

    def start(self, runFolder: Path, python: Path | str, environment: Mapping[str, str]) -> int:
        """Starts, or resumes, the run in a process of its own session and returns its pid.

        environment: the startup variables, cleaned here. Raises LockedError where an engine works on this run
        or another one of the same cohort, OSError where Python cannot be started.
        """
        raise NotImplementedError

    def isRunning(self, runFolder: Path) -> bool:
        """Whether an engine works on the run: started here, by an earlier viewer, or on another machine."""
        raise NotImplementedError

    def stop(self, runFolder: Path) -> None:
        """Asks the engine to stop at its next step, returns at once; call `finishStop` until gone."""
        raise NotImplementedError

    def finishStop(self, runFolder: Path) -> bool:
        """True when nothing of the run is alive any more; after the grace time it kills the process tree."""
        raise NotImplementedError

    def killTree(self, runFolder: Path) -> None:
        """Ends the engine and all its children at once; lost is only the work since the last checkpoint."""
        raise NotImplementedError


def activeRun(runsFolder: Path) -> Path | None:
    """The run of a cohort that an engine works on, for re-attaching; None where there is none."""
    raise NotImplementedError


def latestRun(runsFolder: Path) -> Path | None:
    """The newest run of a cohort, finished or not; None where there is none."""
    raise NotImplementedError
