"""Runs built from a cohort: what is in them, what must never be, and why a training cannot start."""

from __future__ import annotations

import errno
import shutil
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError
from CFRSegmentLib.engine import (
    Device,
    EngineEnvironment,
    Estimate,
    TrainSettings,
    buildingRun,
    buildRun,
    bytesText,
    chosenDevice,
    devicesFrom,
    durationText,
    estimateFrom,
    estimateProblems,
    jobOf,
    preflight,
    settingsOf,
    smallerSettings,
    smallerThan,
)
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import ClassSpec
from CFRTrain.runs.run_folder import RunFolder
from Testing.module.cohort_tools import make_cohort, reviewed_cohort, save_label

CPU = Device("cpu", "Processor", 8 << 30, 16 << 30, usable=True)
GPU = Device("cuda:0", "GPU A", 6 << 30, 8 << 30, usable=True)
BROKEN = Device("cuda:1", "GPU B", None, None, usable=False, reason="no kernel image", remedy="Update.")
ORGAN = (ClassSpec(1, "organ"),)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    found = tmp_path / "PythonSlicer"
    found.touch()
    return found


@pytest.fixture
def cohort(tmp_path: Path):
    cohort = make_cohort(tmp_path / "Köhorte 空 of Doe", cases=4)
    save_label(cohort, "case_0001")
    yield cohort
    cohort.close()


def codes(cohort: Cohort, settings: TrainSettings, environment: EngineEnvironment) -> dict[str, bool]:
    """The problems by code, and whether each blocks."""
    return {item.code: item.blocking for item in preflight(cohort, settings, environment)}


def test_a_run_names_neutral_ids_and_files_of_the_cohort_only(cohort: Cohort):
    run = buildRun(cohort, TrainSettings(preset="preview"))
    assert run == cohort.runsFolder / "run_0001"
    written = "".join(path.read_text("utf-8") for path in (run / "job.json", run / "cases.json"))
    assert "volume" not in written and "Doe" not in written and str(cohort.folder) not in written
    cases = RunFolder(run).cases()
    assert [case.id for case in cases] == [f"case_000{number}" for number in range(1, 5)]
    assert [case.role for case in cases] == ["labeled", "unlabeled", "unlabeled", "unlabeled"]
    for case in cases:
        assert case.image.resolve().is_relative_to(cohort.imagesFolder.resolve()) and case.image.is_file()


def test_the_label_of_a_run_stays_as_it_was_when_the_run_was_built(cohort: Cohort):
    case = RunFolder(buildRun(cohort, TrainSettings(preset="preview"))).cases()[0]
    before = case.label.read_bytes()
    save_label(cohort, "case_0001", "another label")
    assert case.label.read_bytes() == before and case.label.name == "case_0001.seg.nrrd"


def test_decisions_reach_the_next_run_by_the_stated_rule(tmp_path: Path):
    with reviewed_cohort(tmp_path / "cohort", cases=6) as cohort:
        cohort.accept("case_0002", "jd")
        cohort.reject("case_0003", "jd")
        written = cohort.newLabelFile("case_0004")
        written.write_bytes(b"NRRD0005\ncorrected")
        cohort.correct("case_0004", written, "jd", 7)
        cases = {case.id: case for case in RunFolder(buildRun(cohort, TrainSettings())).cases()}
    roles = {name: case.role for name, case in cases.items()}
    assert "case_0003" not in roles
    labeled = [name for name, role in roles.items() if role == "labeled"]
    assert labeled == ["case_0001", "case_0002", "case_0004"]
    assert cases["case_0004"].label.read_bytes() == b"NRRD0005\ncorrected"
    assert cases["case_0002"].label.name == "case_0002.nii.gz"


def test_classes_go_into_the_job_with_color_and_terminology(cohort: Cohort):
    classes = RunFolder(buildRun(cohort, TrainSettings())).job().classes
    assert classes[0] == ClassSpec(1, "anterior", (128, 174, 128), "a~SCT^1~^^~^^")


def test_numbers_of_runs_go_on_and_a_failed_build_leaves_nothing(cohort: Cohort, monkeypatch):
    assert [buildRun(cohort, TrainSettings()).name for _ in range(2)] == ["run_0001", "run_0002"]
    shutil.rmtree(cohort.runsFolder / "run_0001")
    assert buildRun(cohort, TrainSettings()).name == "run_0003"
    with pytest.raises(JobError, match="retrain.steps"):
        buildRun(cohort, TrainSettings(changes=(("retrain.steps", 0),)))

    def full(path: Path, mode: str) -> Any:
        if mode == "rb":
            return open(path, mode)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("CFRSegmentLib.engine.run_builder.open", full, raising=False)
    with pytest.raises(CohortError, match="disk is full"):
        buildRun(cohort, TrainSettings())
    assert sorted(path.name for path in cohort.runsFolder.iterdir()) == ["run_0002", "run_0003"]


