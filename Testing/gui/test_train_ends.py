"""How trainings end, and what outlives what: scene, module, Slicer, engine. Numbers: slicer.md, section 5."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from CFRTrain.runs.run_folder import RunFolder
from Testing.bed.waiting import process_events, wait_until
from Testing.gui.conftest import MODULE
from Testing.gui.trainer import Trainer, is_alive

CUDA = "CUDA out of memory"


@pytest.fixture
def train(window, short_preview, small_cohort, request):
    """The section Train; no engine outlives the test."""
    return Trainer(window, small_cohort, request)


def events(*found: dict) -> list[dict]:
    """Steps of a script that writes events."""
    return [{"event": item} for item in found]


def failing(error: dict, code: int) -> list[dict]:
    """A training on a GPU that comes to step 5 and fails."""
    return [
        *events(
            {"type": "started", "device": "cuda:0", "versions": {}},
            {"type": "stage", "name": "retrain", "index": 4, "of": 6},
            {"type": "progress", "stage": "retrain", "step": 5, "of": 20, "seconds_left": 1},
            {"type": "checkpoint", "stage": "retrain", "step": 5},
            {"type": "error", **error},
            {"type": "finished", "status": "failed"},
        ),
        {"note": {"name": "exit.json", "content": {"code": code, "time": 1}}},
        {"exit": code},
    ]


def test_26_gpu_out_of_memory_is_named_with_the_setting_to_change(train, scripted, shot):
    text = "Memory ran out in step 5 of retrain."
    scripted(supervise=failing({"code": "memory_training", "text": text, "remedy": "Smaller."}, 4))
    train.open()
    labels = sorted((train.folder / "labels").iterdir())
    train.start_and_end()
    assert train.state.status.value == "failed"
    assert "GPU memory is used up" in train.run_message() and "batch 1" in train.run_message()
    assert sorted((train.folder / "labels").iterdir()) == labels
    names = [button.text for button in train.panel._view.message._actions]
    assert names == ["Resume", "Train smaller"]
    shot("train_gpu_memory")
    failed = RunFolder(train.control.run).job()
    train.window.session.parameters.preset = "standard"  # what the panel says now is for another training
    train.user.click(train.panel._view.message._actions[1])
    wait_until(lambda: len(train.control.runs()) == 2, "a second run", 120)
    smaller = RunFolder(train.control.runs()[0]).job()
    assert (smaller.preset, smaller.seed) == ("preview", failed.seed)
    assert failed.finetune.batch > smaller.finetune.batch == smaller.retrain.batch_labeled == 1


def test_a_full_disk_is_named_with_the_remedy(train, scripted):
    error = {"code": "disk_full", "text": "The disk is full.", "remedy": "Free some space and resume."}
    scripted(supervise=failing(error, 5))
    train.open()
    train.start_and_end()
    assert train.run_message() == "The disk is full. Free some space and resume."


def test_an_engine_that_cannot_begin_is_named_and_the_panel_is_idle_again(train, scripted):
    scripted(supervise=[{"raw": "ImportError: no torch\n"}, {"exit": 6}])
    train.open()
    train.start_and_end()
    assert "not installed" in train.run_message() and "ImportError" in train.run_message()
    wait_until(lambda: train.ui.trainButton.enabled, "the idle panel")


def test_a_training_without_a_last_word_is_lost_and_can_be_resumed(train, window):
    train.open()
    train.start()
    train.wait_for_step(2)
    from CFRSegmentLib.engine.process_tree import killTrees

    run = train.control.run
    killTrees(train.pids())
    wait_until(lambda: not train.control.isActive, "the end", 30)
    (run / "exit.json").unlink(missing_ok=True)  # as after a power failure: nobody saw the end
    window.session.closeCohort()
    window.session.openCohort(train.folder)
    wait_until(lambda: train.state is not None and train.state.status.value == "lost", "the lost run")
    assert "ended without a word" in train.run_message()
    assert [button.text for button in train.panel._view.message._actions] == ["Resume"]


@pytest.mark.hang_limit(900)
def test_27_closing_the_scene_or_leaving_the_module_does_not_stop_it(train, window):
    train.open()
    train.start()
    with train.held() as pids:
        window.bed.resetScene()
        assert window.session.cohort is not None and train.control.isActive
        window.leave_module()
        process_events(0.5)
        assert all(is_alive(pid) for pid in pids)
    window.enter_module()
    assert train.wait_for_end() == "done"


def leave_running(window) -> None:
    """Close Slicer with the answer that leaves the training alone, and start it again."""
    window.dialogs.expect("Leave running", title="Training is running")
    assert window.bed.close()
    window.bed.restart()
    window.widget = window.bed.loadModule(MODULE)


@pytest.mark.hang_limit(900)
def test_27_leave_running_lets_slicer_close_and_the_run_is_found_again(train, window, shot):
    train.open()
    train.start()
    train.wait_for_step(2)
    run = train.control.run
    with train.held() as pids:
        window.dialogs.expect("Do not close", title="Training is running")
        assert not window.bed.close()
        leave_running(window)
        assert all(is_alive(pid) for pid in pids)
        window.session.parameters.preset = "preview"
        window.session.openCohort(train.folder)
        train.show()
        assert train.control.run == run and train.control.isActive
        assert train.panel._view._loss.curves, "22: the curves of before are there again"
        shot("train_reattached")
    assert train.wait_for_end() == "done"
    assert len(window.session.cohort.reviewQueue()) == 2


@pytest.mark.usefixtures("long_preview")
@pytest.mark.hang_limit(900)
def test_27_stop_training_stops_it_and_then_closes_slicer(train, window):
    train.open()
    train.start()
    train.wait_for_step(2)
    run, pids = train.control.run, train.pids()
    window.dialogs.expect("Stop training", title="Training is running")
    window.bed.close()
    wait_until(lambda: not window.bed.isOpen, "the end of Slicer", 15)
    assert not any(is_alive(pid) for pid in pids)
    assert (run / "checkpoints").is_dir() and not (run / "results.json").exists()
    window.bed.restart()


@pytest.mark.hang_limit(900)
def test_a_run_that_ended_while_slicer_was_closed_is_taken_over_when_the_cohort_is_opened(train, window):
    train.open()
    train.start()
    pids, run = train.pids(), train.control.run
    leave_running(window)
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "the end of the training", 120)
    assert (run / "results.json").exists()
    window.session.openCohort(train.folder)
    wait_until(lambda: window.session.cohort.reviewQueue(), "the pseudo-labels", 30)
    wait_until(lambda: list(window.session.cohort.modelsFolder.glob("*.cfrmodel")), "the model", 30)


def test_16_weights_that_are_not_the_official_ones_are_refused_and_not_kept(train, window, tmp_path):
    train.open()
    wrong = tmp_path / "sam_vit_b_01ec64.pth"
    wrong.write_bytes(b"not the weights" * 1000)
    choose_sam(train, 1)
    window.dialogs.expect(wrong, title="SAM weights file")
    train.user.click(train.ui.samFileButton)
    message = train.panel._choices.weights.message
    wait_until(lambda: message.level == "error", "the refusal", 60)
    assert "official" in message.text or "checksum" in message.text
    kept = [path for path in window.session.weightsFolder.rglob("*") if path.is_file()]
    assert kept == []


def test_a_download_shows_license_and_progress_and_can_be_canceled(train, scripted, shot):
    def told(megabytes: int) -> dict:
        done = {"step": megabytes << 20, "of": 400 << 20}
        return {"print": {"type": "progress", "stage": "download", **done}}

    parts = [told(megabytes) for megabytes in range(0, 200, 50)]
    scripted(weights=[*parts, {"sleep": 60}])
    train.open()
    choose_sam(train, 1)
    assert "are not on this computer" in train.ui.reasonsLabel.text and not train.ui.trainButton.enabled
    train.user.click(train.ui.samDownloadButton)
    message = train.panel._choices.weights.message
    assert "Apache License 2.0" in message.text and "358 MB" in message.text
    shot("train_license")
    train.press(message, "Agree and download")
    wait_until(lambda: train.ui.samProgressBar.value == 375, "the progress", 30)
    assert train.ui.samProgressBar.format == "150 MB of 400 MB"
    shot("train_download")
    train.user.click(train.ui.samCancelButton)
    wait_until(lambda: "Canceled" in message.text, "the end of the download", 15)
    assert not train.ui.samProgress.isVisible()
    choose_sam(train, 0)
    wait_until(lambda: train.ui.trainButton.enabled, "the button Train")


def choose_sam(train, index: int) -> None:
    """Choose an entry of the weights: 0 none, 1 ViT-B."""
    box = train.ui.samComboBox
    train.user.choose(box, box.itemText(index))
    process_events(0.2)


def test_an_estimate_that_is_not_followed_by_a_start_leaves_no_run_behind(train):
    train.open()
    train.user.click(train.ui.estimateButton)
    wait_until(lambda: train.ui.estimateLabel.isVisible(), "the estimate", 240)
    assert list((train.folder / "runs").iterdir())
    train.window.session.closeCohort()
    assert list((train.folder / "runs").iterdir()) == []


def test_a_cohort_of_a_hospital_s_names_gives_runs_without_them(train, window, small_volumes):
    from Testing.gui.cohorts import make_cohort

    hospital = train.make(cases=3).parent / "Doe Jane 1950"
    pairs = []
    for index, (image, label) in enumerate(small_volumes[:3]):
        named = hospital.with_name(f"Doe_Jane_{index}.nii.gz")
        pairs.append((Path(shutil.copy(image, named)), label))
    folder = make_cohort(hospital, "Doe Jane", pairs, 1)
    train.open(folder)
    train.start()
    train.wait_for_step(2)
    train.user.click(train.ui.stopButton)
    train.wait_for_end()
    run = train.control.run
    written = [path for path in run.rglob("*") if path.suffix in (".json", ".jsonl", ".log")]
    assert written and not [path for path in written if "Doe" in path.read_text("utf-8", "replace")]
    assert "Doe" not in train.state.logTail and json.loads((run / "cases.json").read_text())["cases"]
