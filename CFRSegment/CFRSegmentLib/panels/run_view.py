"""How a run looks: stages, progress, times, curves, warnings, log, and what ended it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt

from ..engine import RunState, RunStatus, durationText
from ..i18n import _
from .curve_plot import Curve, CurvePlot
from .message_line import Action, MessageLine

SHOWN_WARNINGS = 3
LOSS, DICE = "loss", "dice"


def statusTitle(status: RunStatus) -> str:
    """The status of a run as people read it."""
    return {
        RunStatus.READY: _("not started"),
        RunStatus.PREPARING: _("starting"),
        RunStatus.RUNNING: _("running"),
        RunStatus.STOPPING: _("stopping"),
        RunStatus.DONE: _("done"),
        RunStatus.STOPPED: _("stopped"),
        RunStatus.FAILED: _("failed"),
        RunStatus.KILLED: _("terminated"),
        RunStatus.LOST: _("interrupted"),
    }[status]


class RunView:
    """The lower half of the train panel. ui: the widgets of TrainPanel.ui."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self.message = MessageLine(ui.runLayout, ui.runLayout.indexOf(ui.timeLabel) + 1, "runMessage")
        self._loss = CurvePlot(ui.lossPlot, _("Step"))
        self._dice = CurvePlot(ui.dicePlot, _("Step"), (0.0, 1.0))
        self._log = ""
        self._shownLog: str | None = None
        ui.copyLogButton.connect("clicked()", self._copyLog)
        ui.openFolderButton.connect("clicked()", self._openFolder)
        ui.logBox.connect("contentsCollapsed(bool)", self._onLogFolded)
        ui.logText.setMaximumBlockCount(400)
        self._run: Path | None = None

    def showRuns(self, runs: tuple[Path, ...], current: Path | None, state: RunState | None) -> None:
        """The list of runs, the newest first."""
        box = self._ui.runComboBox
        self._ui.runBox.setVisible(bool(runs))
        texts = [_runText(run, state if run == current else None) for run in runs]
        if [box.itemText(index) for index in range(box.count)] != texts:
            box.clear()
            for run, text in zip(runs, texts, strict=True):
                box.addItem(text, run.name)
        if current in runs:
            box.setCurrentIndex(runs.index(current))

    def show(self, run: Path | None, state: RunState | None, actions: Sequence[Action]) -> None:
        """Show a run; `actions` are offered beside what ended it."""
        if run != self._run:
            self._run = run
            self._shownLog = None
        state = state or RunState()
        ui, status = self._ui, state.status
        ui.stageLabel.text = stagesHtml(state)
        ui.runProgressBar.setValue(int(1000 * state.fraction))
        ui.detailLabel.text = detailLine(state)
        ui.detailLabel.setVisible(bool(ui.detailLabel.text))
        ui.timeLabel.text = timeLine(state)
        ui.stopButton.setVisible(status.isAlive)
        ui.stopButton.enabled = status is not RunStatus.STOPPING
        ui.resumeButton.setVisible(status.canResume and state.problem is None)
        self._showProblem(state, actions)
        warnings = state.warnings[-SHOWN_WARNINGS:]
        ui.warningsLabel.text = "\n".join(warnings)
        ui.warningsLabel.setVisible(bool(warnings))
        self._showCurves(state)
        self._showLog(state.logTail)

    def close(self) -> None:
        """The window goes."""
        self._loss.close()
        self._dice.close()

    def _showProblem(self, state: RunState, actions: Sequence[Action]) -> None:
        if state.problem is not None:
            text = str(state.problem)
            if (self.message.text, self.message.level) != (text, "error"):
                self.message.error(text, actions if state.status.canResume else ())
        elif state.sign:
            self.message.warning(state.sign)
        elif self.message.text:
            self.message.clear()

    def _showCurves(self, state: RunState) -> None:
        losses = curvesOf(state, LOSS)
        overlaps = curvesOf(state, DICE)
        self._ui.lossPlot.setVisible(bool(losses))
        self._ui.dicePlot.setVisible(bool(overlaps))
        self._loss.show(_("Loss"), losses)
        self._dice.show(_("Dice on training patches, not validation"), overlaps)

    def _onLogFolded(self, _isFolded: bool) -> None:
        self._showLog(self._log)

    def _showLog(self, log: str) -> None:
        """Put new log lines in; nothing is done while the log is folded."""
        self._log = log
        widget = self._ui.logText
        if self._ui.logBox.collapsed or self._shownLog == log:
            return
        self._shownLog = log
        bar = widget.verticalScrollBar()
        isAtEnd = bar.value >= bar.maximum - 4
        place = bar.value
        widget.setPlainText(self._log)
        bar.setValue(bar.maximum if isAtEnd else place)

    def _copyLog(self) -> None:
        qt.QApplication.clipboard().setText(self._log)

    def _openFolder(self) -> None:
        if self._run is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._run)))