def test_large_labels_are_copied_in_steps_that_no_window_notices(cohort: Cohort):
    size = 200 << 20  # a label of a large CT that was not compressed
    with open(cohort.case("case_0001").label, "wb") as stream:
        stream.seek(size - 1)
        stream.write(b"x")
    steps, longest, told = buildingRun(cohort, TrainSettings()), 0.0, []
    while True:
        begun = time.thread_time()  # what others do on this machine is not the window's
        step = next(steps, None)
        longest = max(longest, time.thread_time() - begun)
        if step is None:
            break
        told.append(step)
    assert longest < 0.1, f"{longest * 1000:.0f} ms"
    assert len(told) > 100 and told[0] == (0, 4) and told[-1] == (3, 4)
    copy = cohort.runsFolder / "run_0001" / "labels" / "case_0001.seg.nrrd"
    assert copy.stat().st_size == size and copy.read_bytes()[-1:] == b"x"


def test_a_build_given_up_half_way_leaves_nothing(cohort: Cohort):
    steps = buildingRun(cohort, TrainSettings())
    next(steps)
    steps.close()
    assert list(cohort.runsFolder.iterdir()) == []


@pytest.mark.parametrize(
    "settings",
    [
        TrainSettings("preview", device="cpu", threads=3, seed=7, modality="CT", labeler="atlas"),
        TrainSettings("standard", device="cuda:1", method="ua_mt", labeler="fusion"),
        TrainSettings("paper", labeler="sam", samModel="vit_l", weights=Path("/weights/vit_l.pth")),
        TrainSettings("standard", labeler="fusion_sam", samModel="vit_b", weights=Path("/weights/vit_b.pth")),
    ],
)
def test_a_job_tells_the_choices_that_it_was_made_from(settings: TrainSettings):
    assert settingsOf(jobOf(settings, ORGAN, onCpu=False)) == settings


def test_after_a_failure_a_smaller_run_starts_from_what_failed():
    chosen = TrainSettings("standard", device="cuda:1", labeler="atlas", method="ua_mt", seed=3)
    failed = jobOf(chosen, ORGAN, onCpu=False)
    smaller = smallerThan(failed)
    once = jobOf(smaller, ORGAN, onCpu=False)
    assert replace(smaller, changes=()) == chosen and once.method == "ua_mt"
    assert (once.retrain.batch_labeled, once.retrain.width) == (1, failed.retrain.width)
    twice = jobOf(smallerThan(once), ORGAN, onCpu=False)
    assert (twice.retrain.batch_labeled, twice.retrain.width, twice.retrain.levels) == (1, 8, 4)
    assert smallerThan(twice) is None


def test_without_a_gpu_the_smaller_network_of_the_preset_is_taken(cohort: Cohort):
    widths = [
        RunFolder(buildRun(cohort, TrainSettings(device=device), devices)).job().retrain.width
        for device, devices in (("auto", ()), ("auto", (CPU,)), ("auto", (GPU, CPU)), ("cpu", (GPU, CPU)))
    ]
    assert widths == [8, 8, 16, 8]


def test_the_labeler_of_the_panel_becomes_the_job_s(tmp_path: Path):
    weights = tmp_path / "sam_vit_l_0b3195.pth"
    sam = TrainSettings(labeler="fusion_sam", samModel="vit_l", weights=weights)
    job = jobOf(sam, ORGAN, onCpu=True)
    assert (job.labeler, job.fusion_members) == ("fusion", ("atlas", "sam"))
    assert (job.finetune.model, Path(job.finetune.weights)) == ("vit_l", weights)
    atlas = jobOf(replace(sam, labeler="atlas"), ORGAN, onCpu=True)
    assert (atlas.labeler, atlas.finetune.weights) == ("atlas", None)
    assert jobOf(TrainSettings(preset="paper"), ORGAN, onCpu=False).labeler == "sam"


def test_a_complete_cohort_can_be_trained(cohort: Cohort, python: Path):
    environment = EngineEnvironment(python, {}, (), (GPU, CPU))
    assert preflight(cohort, TrainSettings(), environment) == ()


def test_each_reason_why_training_cannot_start_is_named_with_a_remedy(
    tmp_path: Path, python: Path, monkeypatch
):
    empty = Cohort.create(tmp_path / "empty", "empty")
    broken = EngineEnvironment(None, {}, ("torch", "monai"), (BROKEN, CPU))
    settings = TrainSettings(device="cuda:1", labeler="sam", samModel="vit_b", weights=tmp_path / "none.pth")
    usage = namedtuple("usage", "total used free")(1 << 40, 0, 100 << 20)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    problems = preflight(empty, settings, broken)
    assert {item.code for item in problems} == {
        "no_classes", "few_labeled", "few_unlabeled", "no_python", "missing_packages", "weights_missing",
        "device_unusable", "disk_space",
    }  # fmt: skip
    assert all(item.blocking and item.text and item.remedy for item in problems)
    assert "torch, monai" in " ".join(map(str, problems)) and "no kernel image" in " ".join(
        map(str, problems)
    )
    empty.close()


