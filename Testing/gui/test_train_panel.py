"""The section Train on real volumes with the real engine. Numbers: the behaviors of slicer.md, section 5."""

from __future__ import annotations

import os
import signal
import time

import pytest

from Testing.bed.pauses import PauseMeter
from Testing.bed.waiting import process_events, wait_until
from Testing.gui.trainer import Trainer, is_alive
from Testing.gui.training import SHORT, device

LONGEST_PAUSE_SECONDS = 0.1
STEPS = SHORT["retrain.steps"]
GIGABYTE = 1 << 30


@pytest.fixture
def train(window, short_preview, small_cohort, request):
    """The section Train, open on a cohort of 3 small volumes, one labeled; no engine outlives the test."""
    return Trainer(window, small_cohort, request)


def test_without_a_cohort_the_section_says_what_to_do(train):
    train.window.session.showSection("train")
    process_events(0.2)
    assert train.ui.trainEmptyLabel.isVisible() and not train.ui.trainContents.isVisible()
    assert train.ui.trainEmptyLabel.text == "Open or create a cohort first."
    assert not train.ui.runBox.isVisible()


def test_17_the_device_box_shows_the_gpu_and_its_free_memory(train, scripted, shot):
    gpu = device("NVIDIA H200", 130 * GIGABYTE, id="cuda:0")
    broken = device("Old GPU", None, id="cuda:1", usable=False, problem="No kernel image.", remedy="Update.")
    scripted(devices=[gpu, broken, device("CPU", 16 * GIGABYTE)])
    train.open()
    box = train.ui.deviceComboBox
    texts = [box.itemText(index) for index in range(box.count)]
    gpu_text = "NVIDIA H200, 130.0 GB free"
    assert texts == [f"Automatic: {gpu_text}", gpu_text, "CPU, 16.0 GB free"]
    assert "Old GPU cannot be used: No kernel image." in train.ui.reasonsLabel.text
    assert "processor" not in train.ui.reasonsLabel.text
    train.user.choose(box, "CPU, 16.0 GB free")
    wait_until(lambda: "many times slower than a GPU" in train.ui.reasonsLabel.text, "the warning")
    assert train.window.session.parameters.device == "cpu"
    shot("train_devices")


def test_17_without_a_gpu_a_warning_and_an_estimate_come_before_the_run(train):
    train.open()
    assert "many times slower than a GPU" in train.ui.reasonsLabel.text
    train.user.click(train.ui.estimateButton)
    wait_until(lambda: train.ui.estimateLabel.isVisible(), "the estimate", 240)
    text = train.ui.estimateLabel.text
    assert text.startswith("Estimate: roughly 10 s to ") and text.endswith("on the CPU.")
    assert "depending on what else the computer does" in text
    assert not train.control.isActive and not train.ui.runBox.isVisible()


def test_18_short_memory_is_told_before_the_start_and_smaller_settings_are_offered(train, scripted, shot):
    scripted(devices=[device("CPU", 4 << 20, 8 * GIGABYTE)])
    train.open()
    train.window.session.parameters.preset = "standard"
    train.panel.refresh()
    train.user.click(train.ui.trainButton)
    wait_until(lambda: "4 MB are free" in train.message(), "the warning", 240)
    assert not train.control.isActive
    names = [button.text for button in train.panel._message._actions]
    assert names == ["Start anyway", "Use smaller settings"] or names == ["Start anyway"]
    shot("train_memory_short")
    train.press(train.panel._message, "Start anyway")
    wait_until(lambda: train.control.isActive, "a running training", 30)


def test_19_train_is_disabled_with_the_reasons_as_tool_tip_until_there_is_a_label(train, small_volumes):
    train.open(cases=2, labeled=0)
    wait_until(lambda: "No case has a label." in train.ui.reasonsLabel.text, "the reason")
    assert not train.ui.trainButton.enabled and not train.ui.estimateButton.enabled
    assert "Label at least one case in the Annotate section." in train.ui.trainButton.toolTip
    from Testing.gui.cohorts import write_label

    write_label(train.window.session, "case_0001", small_volumes[0][1])
    wait_until(lambda: train.ui.trainButton.enabled, "the button Train")
    assert "No case has a label." not in train.ui.reasonsLabel.text
    write_label(train.window.session, "case_0002", small_volumes[1][1])
    wait_until(lambda: not train.ui.trainButton.enabled, "the disabled button")
    assert "no case without a label" in train.ui.trainButton.toolTip