def stagesHtml(state: RunState) -> str:
    """The steps in a row: done ones ticked, the current one bold."""
    steps = [(index, html.escape(title)) for index, title in enumerate(state.stages, start=1) if title]
    parts = []
    for number, (index, title) in enumerate(steps, start=1):
        if index < state.stageIndex or state.status is RunStatus.DONE:
            parts.append(f"✓ {title}")
        elif index == state.stageIndex:
            parts.append(f"<b>{number} {title}</b>")
        else:
            parts.append(f"<span style='color:gray'>{number} {title}</span>")
    return " &nbsp;›&nbsp; ".join(parts)


def detailLine(state: RunState) -> str:
    """What is being done, and how much of it is done."""
    if not state.status.isAlive:
        return ""
    if state.status is RunStatus.STOPPING:
        return _("Stopping; a checkpoint is written first.")
    if not state.detail:
        return _("The engine is starting.")
    if not state.of:
        return _("{what}.").format(what=state.detail)
    return _("{what}: step {step} of {of}.").format(what=state.detail, step=state.step, of=state.of)


def timeLine(state: RunState) -> str:
    """The status with the elapsed and the remaining time."""
    status, elapsed = statusTitle(state.status).capitalize(), durationText(state.elapsed)
    if state.status is RunStatus.RUNNING and state.remaining is not None:
        text = _("{status}, elapsed {elapsed}, about {remaining} left.")
        return text.format(status=status, elapsed=elapsed, remaining=durationText(state.remaining))
    if state.elapsed <= 0:
        return _("{status}.").format(status=status)
    return _("{status}, elapsed {elapsed}.").format(status=status, elapsed=elapsed)


def curvesOf(state: RunState, wanted: str) -> list[Curve]:
    """The curves of one metric, with names for people. Metrics are called `stage/metric`."""
    found = []
    for name, points in state.curves.items():
        stage, _slash, metric = name.rpartition("/")
        if metric == wanted:
            found.append(Curve(curveLabel(stage), points))
    return found


def curveLabel(stage: str) -> str:
    """The name of a stage's curve in the legend."""
    if stage.startswith("retrain_"):
        return _("re-train {round}").format(round=stage.removeprefix("retrain_"))
    if stage.startswith("label_network_"):
        return _("network {number}").format(number=stage.removeprefix("label_network_"))
    stages = {
        "finetune": _("fine-tune"),
        "label_network": _("first network"),
        "retrain": _("re-train"),
    }
    return stages.get(stage, stage)


def _runText(run: Path, state: RunState | None) -> str:
    """A run in the list: its name and, as far as it costs nothing to know, its status."""
    if state is not None:
        status = statusTitle(state.status)
    elif (run / "results.json").is_file():
        status = statusTitle(RunStatus.DONE)
    else:
        status = _("not finished")
    return _("{name}, {status}").format(name=run.name.replace("_", " "), status=status)