def test_what_is_slow_or_weak_is_said_and_blocks_nothing(cohort: Cohort, python: Path):
    environment = EngineEnvironment(python, {}, (), (BROKEN, CPU))
    found = codes(cohort, TrainSettings(preset="paper"), environment)
    assert found == dict.fromkeys(["weights_absent", "gpu_unusable", "on_cpu", "paper_on_cpu"], False)


def test_a_supervised_training_needs_no_unlabeled_case(tmp_path: Path, python: Path):
    with make_cohort(tmp_path / "one", cases=1) as cohort:
        save_label(cohort, "case_0001")
        environment = EngineEnvironment(python)
        assert codes(cohort, TrainSettings(), environment) == {"few_unlabeled": True}
        assert codes(cohort, TrainSettings(method="supervised"), environment) == {}


def test_a_cohort_that_is_read_only_or_in_training_cannot_be_trained(
    cohort: Cohort, python: Path, monkeypatch
):
    with Cohort.open(cohort.folder, readOnly=True) as other:
        assert codes(other, TrainSettings(), EngineEnvironment(python)) == {"read_only": True}
    run = buildRun(cohort, TrainSettings())
    monkeypatch.setattr("CFRSegmentLib.engine.launch.isAlive", lambda root: root == run)
    assert codes(cohort, TrainSettings(), EngineEnvironment(python)) == {"run_active": True}


def test_an_impossible_setting_is_named_before_anything_is_made(cohort: Cohort, python: Path):
    settings = TrainSettings(changes=(("retrain.levels", 9),))
    (problem,) = preflight(cohort, settings, EngineEnvironment(python))
    assert problem.code == "bad_settings" and "retrain.levels" in problem.text


def test_devices_are_read_from_messages_and_auto_takes_the_gpu_that_works():
    messages = [
        {"type": "device", "id": "cuda:1", "name": "GPU B", "usable": False, "problem": "no kernel image",
         "remedy": "Update.", "free_bytes": None, "total_bytes": None},
        {"type": "device", "id": "cpu", "name": "Processor", "usable": True, "problem": "", "remedy": "",
         "free_bytes": 8 << 30, "total_bytes": 16 << 30},
        {"type": "finished", "status": "done"},
    ]  # fmt: skip
    devices = devicesFrom(messages)
    assert devices == (BROKEN, CPU)
    assert chosenDevice(devices, "auto") == CPU and chosenDevice((BROKEN, GPU, CPU), "auto") == GPU
    assert chosenDevice(devices, "cuda:7") is None and chosenDevice((GPU, CPU), "cuda") == GPU
    assert chosenDevice((), "auto") is None


def test_an_estimate_above_the_free_memory_is_said_with_smaller_settings_to_offer():
    message = {"type": "estimate", "seconds": 60.0, "memory_bytes": 20 << 30, "gpu_memory_bytes": 7 << 30,
               "parts": {"label": 20.0, "retrain": 40.0}, "device": "cuda"}  # fmt: skip
    estimate = estimateFrom([{"type": "progress"}, message])
    assert estimate.parts == (("label", 20.0), ("retrain", 40.0))
    found = estimateProblems(estimate, (GPU, CPU))
    assert [item.code for item in found] == ["gpu_memory_short", "memory_short"]
    assert "7.0 GB" in found[0].text and "6.0 GB" in found[0].text and not found[0].blocking
    assert estimateProblems(replace(estimate, memoryBytes=1, gpuMemoryBytes=1), (GPU, CPU)) == ()
    assert estimateProblems(estimate, ()) == () and estimateFrom([{"type": "estimate"}]) is None
    assert isinstance(estimate, Estimate)


def test_smaller_settings_get_smaller_until_there_is_nothing_left_to_make_smaller():
    settings, sizes = TrainSettings(changes=(("retrain.steps", 70),)), []
    while settings is not None:
        job = jobOf(settings, ORGAN, onCpu=False)
        assert job.retrain.steps == 70
        sizes.append(job.retrain.batch_labeled * job.retrain.width)
        settings = smallerSettings(settings)
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 3 and sizes[-1] < sizes[0] / 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.4, "4 s"), (150, "2 min"), (3600, "1 h"), (7800, "2 h 10 min"), (300_000, "3 days"), (-1, "0 s")],
)
def test_durations_are_round_numbers(seconds, text):
    assert durationText(seconds) == text


def test_sizes_are_round_numbers():
    assert (bytesText(850 << 20), bytesText(int(7.4 * 2**30))) == ("850 MB", "7.4 GB")


def test_a_preflight_of_a_thousand_cases_is_quick(tmp_path: Path, python: Path):
    with make_cohort(tmp_path / "many", cases=1) as cohort:
        items = cohort.trainingCases() * 1000
        cohort.trainingCases = lambda: items
        begun = time.monotonic()
        preflight(cohort, TrainSettings(), EngineEnvironment(python))
        assert time.monotonic() - begun < 0.1
