"""Trainings: started, followed, left alone and found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PySide6 import QtWidgets

from Testing.bed.pauses import PauseMeter
from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until
from Testing.gui.pointing import entry, press
from Testing.gui.sitting import Desk
from Testing.gui.story.files import COHORT, VOLUMES

RUN_SECONDS = 400.0  # for one training on two cores that have much else to do
LONGEST_COMPUTING = 0.2  # seconds of the window's own work between two turns of its event loop
ENOUGH_POINTS = 5


def train(desk: Desk, picture: str) -> None:
    """Preset Preview, Train; the devices and the volumes are examined first."""
    window, user, panel = desk.window, desk.window.user, desk.window.panel("train")
    window.session.showSection("train")
    process_events(0.3)
    user.choose(panel.ui.presetComboBox, "Preview")
    wait_until(lambda: panel.ui.trainButton.enabled, "a button that can be pressed", 60)
    desk.shot(picture)
    user.click(panel.ui.trainButton)
    wait_until(lambda: panel.control.isActive and panel.control.state.fraction > 0, "a running training", 120)


def follow(desk: Desk) -> None:
    """Progress grows, curves come."""
    control = desk.window.panel("train").control
    before = control.state.fraction
    wait_until(lambda: control.state.fraction > before, "progress", RUN_SECONDS)
    desk.shot("07_labeling")
    wait_until(lambda: points(control, "loss") >= ENOUGH_POINTS, "a curve of the loss", RUN_SECONDS)
    assert points(control, "dice") >= 1
    desk.window.user.move(desk.window.panel("train").ui.lossPlot)
    desk.shot("08_curves")


def close_window(desk: Desk) -> None:
    """Slicer asks, and the training goes on without it."""
    window = desk.window

    def leave_running(dialog: QtWidgets.QMessageBox) -> None:
        desk.shot("09_closing")
        press(window, dialog, "Leave running")

    window.dialogs.expect(leave_running, title="Training is running")
    window.bed.window.close()
    wait_until(lambda: not window.bed.isOpen, "the end of the application")


def reattach(desk: Desk) -> None:
    """The cohort in the menu of recent ones: the run is there, with its curves from the start."""
    window, button = desk.window, unwrap(desk.window.cohort.ui.openButton)
    window.dialogs.expect(entry(window, COHORT))
    window.user.click(button, at=(button.width() - 6, button.height() // 2))
    wait_until(lambda: window.session.cohort is not None, "an open cohort")
    control = window.panel("train").control
    wait_until(lambda: control.state is not None and control.state.fraction > 0, "the run", 20)
    assert control.run.name == "run_0001" and not window.session.cohort.readOnly
    wait_until(lambda: points(control, "loss") >= ENOUGH_POINTS, "the curves from the start", 20)
    window.session.showSection("train")
    process_events(0.5)
    desk.shot("10_attached_again")


def wait_for_model(desk: Desk, run: str) -> None:
    """The run ends, its pseudo-labels and its model are taken over."""
    control = desk.window.panel("train").control
    taken = desk.window.session.cohort.runsFolder / run / "taken_over"
    wait_until(lambda: taken.exists() and not control.isTakingOver, "the end of the training", RUN_SECONDS)
    assert control.state.status == "done"
    process_events(0.5)


@contextmanager
def window_stays_alive() -> Iterator[None]:
    """Meanwhile the window never computes for long without a turn of its event loop."""
    with PauseMeter() as meter:
        yield
    longest = max(meter.pauses, key=lambda pause: pause.cpu_seconds, default=meter.longest)
    assert longest.cpu_seconds < LONGEST_COMPUTING, str(longest)


def check_second_run(desk: Desk) -> None:
    """It learned from the imported, the corrected and the accepted label; the rejected case was not in it."""
    from CFRTrain.runs.cases_file import read_cases

    cohort = desk.window.session.cohort
    entries = {item.id: item for item in read_cases(cohort.runsFolder / "run_0002" / "cases.json")}
    for status in ("labeled", "corrected", "accepted"):
        (case,) = cohort.cases(status)
        assert entries[case.id].role == "labeled"
        assert entries[case.id].label.read_bytes() == case.label.read_bytes()
    (rejected,) = cohort.cases("rejected")
    assert rejected.id not in entries
    assert sum(item.role == "unlabeled" for item in entries.values()) == VOLUMES - 4


def points(control: Any, metric: str) -> int:
    """How many points the longest curve of this metric has."""
    curves = control.state.curves if control.state is not None else {}
    return max((len(found) for name, found in curves.items() if name.endswith(metric)), default=0)
