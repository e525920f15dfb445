"""The whole way on tiny phantoms: built, estimated, started, killed, resumed, reviewed, applied elsewhere."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from CFRSegmentLib.cohort import Cohort
from CFRSegmentLib.engine import (
    DetachedEngine,
    EngineEnvironment,
    ModelStore,
    RunFollower,
    buildRun,
    estimateFrom,
    estimateRun,
    inspectModel,
    predictVolumes,
    preflight,
)
from CFRSegmentLib.engine.run_process import readNote
from CFRTrain.runs.events import read_events
from Testing.module.engine_tools import (
    ENVIRONMENT,
    PATIENT,
    SETTINGS,
    followed,
    phantom_cohort,
    start,
    wait_for,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """A cohort, and its run: estimated, killed by the system in training, resumed to its end."""
    cohort = phantom_cohort(tmp_path_factory.mktemp("é 空") / "cohort")
    run = buildRun(cohort, SETTINGS)
    story = {"estimate": estimateFrom(finished(estimateRun(sys.executable, ENVIRONMENT, run)).messages)}
    engine = DetachedEngine()
    start(engine, run)
    story["before"] = followed(run, lambda state: state.checkpointStep is not None)
    os.kill(readNote(run / "lock")["pid"], signal.SIGKILL)
    story["killed"] = followed(run, lambda state: not state.status.isAlive)[-1]
    wait_for(lambda: not engine.isRunning(run))
    start(engine, run)
    story["after"] = followed(run, lambda state: not state.status.isAlive)
    wait_for(lambda: not engine.isRunning(run))
    yield cohort, run, story
    cohort.close()


def finished(task):
    """A short task at its end."""
    task.start()
    wait_for(lambda: task.poll() or not task.isRunning, 60)
    wait_for(lambda: (task.poll(), not task.isRunning)[1], 60)
    return task


def test_the_estimate_comes_before_anything_is_trained_and_its_check_is_not_done_twice(trained):
    _, run, story = trained
    assert story["estimate"].seconds > 0 and story["estimate"].memoryBytes > 100 << 20
    assert story["estimate"].device == "cpu" and story["estimate"].gpuMemoryBytes is None
    found, _ = read_events(run / "events.jsonl", 0)
    assert [event["stage"] for event in found if event["type"] == "progress"].count("check") <= 4


def test_an_engine_killed_by_the_system_is_named_so_and_resumed_to_the_same_end(trained):
    _, run, story = trained
    killed, after = story["killed"], story["after"]
    assert killed.status == "killed" and "signal 9" in killed.problem.text and killed.status.canResume
    assert after[0].problem is None and after[-1].status == "done"
    shares = [state.fraction for state in (*story["before"], killed)]
    assert shares == sorted(shares) and after[-1].fraction == 1.0
    assert after[-1].checkpointStep == 6 and after[-1].hasModel and after[-1].pseudoLabels


def test_curves_of_loss_and_dice_are_there_live_and_after_the_run_was_reopened(trained):
    _, run, story = trained
    assert story["before"][-1].curves["retrain/loss"]
    reopened = RunFollower(run).poll()
    steps = [step for step, _ in reopened.curves["retrain/loss"]]
    assert steps == sorted(set(steps)) and steps[-1] == 6
    assert all(0 <= value <= 1 for _, value in reopened.curves["retrain/dice"])


def test_nothing_of_a_run_names_a_patient(trained):
    cohort, run, _ = trained
    texts = [path for path in run.rglob("*") if path.suffix in (".json", ".jsonl", ".log", ".html")]
    assert len(texts) > 8
    for path in texts:
        # three letters come up by chance in the pictures of a report
        content = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text("utf-8"))
        assert PATIENT not in content and "Doe" not in content, path.name


def test_the_expert_s_label_is_untouched_and_the_pseudo_labels_can_be_reviewed(trained):
    cohort, run, _ = trained
    label = cohort.case("case_0001").label
    assert label.read_bytes() == (run / "labels/case_0001.seg.nrrd").read_bytes()
    adopted = cohort.adoptRun(run)
    assert sorted(adopted) == ["case_0002", "case_0003", "case_0004"]
    assert cohort.reviewQueue()[0].uncertainty is not None


def test_the_model_goes_to_another_machine_and_segments_there_with_names_and_terms(trained, tmp_path: Path):
    cohort, run, _ = trained
    entry = ModelStore(cohort.modelsFolder).addFromRun(run)
    ModelStore(cohort.modelsFolder).export(entry, tmp_path / "given.cfrmodel")
    received = ModelStore(tmp_path / "other").importFile(tmp_path / "given.cfrmodel")
    assert received.classes[0].name == "left atrium"
    assert received.classes[0].terminology == "T~SCT^82471001^Left atrium~^^~^^"
    (tmp_path / "bad.nii.gz").write_bytes(b"nothing")
    images = [cohort.case("case_0002").image, tmp_path / "bad.nii.gz", cohort.case("case_0003").image]
    pairs = [(image, tmp_path / "out" / f"{index}.nii.gz") for index, image in enumerate(images)]
    task = finished(predictVolumes(sys.executable, ENVIRONMENT, received.path, pairs, device="cpu"))
    cases = [message for message in task.messages if message["type"] == "case"]
    assert ([case["ok"] for case in cases], task.exitCode, task.problem) == ([True, False, True], 3, None)
    assert [path.exists() for _, path in pairs] == [True, False, True]
    model = finished(inspectModel(sys.executable, ENVIRONMENT, received.path))
    assert model.messages[0]["description"]["classes"][0]["color"] == [216, 101, 79]


def test_a_stopped_training_is_idle_within_seconds_and_a_preflight_says_so(trained):
    cohort, _, _ = trained
    run, engine = buildRun(cohort, SETTINGS), DetachedEngine()
    environment = EngineEnvironment(Path(sys.executable), ENVIRONMENT)
    start(engine, run)
    assert [item.code for item in preflight(cohort, SETTINGS, environment)] == ["run_active"]
    followed(run, lambda state: state.status == "running")
    engine.stop(run)
    wait_for(lambda: engine.finishStop(run), 10)
    state = RunFollower(run).poll()
    assert (state.status, state.problem, state.hasModel) == ("stopped", None, False)
    assert preflight(cohort, SETTINGS, environment) == () and not (run / "lock").exists()
    assert json.loads((run / "exit.json").read_text())["code"] == 130
    assert isinstance(cohort, Cohort)