@pytest.mark.hang_limit(900)
def test_20_21_22_29_a_training_is_followed_and_the_window_goes_on(train, shot):
    train.open()
    fractions, stages = [], []

    def look() -> None:
        fractions.append(train.ui.runProgressBar.value)
        stages.append(train.state.stageIndex)

    with PauseMeter() as meter:
        train.start()
        train.control.changed.connect(look)
        train.window.leave_module()
        process_events(1)
        train.window.enter_module()
        train.wait_for_step(4)
        texts = train.ui.detailLabel.text, train.ui.timeLabel.text
        assert train.wait_for_end() == "done"
    train.control.changed.disconnect(look)
    worst = max(meter.pauses, key=lambda pause: pause.cpu_seconds, default=meter.longest)
    assert worst.cpu_seconds < LONGEST_PAUSE_SECONDS, f"20: the window stood still: {worst}"
    assert fractions == sorted(fractions) and fractions[-1] == 1000
    assert sorted(set(stages)) == stages_in_order(stages) and 3 in stages
    assert texts[0].startswith("Re-training the network: step ") and f"of {STEPS}" in texts[0]
    assert texts[1].startswith("Running, elapsed ")
    steps = train.ui.stageLabel.text
    assert [name in steps for name in ("✓ Prepare", "✓ Register", "✓ Re-train")] == [True] * 3, steps
    assert "Concatenate" not in steps and "Fine-tune" not in steps
    shot("train_done")
    losses = train.panel._view._loss.curves
    assert losses and len(losses[0].points) >= STEPS // SHORT["retrain.log_every"]
    assert train.panel._view._dice.curves[0].label == "re-train"
    assert train.panel._view._dice.title == "Dice on training patches, not validation"
    check_log(train)
    check_results(train)
    check_reopened_run(train, losses)


def stages_in_order(stages: list[int]) -> list[int]:
    """The stages in the order in which they were first seen."""
    return list(dict.fromkeys(stages))


def check_log(train) -> None:
    """29: in order, bounded, copied whole; no names, no paths."""
    train.user.click(train.ui.logBox, at=(40, 10))
    process_events(0.3)
    lines = train.ui.logText.toPlainText().splitlines()
    times = [line[:8] for line in lines if line[2:3] == ":"]
    assert times == sorted(times) and len(lines) <= 700
    assert any("Checkpoint at step" in line for line in lines) and lines[-1].endswith("Done")
    assert "hippocampus" not in "\n".join(lines) and str(train.folder) not in "\n".join(lines)
    train.user.click(train.ui.copyLogButton)
    import qt

    assert qt.QApplication.clipboard().text() == train.panel._view._log


def check_results(train) -> None:
    """The pseudo-labels wait for review, and the model is there."""
    session = train.window.session
    assert [case.status.value for case in session.cohort.cases()] == ["labeled"] + ["pseudo-labeled"] * 2
    assert len(list(session.cohort.modelsFolder.glob("*.cfrmodel"))) == 1
    assert session.settings.pace("cpu").factor > 0, "how long it took is the measure of the next estimate"
    assert "2 pseudo-labels wait for review" in train.message()
    wait_until(lambda: train.ui.trainButton.enabled, "the button Train again")


def check_reopened_run(train, losses) -> None:
    """22: the curves are there again after the cohort was opened anew."""
    session = train.window.session
    session.closeCohort()
    process_events(0.2)
    assert not train.ui.runBox.isVisible()
    session.openCohort(train.folder)
    wait_until(lambda: train.state is not None and train.state.status.value == "done", "the run")
    assert train.panel._view._loss.curves == losses
    assert len(list(session.cohort.modelsFolder.glob("*.cfrmodel"))) == 1, "the model was added twice"


@pytest.mark.hang_limit(900)
def test_23_24_28_a_stopped_training_ends_in_seconds_and_goes_on_where_it_was(train, shot):
    train.open()
    train.start()
    wait_until(lambda: "still running" in train.ui.trainButton.toolTip, "the reason")
    assert not train.ui.trainButton.enabled
    refuse_second_run(train)
    train.wait_for_step(8)
    pids = train.pids()
    began = time.monotonic()
    train.user.click(train.ui.stopButton)
    assert train.wait_for_end() == "stopped"
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "the end of all processes")
    assert time.monotonic() - began < 10
    assert train.ui.resumeButton.isVisible() and not train.ui.stopButton.isVisible()
    assert not list((train.folder / "models").glob("*")), "23: a partial result is shown as a model"
    wait_until(lambda: train.ui.trainButton.enabled, "24: the idle panel")
    shot("train_stopped")
    train.user.click(train.ui.resumeButton)
    wait_until(lambda: train.control.isActive, "the resumed training", 30)
    assert train.wait_for_end() == "done"
    steps = [step for step, _value in train.panel._view._loss.curves[0].points]
    assert steps[-1] == STEPS and steps == sorted(set(steps))


def refuse_second_run(train) -> None:
    """28: another run of the cohort is refused with a message while one is under way."""
    from CFRSegmentLib.engine import TrainSettings, buildRun

    other = buildRun(train.window.session.cohort, TrainSettings("preview"))
    assert not train.control.start(other)
    assert "still running" in train.message()
    import shutil

    shutil.rmtree(other)


@pytest.mark.hang_limit(900)
def test_25_24_a_killed_engine_is_named_so_and_resumed(train, shot):
    train.open()
    train.start()
    train.wait_for_step(8)
    os.kill(train.pids()[1], signal.SIGKILL)
    assert train.wait_for_end() == "killed"
    assert "terminated (signal 9), possibly out of memory" in train.run_message()
    shot("train_killed")
    train.press(train.panel._view.message, "Resume")
    wait_until(lambda: train.control.isActive, "the resumed training", 30)
    assert train.wait_for_end() == "done" and train.run_message() == ""
    assert [step for step, _value in train.panel._view._loss.curves[0].points][-1] == STEPS
