"""What the section Train shows around a training; the engine only pretends, so every moment can be seen."""

from __future__ import annotations

import pytest
from PySide6 import QtCore, QtWidgets

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until
from Testing.gui.trainer import Trainer
from Testing.gui.training import device

CPU = device("CPU", 16 << 30)
ESTIMATE = {
    "type": "estimate", "seconds": 32.0, "memory_bytes": 740 << 20, "gpu_memory_bytes": None, "device": "cpu",
    "parts": {"label": 2.0, "retrain": 30.0},
}  # fmt: skip
STARTED = {"event": {"type": "started", "device": "cpu", "versions": {}}}
STAGE = {"event": {"type": "stage", "name": "retrain", "index": 4, "of": 6}}
STEP = {"event": {"type": "progress", "stage": "retrain", "step": 5, "of": 20, "seconds_left": 30.0}}
STOPPED = {"event": {"type": "finished", "status": "stopped"}}


@pytest.fixture
def train(window, small_cohort, scripted, request):
    """The section Train; a training comes to step 5 and stays there until it is stopped."""
    scripted(devices=[CPU], estimate=[{"print": ESTIMATE}], supervise=[STARTED, STAGE, STEP, {"sleep": 90}])
    return Trainer(window, small_cohort, request)


def start(train) -> None:
    """Press Train; wait until the step is shown."""
    wait_until(lambda: train.ui.trainButton.enabled, "the button Train")
    train.user.click(train.ui.trainButton)
    wait_until(lambda: train.control.isActive and "step 5 of 20" in train.ui.detailLabel.text, "a step", 60)
    process_events(0.4)


def shown_settings(train) -> tuple[str, str, int, int]:
    """Preset, method, seed and threads as the panel shows them."""
    ui = train.ui
    preset, method = ui.presetComboBox.currentText, ui.methodComboBox.currentText
    return preset, method, ui.seedSpinBox.value, ui.threadsSpinBox.value


def can_choose(train) -> set[bool]:
    """Whether the choices can be changed: all of them together, or none."""
    ui = train.ui
    boxes = (ui.presetComboBox, ui.samComboBox, ui.deviceComboBox, ui.refreshDevicesButton)
    more = (ui.modalityComboBox, ui.methodComboBox, ui.seedSpinBox, ui.threadsSpinBox)
    return {box.isEnabled() for box in (*boxes, *more)}


def put_at_lower_edge(train, widget) -> None:
    """Scroll so far that the widget is the last thing in view."""
    raw, area = unwrap(widget), unwrap(widget).parentWidget()
    while not isinstance(area, QtWidgets.QScrollArea):
        area = area.parentWidget()
    bottom = raw.mapTo(area.widget(), QtCore.QPoint(0, raw.height())).y()
    area.verticalScrollBar().setValue(bottom + 4 - area.viewport().height())
    process_events(0.2)
    assert bottom + 4 > area.viewport().height() and train.window.sees(widget)


def test_what_was_started_is_in_view_with_its_progress_and_the_way_to_stop_it(train, shot):
    train.open()
    for name in ("cohort", "annotate", "review", "apply"):
        train.window.widget.sections.section(name).collapsed = False
    train.window.session.case.open("case_0001")
    process_events(0.4)
    for button in (train.ui.trainButton, train.ui.checkingCancelButton):  # as on macOS: no focus by a click;
        unwrap(button).setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)  # where it goes, Qt scrolls to
    put_at_lower_edge(train, train.ui.trainButton)
    start(train)
    shot("train_started_in_view")
    ui = train.ui
    assert train.window.sees(ui.runComboBox, ui.stageLabel, ui.runProgressBar, ui.timeLabel, ui.stopButton)
    before = train.place(ui.stopButton)
    train.user.click(ui.stopButton)
    wait_until(lambda: not train.control.isActive, "the end", 30)
    process_events(0.4)
    assert train.window.sees(ui.runProgressBar, ui.resumeButton)
    assert abs(train.place(ui.resumeButton) - before) < 60, "nothing jumps"


