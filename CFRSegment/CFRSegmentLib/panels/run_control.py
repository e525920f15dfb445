"""The run that the window shows: started, followed, stopped, resumed, its results taken over. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import qt

from CFRTrain.runs.errors import CFRError
from CFRTrain.runs.run_folder import RunFolder

from ..cohort import Cohort, CohortError
from ..engine import (
    DetachedEngine,
    ModelEntry,
    ModelStore,
    RunFollower,
    RunState,
    RunStatus,
    TrainSettings,
    activeRun,
    measuredPace,
    runs,
    settingsOf,
    smallerThan,
)
from ..engine.run_process import livingPids
from ..i18n import _
from .signals import Signal
from .step_task import Steps, StepTask

if TYPE_CHECKING:
    from .session import Session

FOLLOW_MS = 500
CATCH_UP_MS = 20
# The launcher's note, what the engine makes first and last: a run that was only estimated has none of them.
SIGNS_OF_A_START = ("process.json", "checkpoints", "results.json")
TAKEN = "taken_over"  # an empty file in the folder of a run whose results are in the cohort


class RunControl:
    """One run of the open cohort at a time is followed, whoever started it.

    changed(): another run, or news of it. taken(ids, model): pseudo-labels of these cases and the model of a
    finished run are in the cohort now. failed(text): something asked for could not be done.
    """

    def __init__(self, session: Session) -> None:
        self.changed = Signal()
        self.taken = Signal()
        self.failed = Signal()
        self.engine = DetachedEngine()
        self.run: Path | None = None
        self.state: RunState | None = None
        self._session = session
        self._settings: TrainSettings | None = None
        self._isThere = False  # a process of the shown run
        self._started: set[Path] = set()
        self._stopping: set[Path] = set()
        self._follower: RunFollower | None = None
        self._work = StepTask()
        self._work.finished.connect(self._onTaken)
        self._timer = qt.QTimer()
        self._timer.connect("timeout()", self._follow)
        self._news: list[Callable[[], None]] = []
        self._newsTimer = qt.QTimer()
        self._newsTimer.setInterval(0)
        self._newsTimer.connect("timeout()", self._tellNext)

    @property
    def isActive(self) -> bool:
        """Whether an engine works on the run that is shown."""
        return self.state is not None and self.state.status.isAlive

    @property
    def isEnding(self) -> bool:
        """Whether the shown run has ended, and its process is still there, for a second or two."""
        return self._isThere and not self.isActive

    @property
    def isTakingOver(self) -> bool:
        """Whether pseudo-labels and model of a finished run are being copied."""
        return self._work.isRunning

    @property
    def settings(self) -> TrainSettings | None:
        """What the shown run was told; None without a run, or where its job cannot be read."""
        return self._settings

    def runs(self) -> tuple[Path, ...]:
        """The runs of the cohort that were started, newest first."""
        cohort = self._session.cohort
        found = runs(cohort.runsFolder) if cohort is not None else ()
        return tuple(run for run in found if any((run / name).exists() for name in SIGNS_OF_A_START))

    def activeRun(self) -> Path | None:
        """A run that an engine works on: of this cohort, or begun by this window in another one."""
        cohort = self._session.cohort
        found = activeRun(cohort.runsFolder) if cohort is not None else None
        return found or next((run for run in self._started if self.engine.isRunning(run)), None)

    def attachNewest(self) -> None:
        """Follow the run that is under way, or else the newest one, or none."""
        started = self.runs()
        found = next((run for run in started if self.engine.isRunning(run)), None)
        self.attach(found or next(iter(started), None))

    def attach(self, run: Path | None) -> None:
        """Follow another run, from its beginning."""
        self.run, self.state, self._settings = run, None, settingsOfRun(run)
        self._follower = RunFollower(run) if run is not None else None
        self._isThere = False
        self._timer.stop()
        if run is not None:
            self._timer.start(CATCH_UP_MS)
            self._follow()
        else:
            self.changed.emit()

    def start(self, run: Path) -> bool:
        """Start or resume `run` and follow it; False, with `failed`, where that is not possible."""
        try:
            self._requireNoOther(run)
            self.engine.start(run, self._session.requireEngine(), self._session.variables())
        except (CohortError, CFRError) as error:
            self.failed.emit(str(error))
            return False
        except OSError as error:
            text = _("The engine cannot be started ({reason}). Install the extension again.")
            self.failed.emit(text.format(reason=error.strerror or error))
            return False
        self._started.add(run)
        self._stopping.discard(run)
        self.attach(run)
        return True

    def stop(self, *runs: Path) -> None:
        """Ask the engines of `runs`, by default of the shown one, to stop with a checkpoint.

        After a grace time their process trees are killed.
        """
        for run in runs or (self.run,):
            if run is not None:
                self._stopping.add(run)
                self.engine.stop(run)
                self._timer.start(CATCH_UP_MS)

    def aliveHere(self) -> tuple[Path, ...]:
        """Runs that go on when this window closes: the shown one, and those it has started."""
        shown = {self.run} if self.run is not None and self.isActive else set()
        return tuple(run for run in sorted(self._started | shown) if livingPids(run))

    def finishStops(self) -> bool:
        """Go on with what `stop` has begun; True where nothing is left to be waited for."""
        self._stopping = {run for run in self._stopping if not self.engine.finishStop(run)}
        return not self._stopping

    def close(self) -> None:
        """Follow no more; a running engine goes on."""
        self._timer.stop()
        self._work.close()
        self._newsTimer.stop()
        self._news.clear()

    def _requireNoOther(self, run: Path) -> None:
        """Raises CohortError (run_active) where an engine works on another run."""
        other = self.activeRun()
        if other is not None and other != run:
            text = _("Another training, {name}, is still running.").format(name=other.name)
            raise CohortError("run_active", text, _("Wait until it ends, or stop it."))

    def _follow(self) -> None:
        """One turn: what is new in the run's files, at most 64 KB of it."""
        if self._follower is None:
            return
        self.finishStops()
        # Asked first: this notes how a process ended that could not do so itself. One lives on for a moment
        # after its last word, and is followed until it is gone.
        self._isThere = self.engine.isRunning(self._follower.runFolder)
        self.state = self._follower.poll()
        isBehind = not self._follower.caughtUp
        if isBehind or self.isActive or self._stopping or self._isThere:
            self._timer.start(CATCH_UP_MS if isBehind else FOLLOW_MS)
        else:
            self._timer.stop()
        self.changed.emit()
        if self.state.status is RunStatus.DONE and self._follower.caughtUp:
            self._takeOver()

    def _takeOver(self) -> None:
        """Bring pseudo-labels and model of the newest run into the cohort, once; it may have ended unwatched.

        An older run is left alone: what a newer one has found is better.
        """
        cohort, run = self._session.cohort, self.run
        if cohort is None or cohort.readOnly or run is None or self._work.isRunning:
            return
        if run.parent == cohort.runsFolder and run == next(iter(self.runs()), None):
            if not (run / TAKEN).exists():
                self._rememberPace(run)
                self._work.start(takingOver(cohort, run))

    def _rememberPace(self, run: Path) -> None:
        """The next estimate is told by how long this training has taken."""
        pace = measuredPace(run, self.state.estimate)
        if pace is not None:
            self._session.settings.rememberPace(self.state.device, pace)

    def _onTaken(self) -> None:
        error = self._work.error
        if isinstance(error, CohortError | CFRError | OSError):
            self.failed.emit(str(error))
        elif error is not None:
            raise error
        else:
            self._tell(*self._work.result)
            return
        self.changed.emit()

    def _tell(self, ids: tuple[str, ...], model: ModelEntry) -> None:
        """What came in, each in an event of its own: lists and views are made anew meanwhile."""
        if ids:
            self._news.append(lambda: self._session.casesChanged.emit(ids))
        self._news.append(self._session.modelsChanged.emit)
        self._news.append(lambda: self.taken.emit(ids, model))
        self._news.append(self.changed.emit)
        self._newsTimer.start()

    def _tellNext(self) -> None:
        if self._news:
            self._news.pop(0)()
        if not self._news:
            self._newsTimer.stop()


def settingsOfRun(run: Path | None) -> TrainSettings | None:
    """The choices that a run was started with; None where its job cannot be read."""
    try:
        return settingsOf(RunFolder(run).job()) if run is not None else None
    except CFRError:
        return None


def smallerThanRun(run: Path | None) -> TrainSettings | None:
    """What a run was started with, with less need of memory; None where there is nothing smaller."""
    try:
        return smallerThan(RunFolder(run).job()) if run is not None else None
    except CFRError:
        return None


def takingOver(cohort: Cohort, run: Path) -> Steps:
    """The steps of adopting a finished run; gives ids of the cases with new pseudo-labels, and the model."""
    ids = yield from cohort.adoption(run)
    model: ModelEntry = yield from ModelStore(cohort.modelsFolder).addingFromRun(run)
    (run / TAKEN).touch()
    return ids, model
