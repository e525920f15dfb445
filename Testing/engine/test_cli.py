"""The command line: run folders from folders of volumes, events as lines or bars, verbs, exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from CFRTrain.__main__ import main
from CFRTrain.cli import predicting
from CFRTrain.cli.console import JsonLines, TerminalBars, event_view
from CFRTrain.cli.create import CohortSource, assign_roles, list_volumes, parse_classes, volume_stem
from CFRTrain.cli.signals import stop_on_signal
from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.volumes import write_volume
from CFRTrain.models.package import Usage
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.run_folder import RunFolder

GEOMETRY = Geometry((6, 8, 8), (2.0, 1.0, 1.0))


def write_volumes(root: Path, labeled: str = "abd", images: str = "abcd") -> None:
    for index, name in enumerate(images):
        noise = np.random.default_rng(index).normal(size=(6, 8, 8)).astype(np.float32)
        write_volume(root / "images" / f"{name}.nii.gz", Volume(noise, GEOMETRY))
    label = np.zeros((6, 8, 8), np.uint8)
    label[2:4, 3:6, 3:6] = 1
    for name in labeled:
        write_volume(root / "labels" / f"{name}.nrrd", Volume(label, GEOMETRY))


def create(root: Path, *more: str) -> int:
    return main(
        ["create", str(root / "run"), "--images", str(root / "images"), "--labels", str(root / "labels"),
         "--classes", "1=organ", *more]
    )  # fmt: skip


def test_create_matches_labels_by_name_and_hides_the_labels_of_unlabeled_cases(tmp_path: Path):
    write_volumes(tmp_path)
    assert create(tmp_path, "--validation", "1") == 0
    cases = RunFolder(tmp_path / "run").cases()
    assert [case.role for case in cases] == ["labeled", "unlabeled", "unlabeled", "validation"]
    assert [case.label is not None for case in cases] == [True, False, False, True]
    assert [case.image.resolve().name for case in cases] == ["a.nii.gz", "b.nii.gz", "c.nii.gz", "d.nii.gz"]
    assert cases[3].label.resolve().name == "d.nrrd"


def test_create_with_copy_leaves_no_original_name_in_the_run(tmp_path: Path):
    write_volumes(tmp_path)
    assert create(tmp_path, "--copy") == 0
    cases = RunFolder(tmp_path / "run").cases()
    assert [case.image.name for case in cases] == [f"case_000{i}.nii.gz" for i in range(1, 5)]
    assert all(case.image.is_file() for case in cases)


def test_create_changes_single_values_of_the_preset(tmp_path: Path):
    write_volumes(tmp_path)
    assert create(tmp_path, "--preset", "preview", "--set", "retrain.steps=33", "--set", "labeler=atlas") == 0
    job = RunFolder(tmp_path / "run").job()
    assert (job.preset, job.retrain.steps, job.labeler) == ("preview", 33, "atlas")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--set", "retrain.stepz=3"), "stepz"),
        (("--labeled", "4"), "4 labeled"),
        (("--labeled", "-1"), "negative"),
        (("--unlabeled", "-1"), "negative"),
        (("--validation", "4"), "4 cases are to validate of 4"),
        (("--validation", "9"), "9 cases are to validate of 4"),
        (("--validation", "2"), "Of the last 2 cases, which are to validate, these have no label: c."),
        (("--classes", "x"), "VALUE=NAME"),
        (("--classes", "300=organ"), "1 to 254"),
        (("--images", "nowhere"), "nowhere does not exist"),
    ],
)
def test_a_wrong_create_command_says_why_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
):
    write_volumes(tmp_path)
    assert create(tmp_path, *more) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_two_files_of_one_name_are_not_taken_for_one_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_volumes(tmp_path)
    (tmp_path / "images" / "b.nrrd").write_bytes(b"another b")
    assert create(tmp_path) == 2
    assert "b.nii.gz and b.nrrd" in capsys.readouterr().err


def test_create_never_overwrites_a_run(tmp_path: Path):
    write_volumes(tmp_path)
    create(tmp_path)
    before = (tmp_path / "run/job.json").read_bytes()
    assert create(tmp_path, "--seed", "5") == 2
    assert (tmp_path / "run/job.json").read_bytes() == before


def test_check_names_the_bad_case_and_exits_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_volumes(tmp_path)
    create(tmp_path)
    (tmp_path / "images/c.nii.gz").write_bytes(b"\x1f\x8b broken")
    assert main(["check", str(tmp_path / "run")]) == 3
    assert "case_0003" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["check", "run", "stop", "status", "report"])
def test_every_verb_on_a_folder_without_a_run_exits_with_2(tmp_path: Path, verb: str):
    assert main([verb, str(tmp_path)]) == 2


def test_stop_leaves_a_request_that_status_does_not_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_volumes(tmp_path)
    create(tmp_path)
    assert main(["stop", str(tmp_path / "run")]) == 0
    assert RunFolder(tmp_path / "run").stop_requested()
    capsys.readouterr()
    assert main(["status", str(tmp_path / "run")]) == 0
    assert json.loads(capsys.readouterr().out)["has_results"] is False


def test_evaluate_counts_a_missing_prediction_as_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_volumes(tmp_path)
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    (predictions / "a.nrrd").write_bytes((tmp_path / "labels/a.nrrd").read_bytes())
    figures = tmp_path / "figures.json"
    folders = [str(predictions), str(tmp_path / "labels")]
    assert main(["evaluate", *folders, "--classes", "1=organ", "--json", str(figures)]) == 0
    rows = {row["case"]: row for row in json.loads(figures.read_text(encoding="utf-8"))}
    assert rows["a"]["dice"] == 1.0 and not rows["a"]["failure"]
    assert rows["b"]["dice"] == 0.0 and rows["b"]["failure"]


def test_roles_leave_out_unlabeled_cases_beyond_the_limit():
    source = CohortSource(Path(), None, labeled=1, first_labeled=1, unlabeled=1, validation=1)
    assert assign_roles("abcd", [True, True, False, True], source) == [
        "unlabeled",
        "labeled",
        None,
        "validation",
    ]


@pytest.mark.parametrize(
    ("name", "stem"), [("a.nii.gz", "a"), ("b.c.seg.nrrd", "b.c"), ("d.MHA", "d"), ("e.txt", "")]
)
def test_the_stem_of_a_volume_is_its_name_without_the_volume_suffix(name: str, stem: str):
    assert volume_stem(Path(name)) == stem


def test_a_folder_without_volumes_is_a_clear_error(tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(JobError, match="no volumes"):
        list_volumes(tmp_path)


def test_classes_are_read_with_values_and_names():
    assert [(item.value, item.name) for item in parse_classes("1=left atrium, 4=aorta")] == [
        (1, "left atrium"), (4, "aorta"),
    ]  # fmt: skip


def test_a_pipe_gets_one_json_object_per_event():
    stream = io.StringIO()
    view = event_view(stream)
    assert isinstance(view, JsonLines)
    view({"type": "stage", "name": "check", "index": 1, "of": 6})
    assert json.loads(stream.getvalue()) == {"type": "stage", "name": "check", "index": 1, "of": 6}


def test_a_terminal_gets_bars_and_readable_warnings():
    stream = io.StringIO()
    stream.isatty = lambda: True
    view = event_view(stream)
    assert isinstance(view, TerminalBars)
    view({"type": "stage", "name": "retrain", "index": 4, "of": 6})
    view({"type": "progress", "stage": "retrain", "step": 3, "of": 10, "seconds_left": 1.0})
    view({"type": "warning", "code": "x", "text": "a small SAM is used"})
    view({"type": "finished", "status": "done"})
    shown = stream.getvalue()
    assert "[4/6] retrain" in shown and "3/10" in shown
    assert "warning: a small SAM is used" in shown and "finished: done" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop_and_the_second_one_interrupts(tmp_path: Path, number: int):
    run, before = RunFolder(tmp_path), signal.getsignal(number)
    with stop_on_signal(run):
        os.kill(os.getpid(), number)
        assert run.stop_requested()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_create_chooses_the_small_network_where_there_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_volumes(tmp_path)
    for available, width in ((False, 8), (True, 16)):
        monkeypatch.setattr("torch.cuda.is_available", lambda available=available: available)
        root = tmp_path / str(available)
        images, labels = str(tmp_path / "images"), str(tmp_path / "labels")
        assert (
            main(["create", str(root), "--images", images, "--labels", labels, "--classes", "1=organ"]) == 0
        )
        assert RunFolder(root).job().retrain.width == width


def test_predict_does_what_the_model_says_unless_told_otherwise(tmp_path, monkeypatch):
    asked = []

    def segment_file(model, source, target, options, **watched):
        asked.append((options.overlap, options.largest_component))
        return Volume(np.zeros(GEOMETRY.size_zyx, np.uint8), GEOMETRY)

    model = SimpleNamespace(usage=Usage(0.25, largest_component=True))
    monkeypatch.setattr(predicting, "load_model", lambda path: model)
    monkeypatch.setattr(predicting, "choose_runtime", lambda *given, **named: None)
    monkeypatch.setattr(predicting, "segment_file", segment_file)
    command = ["predict", "model", "image.nii.gz", "--output", str(tmp_path / "a.nii.gz")]
    assert main(command) == main([*command, "--overlap", "0.5", "--no-largest-component"]) == 0
    assert asked == [(0.25, True), (0.5, False)]


def test_predict_with_an_impossible_overlap_is_a_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["predict", "model", "image", "--output", str(tmp_path), "--overlap", "0.95"]) == 2
    assert "overlap" in capsys.readouterr().err
