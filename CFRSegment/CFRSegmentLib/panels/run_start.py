"""From a press on Train to a running engine: build the run, estimate it, ask where it is short, start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CFRTrain.runs.errors import CFRError

from ..cohort import CohortError
from ..engine import (
    Device,
    Estimate,
    Problem,
    TrainSettings,
    buildingRun,
    chosenDevice,
    estimateFrom,
    estimateProblems,
    estimateRun,
    smallerSettings,
)
from .engine_task import EngineTask
from .signals import Signal
from .step_task import StepTask

if TYPE_CHECKING:
    from .session import Session


class RunStart:
    """One run that is built and estimated, and not started yet.

    changed(): an examination has begun, or moved on. estimated(): `estimate` and `problems` are there.
    ready(run): it may start now. failed(text): it could not be built or estimated.
    """

    def __init__(self, session: Session) -> None:
        self.changed = Signal()
        self.estimated = Signal()
        self.ready = Signal()
        self.failed = Signal()
        self.estimate: Estimate | None = None
        self.problems: tuple[Problem, ...] = ()
        self.progress: tuple[int, int] = (0, 0)
        self._session = session
        self._run: Path | None = None
        self._key: object = None
        self._devices: tuple[Device, ...] = ()
        self._settings = TrainSettings()
        self._startsAfter = False
        self._building = StepTask()
        self._building.finished.connect(self._onBuilt)
        self._task = EngineTask()
        self._task.progressed.connect(self._onProgress)
        self._task.finished.connect(self._onFinished)

    @property
    def isBusy(self) -> bool:
        """Whether the run is being built, or the volumes examined."""
        return self._building.isRunning or self._task.isRunning

    def examine(self, settings: TrainSettings, devices: tuple[Device, ...], start: bool) -> None:
        """Build a run and estimate it; with `start` it is ready where nothing speaks against it."""
        if self.isBusy:
            return
        key = self._fingerprint(settings)
        self._startsAfter, self._settings, self._devices = start, settings, devices
        if self._run is not None and key == self._key and self.estimate is not None:
            self._announce()
            return
        self.discard()
        try:
            self._session.requireEngine()
            steps = buildingRun(self._session.requireCohort(), settings, devices)
        except CohortError as error:
            self.failed.emit(str(error))
            return
        self._key, self.progress = key, (0, 0)
        self._building.start(steps)
        self.changed.emit()

    def startAnyway(self) -> None:
        """Start what was estimated, although something speaks against it."""
        if self._run is not None and not self.isBusy:
            run, self._run, self._key = self._run, None, None
            self.ready.emit(run)

    def startSmaller(self) -> None:
        """Build the run anew with settings that need less memory, and start it."""
        smaller = self.smaller()
        if smaller is not None:
            self.examine(smaller, self._devices, start=True)

    def smaller(self) -> TrainSettings | None:
        """Settings that need less memory than the estimated ones; None where these are the smallest."""
        device = chosenDevice(self._devices, self._settings.device)
        return smallerSettings(self._settings, onCpu=device is None or not device.isGpu)

    def cancel(self) -> None:
        """Stop examining."""
        if self._building.isRunning:
            self._building.close()
            self.changed.emit()
        self._task.cancel()

    def discard(self) -> None:
        """Forget a run that was not started, and remove its folder, once nothing writes into it."""
        if self.isBusy:
            self.cancel()
            return
        run, self._run, self._key = self._run, None, None
        self.estimate, self.problems = None, ()
        if run is not None:
            shutil.rmtree(run, ignore_errors=True)

    def close(self) -> None:
        """The window goes."""
        self._building.close()
        self._task.close()
        self.discard()

    def _onBuilt(self) -> None:
        error = self._building.error
        if isinstance(error, CohortError | CFRError | OSError):
            self.failed.emit(str(error))
        elif error is not None:
            raise error
        else:
            self._run = self._building.result
            python, variables = self._session.requireEngine(), self._session.variables()
            self._task.start(estimateRun(python, variables, self._run))
        self.changed.emit()

    def _onProgress(self, message: dict[str, Any]) -> None:
        self.progress = int(message.get("step") or 0), int(message.get("of") or 0)
        self.changed.emit()

    def _onFinished(self) -> None:
        problem, self.estimate = self._task.problem, estimateFrom(self._task.messages)
        if problem is not None or self.estimate is None or self._task.wasCanceled:
            self.discard()
            if problem is not None:
                self.failed.emit(str(problem))
            self.changed.emit()
            return
        self.problems = estimateProblems(self.estimate, self._devices)
        self.changed.emit()
        self._announce()

    def _announce(self) -> None:
        self.estimated.emit()
        if self._startsAfter and not self.problems:
            self.startAnyway()

    def _fingerprint(self, settings: TrainSettings) -> object:
        """What a built run depends on: the settings, and every case with its role and label."""
        cohort = self._session.cohort
        if cohort is None:
            return None
        cases = tuple((item.case, item.role) for item in cohort.trainingCases())
        return cohort.folder, settings, cohort.classes, cases
