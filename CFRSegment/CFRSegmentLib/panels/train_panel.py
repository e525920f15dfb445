"""The Train section: settings, what keeps a training from starting, and the training itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from ..engine import ModelEntry, TrainSettings, estimateLine
from ..i18n import _
from .message_line import MessageLine
from .run_control import RunControl, smallerThanRun
from .run_question import Answer, askAboutRun
from .run_start import RunStart
from .run_view import RunView
from .scrolling import isInView, reveal
from .train_choices import TrainChoices
from .train_reasons import TrainReasons
from .ui_files import loadPanelUi

if TYPE_CHECKING:
    from .session import Session

REFRESH_MS = 30
MEMORY_CODES = ("memory", "gpu_memory", "killed")


class TrainPanel:
    """One section of the window. `control` has the run that it shows."""

    def __init__(self, parent: qt.QWidget, session: Session) -> None:
        self._parent, self._session = parent, session
        self.control = RunControl(session)
        self._start = RunStart(session)
        self._isStartWanted: bool | None = None  # what to do once the devices are known
        self._closesAfterStop = False

    def setup(self) -> None:
        """Make the widgets and connect everything."""
        self.ui = loadPanelUi("TrainPanel", self._parent)
        self._choices = TrainChoices(self._session, self.ui)
        self._view = RunView(self.ui)
        self._reasons = TrainReasons(self._session, self.control, self.ui)
        layout = self.ui.trainContentsLayout
        self._message = MessageLine(layout, layout.indexOf(self.ui.estimateLabel) + 1, "trainMessage")
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(REFRESH_MS)
        self._soon.connect("timeout()", self._refreshReasons)
        self._connectWidgets()
        self._connectSignals()
        self._session.closeQuestions.append(self._mayClose)
        self.refresh()

    def refresh(self) -> None:
        """Show what the session holds."""
        hasCohort = self._session.cohort is not None
        self.ui.trainEmptyLabel.setVisible(not hasCohort)
        self.ui.trainContents.setVisible(hasCohort)
        self._choices.show()
        self._showRun()
        self._showStart()
        self._soon.start()

    def enter(self) -> None:
        """The module is shown."""
        self._soon.start()

    def exit(self) -> None:
        """Another module is shown; the run is followed all the same."""

    def cleanup(self) -> None:
        """The window goes; a training goes on."""
        self._soon.stop()
        for part in (self.control, self._start, self._choices, self._view):
            part.close()
        session = self._session
        session.cohortChanged.disconnect(self._onCohortChanged)
        session.casesChanged.disconnect(self._onSettingsChanged)
        session.parametersChanged.disconnect(self.refresh)
        session.setupFinished.disconnect(self._onSettingsChanged)
        session.closeQuestions.remove(self._mayClose)

    def _connectWidgets(self) -> None:
        ui = self.ui
        ui.trainButton.connect("clicked()", self._train)
        ui.estimateButton.connect("clicked()", self._estimate)
        ui.installButton.connect("clicked()", self._session.requestSetup)
        ui.checkingCancelButton.connect("clicked()", self._start.cancel)
        ui.stopButton.connect("clicked()", self._stop)
        ui.resumeButton.connect("clicked()", self._resume)
        ui.runComboBox.connect("activated(int)", self._onRunChosen)
        self._parent.connect("contentsCollapsed(bool)", self._onFolded)

    def _connectSignals(self) -> None:
        session = self._session
        session.cohortChanged.connect(self._onCohortChanged)
        session.casesChanged.connect(self._onSettingsChanged)
        session.parametersChanged.connect(self.refresh)
        session.setupFinished.connect(self._onSettingsChanged)
        self._choices.changed.connect(self._onSettingsChanged)
        self.control.changed.connect(self._onRunChanged)
        self.control.taken.connect(self._onTaken)
        self.control.failed.connect(self._fail)
        self._start.changed.connect(self._showStart)
        self._start.estimated.connect(self._onEstimated)
        self._start.ready.connect(self._onReady)
        self._start.failed.connect(self._fail)

    def _train(self) -> None:
        self._examine(start=True)

    def _estimate(self) -> None:
        self._examine(start=False)

    def _examine(self, start: bool, settings: TrainSettings | None = None) -> None:
        """Build and estimate a run, once it is known what there is to compute on."""
        self._message.clear()
        devices = self._choices.devices
        if not devices.devices:
            self._isStartWanted = start
            devices.look()
            self._showStart()
            return
        self._start.examine(settings or self._choices.settings(), devices.devices, start)
        reveal(self.ui.trainButton, self.ui.checkingRow)

    def _stop(self) -> None:
        self.control.stop()

    def _resume(self) -> None:
        self._message.clear()
        if self.control.run is not None and self.control.start(self.control.run):
            self._revealRun()

    def _trainSmaller(self) -> None:
        """As the run that failed, whatever the panel says now, with less need of memory."""
        smaller = smallerThanRun(self.control.run)
        if smaller is not None:
            self._examine(start=True, settings=smaller)

    def _onCohortChanged(self) -> None:
        self._start.cancel()
        self._start.discard()
        self._message.clear()
        self.control.attachNewest()
        self.refresh()

    def _onSettingsChanged(self, *_arguments: object) -> None:
        wanted, self._isStartWanted = self._isStartWanted, self._isStartWanted
        if wanted is not None and not self._choices.devices.isLooking:
            self._isStartWanted = None
            if self._choices.devices.devices:
                self._examine(wanted)
            else:
                self._fail(_("The devices of this computer could not be tried. Check the installation."))
        self._soon.start()

    def _onFolded(self, isFolded: bool) -> None:
        if not isFolded:
            self._soon.start()

    def _onRunChosen(self, index: int) -> None:
        self.control.attach(self.control.runs()[index])

    def _onRunChanged(self) -> None:
        self._showRun()
        if not self.control.isActive:
            self._soon.start()
        if self._closesAfterStop and self.control.finishStops():
            self._closesAfterStop = False
            qt.QTimer.singleShot(0, slicer.util.mainWindow().close)

    def _onReady(self, run: Path) -> None:
        if self.control.start(run):
            self._revealRun()
        self._soon.start()

    def _revealRun(self) -> None:
        """What was started is in view: its progress, and how to stop it."""
        reveal(self.ui.runLine, self.ui.stopButton)

    def _onTaken(self, ids: tuple[str, ...], model: ModelEntry) -> None:
        text = _("The training is done. The model {model} is ready; {count} pseudo-labels wait for review.")
        actions = ((_("Review"), self._showReview), (_("Apply"), self._showApply))
        isWatched = isInView(self.ui.runProgressBar)
        self._message.info(text.format(model=model.name, count=len(ids)), actions)
        if isWatched:  # who works elsewhere meanwhile stays there
            self._message.reveal()

    def _showReview(self) -> None:
        self._session.showSection("review")

    def _showApply(self) -> None:
        self._session.showSection("apply")

    def _onEstimated(self) -> None:
        """Ask where something speaks against the start that was wanted."""
        self._showStart()
        problems = self._start.problems
        if not problems:
            reveal(self.ui.estimateLabel)
            return
        actions = [(_("Start anyway"), self._startAnyway)]
        if self._start.smaller() is not None:
            actions.append((_("Use smaller settings"), self._start.startSmaller))
        self._message.warning("\n".join(str(problem) for problem in problems), actions)
        self._message.reveal()

    def _startAnyway(self) -> None:
        self._message.clear()
        self._start.startAnyway()

    def _fail(self, text: str) -> None:
        self._message.error(text)

    def _refreshReasons(self) -> None:
        """What keeps a training from starting; looks for devices when the section is first seen."""
        cohort = self._session.cohort
        if cohort is None or self._start.isBusy or not self.ui.top.isVisible():
            return
        devices = self._choices.devices
        if not devices.devices and not devices.isLooking:
            devices.lookOnce()
        isBlocked = self._reasons.refresh(self._choices.settings(), devices.devices)
        self.ui.trainButton.enabled = self.ui.estimateButton.enabled = not isBlocked and not self._isWaiting

    @property
    def _isWaiting(self) -> bool:
        """Whether a start is being prepared."""
        return self._start.isBusy or self._isStartWanted is not None

    def _showStart(self) -> None:
        """The examination under way, or the estimate that it gave."""
        ui, isWaiting = self.ui, self._isWaiting
        done, of = self._start.progress
        ui.checkingRow.setVisible(isWaiting)
        ui.checkingBar.setRange(0, of)
        ui.checkingBar.setValue(done)
        if isWaiting:
            ui.trainButton.enabled = ui.estimateButton.enabled = False
        else:
            self._soon.start()
        estimate = self._start.estimate
        ui.estimateLabel.setVisible(estimate is not None)
        if estimate is not None:
            ui.estimateLabel.text = estimateLine(estimate, self._session.settings.pace(estimate.device))

    def _showRun(self) -> None:
        control, state = self.control, self.control.state
        hasCohort = self._session.cohort is not None
        self._view.showRuns(control.runs() if hasCohort else (), control.run, state)
        if control.run is not None:
            self._view.show(control.run, state, self._actions())
            self.ui.resumeButton.enabled = not control.isEnding
        self._choices.lock(control.isActive, control.settings)

    def _actions(self) -> tuple[tuple[str, Any], ...]:
        """What is offered beside the problem of a run."""
        problem = self.control.state.problem if self.control.state is not None else None
        actions = ((_("Resume"), self._resume),)
        isShort = problem is not None and problem.code in MEMORY_CODES
        if isShort and smallerThanRun(self.control.run) is not None:
            return (*actions, (_("Train smaller"), self._trainSmaller))
        return actions

    def _mayClose(self) -> bool:
        """Whether Slicer may close now: asks about trainings that are under way."""
        runs = self.control.aliveHere()
        if not runs:
            return True
        if self._closesAfterStop:
            return False
        answer = askAboutRun()
        if answer is Answer.STOP:
            self._closesAfterStop = True
            self.control.stop(*runs)
            self._message.info(_("The training is stopping. Slicer closes when that is done."))
        return answer is Answer.LEAVE
