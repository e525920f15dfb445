"""The whole pipeline on a few phantoms: what it leaves behind, how it stops, resumes and fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from CFRTrain.data.geometry import Volume
from CFRTrain.data.phantoms import write_cohort
from CFRTrain.data.volumes import read_label, read_volume, write_volume
from CFRTrain.labelers.base import PseudoLabelCache
from CFRTrain.models.package import Usage, load_model
from CFRTrain.pipeline import Pipeline, run_all
from CFRTrain.runs.errors import DataError, JobError, MemoryLimitError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec, changed, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder, file_sha256

TINY = {
    "threads": 1,
    "predict.runtime": "torch",
    "network_labeler.steps": 4,
    "retrain.steps": 6,
    "retrain.width": 4,
    "retrain.levels": 3,
    "retrain.checkpoint_every": 2,
    "retrain.log_every": 1,
}


def make_run(root: Path, **changes: object) -> RunFolder:
    write_cohort(root, 5, seed=3, labeled=1, validation=1, size_zyx=(16, 24, 24), spacing_zyx=(6.0, 6.0, 6.0))
    job = changed(preset("preview", (ClassSpec(7, "left atrium"),)), {**TINY, **changes})
    (root / "job.json").write_text(job_to_json(job))
    relabel(root)
    return RunFolder(root)


def relabel(root: Path) -> None:
    """Gives the structure the value 7, so that a mix-up of class values and class indices shows."""
    for path in (root / "labels").iterdir():
        label = read_label(path, path.name, None, [1])
        write_volume(path, Volume(label.array * np.uint8(7), label.geometry))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    used = {"predict.overlap": 0.25, "predict.largest_component": True}
    folder = tmp_path_factory.mktemp("run")
    run = make_run(folder, labeler="fusion", fusion_members=("atlas", "network"), **used)
    run_all(run)
    return run


def test_a_finished_run_has_a_manifest_whose_hashes_are_those_of_its_files(finished: RunFolder):
    results = finished.results()
    assert results["status"] == "done"
    for entry in results["files"].values():
        assert file_sha256(finished.root / entry["path"]) == entry["sha256"]


def test_the_model_of_a_run_is_the_one_its_results_name_and_carries_its_validation(finished: RunFolder):
    model, results = load_model(finished.root / "model.cfrmodel"), finished.results()
    assert model.weights_sha256 == results["weights_sha256"]
    assert model.provenance.validation["mean_dice"] == results["validation"]["mean_dice"]
    assert model.usage == Usage(overlap=0.25, largest_component=True)


def test_predictions_hold_class_values_on_the_exact_grid_of_their_images(finished: RunFolder):
    prediction = read_volume(finished.root / "predictions/case_0005.nii.gz", "case_0005")
    image = read_volume(finished.root / "images/case_0005.nii.gz", "case_0005")
    assert prediction.geometry == image.geometry
    assert set(np.unique(prediction.array)) <= {0, 7}


def test_review_files_are_on_the_cases_own_grids_and_most_uncertain_first(finished: RunFolder):
    ranked = finished.read_json("review.json")
    assert sorted(entry["case"] for entry in ranked) == ["case_0002", "case_0003", "case_0004"]
    assert [entry["uncertainty"] for entry in ranked] == sorted(
        (e["uncertainty"] for e in ranked), reverse=True
    )
    for entry in ranked:
        image = read_volume(finished.root / f"images/{entry['case']}.nii.gz", entry["case"])
        label = read_label(
            finished.root / f"review/{entry['case']}.nii.gz", entry["case"], image.geometry, [7]
        )
        doubt = read_volume(finished.root / f"review/{entry['case']}_uncertainty.nii.gz", entry["case"])
        assert label.array.any() and 0 < doubt.array.max() <= 100


def test_events_tell_every_stage_once_and_end_with_done(finished: RunFolder):
    events, _ = read_events(finished.root / "events.jsonl")
    assert [event["name"] for event in events if event["type"] == "stage"] == [
        "check", "prepare", "label", "retrain", "evaluate", "finish",
    ]  # fmt: skip
    assert events[-1] == {**events[-1], "type": "finished", "status": "done"}


def test_a_finished_run_is_not_repeated(finished: RunFolder):
    before = (finished.root / "model.cfrmodel").stat().st_mtime_ns
    assert run_all(finished) == finished.results()
    assert (finished.root / "model.cfrmodel").stat().st_mtime_ns == before


def test_the_weights_are_the_same_however_often_the_run_was_stopped(finished: RunFolder, tmp_path: Path):
    used = {"predict.overlap": 0.25}
    run = make_run(tmp_path, labeler="fusion", fusion_members=("atlas", "network"), **used)
    stops = {("label_network", 2), ("fusion", "case_0003"), ("retrain", 2), ("retrain", 4)}

    def stop_here(event: dict) -> None:
        mark = (event.get("stage"), event.get("step", event.get("case")))
        if event["type"] in ("checkpoint", "case_done") and mark in stops:
            stops.discard(mark)
            run.request_stop()

    run.events.echo = stop_here
    stopped = 0
    while run.results() is None:
        try:
            run_all(run)
        except StopRequested:
            stopped += 1
    assert stopped == 4
    assert run.results()["weights_sha256"] == finished.results()["weights_sha256"]


def test_a_validation_case_that_shows_nothing_is_measured_by_the_rule_for_empty_masks(tmp_path: Path):
    run = make_run(tmp_path)
    label = tmp_path / "labels/case_0005.nii.gz"
    found = read_volume(label, "case_0005")
    write_volume(label, Volume(np.zeros_like(found.array), found.geometry))
    results = run_all(run)
    row = results["validation"]["per_case"]["case_0005"][0]
    nothing_found = row["prediction_ml"] == 0
    assert (row["dice"], row["failure"]) == ((1.0, False) if nothing_found else (0.0, True))


def test_a_bad_case_ends_the_run_before_training_and_is_named(tmp_path: Path):
    run = make_run(tmp_path)
    (tmp_path / "images/case_0003.nii.gz").write_bytes(b"not a volume")
    with pytest.raises(DataError) as failure:
        run_all(run)
    assert failure.value.case == "case_0003"
    events, _ = read_events(tmp_path / "events.jsonl")
    assert [event["type"] for event in events[-2:]] == ["error", "finished"]
    assert not (tmp_path / "checkpoints").exists()
    assert "case_0003" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_memory_that_is_used_up_outside_of_training_is_said_as_such(tmp_path: Path, monkeypatch):
    def preprocess(*given):
        raise RuntimeError("ITK ERROR: Failed to allocate memory for image.")

    run = make_run(tmp_path)
    monkeypatch.setattr("CFRTrain.stages.preparing.preprocess", preprocess)
    with pytest.raises(MemoryLimitError) as failure:
        run_all(run)
    assert failure.value.exit_code == 4


def test_a_job_changed_after_the_start_is_refused_so_that_results_do_not_mix(tmp_path: Path):
    run = make_run(tmp_path)
    pipeline = Pipeline(run)
    pipeline.check()
    pipeline.prepare()
    (tmp_path / "job.json").write_text(job_to_json(changed(run.job(), {"retrain.steps": 9})))
    with pytest.raises(JobError, match="changed"):
        run_all(run)


def test_a_run_from_before_a_field_was_added_goes_on_with_its_default(tmp_path: Path):
    run = make_run(tmp_path)
    content = json.loads((tmp_path / "job.json").read_text(encoding="utf-8"))
    written_now = (tmp_path / "job.json").read_bytes()
    del content["retrain"]["labeler_share"]
    (tmp_path / "job.json").write_text(json.dumps(content, indent=4))
    pipeline = Pipeline(run)
    pipeline.check()
    pipeline.prepare()
    settings = (tmp_path / "settings.json").read_bytes()
    run_all(run)
    assert (tmp_path / "settings.json").read_bytes() == settings
    (tmp_path / "job.json").write_bytes(written_now)  # a file that says more is another one
    with pytest.raises(JobError, match="changed"):
        run_all(run)


def test_a_plan_changed_by_a_person_before_the_start_is_followed(tmp_path: Path):
    run = make_run(tmp_path, labeler="none", method="supervised")
    Pipeline(run).examine()
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    plan["spacing_zyx"] = [8.0, 8.0, 8.0]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    run_all(run)
    assert load_model(tmp_path / "model.cfrmodel").plan.spacing_zyx == (8.0, 8.0, 8.0)


@pytest.mark.parametrize("method", ["supervised", "self_training", "mean_teacher"])
def test_every_method_runs_on_one_labeled_case(tmp_path: Path, method: str):
    results = run_all(make_run(tmp_path, method=method, **{"retrain.batch_unlabeled": 1}))
    assert 0 <= results["validation"]["mean_dice"] <= 1
    assert results["method"] == method


def test_rounds_label_anew_with_the_last_network(tmp_path: Path):
    run = make_run(tmp_path, **{"retrain.rounds": 2})
    run_all(run)
    first = (tmp_path / "pseudo_labels/atlas/case_0002.safetensors").read_bytes()
    assert (tmp_path / "pseudo_labels/round_2/case_0002.safetensors").read_bytes() != first


def test_later_rounds_weigh_the_labeler_as_told(tmp_path: Path):
    def second_round(share: float) -> tuple[np.ndarray, np.ndarray]:
        folder = tmp_path / str(share)
        run_all(make_run(folder, **{"retrain.rounds": 2, "retrain.labeler_share": share}))
        names = ("atlas", "round_2")
        caches = [PseudoLabelCache(folder / "pseudo_labels" / name, name) for name in names]
        return tuple(cache.load("case_0002").probabilities for cache in caches)

    labeler, network = second_round(0.0)
    _, mixed = second_round(0.25)
    assert np.abs(labeler - network).max() > 0.1
    np.testing.assert_allclose(mixed, 0.25 * labeler + 0.75 * network, atol=0.01)


def test_nothing_in_a_run_folder_names_where_the_volumes_came_from(tmp_path: Path):
    source = tmp_path / "ward-doe-john"
    run = make_run(source)
    run_all(run)
    engine_files = [
        path for path in source.rglob("*") if path.is_file() and path.suffix in (".jsonl", ".log", ".html")
    ]
    assert engine_files
    for path in [*engine_files, source / "results.json", source / "model.cfrmodel"]:
        assert b"doe-john" not in path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "mean_techer"}, "mean_techer"),
        ({"finetune.weights": "sam_vit_b_01ec64.pth", "finetune.model": "vit_b"}, "does not use SAM"),
        ({"labeler": "none", "method": "self_training"}, "needs pseudo-labels"),
        ({"retrain.width": 1}, "cannot name 2 classes"),
        ({"plan.patch_zyx": (16, 24, 22)}, "22"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_any_case_is_prepared(tmp_path: Path, changes, said):
    run = make_run(tmp_path, **changes)
    with pytest.raises(JobError, match=said):
        run_all(run)
    assert not any((tmp_path / "store").glob("*/case.json"))


def test_another_job_gets_another_plan_unless_a_person_changed_the_first_one(tmp_path: Path):
    run = make_run(tmp_path)
    Pipeline(run).examine()
    (tmp_path / "job.json").write_text(job_to_json(changed(run.job(), {"modality": "CT"})))
    Pipeline(run).examine()
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert plan["intensity"]["scheme"] == "ct_window"
    plan["spacing_zyx"] = [8.0, 8.0, 8.0]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    Pipeline(run).examine()
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["spacing_zyx"] == [8.0, 8.0, 8.0]
    (tmp_path / "job.json").write_text(job_to_json(changed(run.job(), {"modality": "MR"})))
    with pytest.raises(JobError, match="changed by hand"):
        Pipeline(run).examine()


def test_a_finished_run_whose_plan_is_gone_says_so(tmp_path: Path):
    run = make_run(tmp_path, labeler="none", method="supervised")
    run_all(run)
    (tmp_path / "plan.json").unlink()
    with pytest.raises(JobError, match="plan.json cannot be read"):
        run_all(run)


def test_what_a_kill_left_half_written_is_removed_at_the_next_start(tmp_path: Path):
    run = make_run(tmp_path, labeler="none", method="supervised")
    left = [f".{'0af1' * 8}.tmp", f"review/.{'0af1' * 8}.nii.gz", f"store/case_0002/.{'9' * 32}.tmp"]
    kept = [".hidden.tmp", ".gitignore"]
    for name in left + kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    run_all(run)
    assert [name for name in left + kept if (tmp_path / name).exists()] == kept


def test_results_of_a_finished_run_are_not_those_of_a_job_changed_since(tmp_path: Path):
    run = make_run(tmp_path, labeler="none", method="supervised")
    run_all(run)
    (tmp_path / "job.json").write_text(job_to_json(changed(run.job(), {"seed": 4})))
    with pytest.raises(JobError, match="changed"):
        run_all(run)