def test_a_training_found_again_shows_its_own_settings_and_none_can_be_changed(train, window, shot):
    train.open()
    assert can_choose(train) == {True}
    start(train)
    assert shown_settings(train) == ("Preview", "As the preset says", 0, 1) and can_choose(train) == {False}
    window.session.closeCohort()
    chosen = window.session.parameters
    chosen.preset, chosen.method, chosen.seed, chosen.threads = "standard", "ua_mt", 5, 2
    window.session.openCohort(train.folder)
    train.show()
    wait_until(lambda: train.control.isActive, "the training")
    assert shown_settings(train) == ("Preview", "As the preset says", 0, 1) and can_choose(train) == {False}
    train.user.click(train.ui.moreSettings, at=(40, 10))
    process_events(0.3)
    assert train.ui.methodComboBox.isVisible(), "they can be looked at"
    shot("train_found_again")
    train.user.click(train.ui.stopButton)
    wait_until(lambda: not train.control.isActive, "the end", 30)
    assert shown_settings(train) == ("Standard", "UA-MT", 5, 2) and can_choose(train) == {True}
    assert (chosen.preset, chosen.method, chosen.seed) == ("standard", "ua_mt", 5)
    shot("train_chosen_next")


def test_while_a_stopped_training_ends_the_gray_button_has_its_reason(train, scripted, shot):
    scripted(supervise=[STARTED, STAGE, STOPPED, {"sleep": 4}])
    train.open()
    wait_until(lambda: train.ui.trainButton.enabled, "the button Train")
    train.user.click(train.ui.trainButton)
    wait_until(lambda: "its process is closing" in train.ui.reasonsLabel.text, "the reason", 60)
    assert not train.control.isActive and not train.ui.trainButton.enabled
    assert "its process is closing" in train.ui.trainButton.toolTip and not train.ui.resumeButton.enabled
    shot("train_ending")
    wait_until(lambda: train.ui.trainButton.enabled, "the button Train again", 30)
    assert "its process is closing" not in train.ui.reasonsLabel.text and train.ui.resumeButton.enabled


def test_the_estimate_is_a_range_and_narrower_after_a_training_on_this_computer(train, window, shot):
    from CFRSegmentLib.engine import Pace

    train.open()
    wait_until(lambda: train.ui.estimateButton.enabled, "the button Estimate")
    train.user.click(train.ui.estimateButton)
    wait_until(lambda: train.ui.estimateLabel.isVisible(), "the estimate", 60)
    process_events(0.3)
    unknown = "Estimate: roughly 30 s to 2 min, depending on what else the computer does; "
    assert train.ui.estimateLabel.text == unknown + "740 MB of memory, on the CPU."
    assert train.window.sees(train.ui.estimateLabel)
    shot("train_estimate")
    window.session.settings.rememberPace("cpu", Pace(5.0, 20.0))
    train.user.click(train.ui.estimateButton)
    wait_until(lambda: "last training on this computer" in train.ui.estimateLabel.text, "the other estimate")
    assert train.ui.estimateLabel.text.startswith("Estimate: roughly 2 min to 4 min, judged by the last")


def test_every_method_is_offered_with_an_explanation_under_advanced(train, shot):
    import qt

    train.open()
    assert train.ui.moreSettings.text == "Advanced"
    train.user.click(train.ui.moreSettings, at=(40, 10))
    process_events(0.3)
    box = train.ui.methodComboBox
    tips = {box.itemText(index): box.itemData(index, qt.Qt.ToolTipRole) for index in range(box.count)}
    assert len(tips) >= 18 and all(tip.endswith(".") for tip in tips.values())
    assert tips["UA-MT"] == "Mean Teacher, followed only where the teacher is certain."
    train.user.choose(box, "ACMT, prototypes")
    assert train.window.session.parameters.method == "acmt_prototypes"
    assert train.panel._choices.settings().method == "acmt_prototypes"
    shot("train_methods")
