"""M&N on real volumes through the whole pipeline, a few steps of it, with two 2D models."""

from __future__ import annotations

from pathlib import Path

import pytest

from CFRTrain.labelers.sam_model import ARCHITECTURES, SamArchitecture
from CFRTrain.models.package import load_model
from CFRTrain.pipeline import run_all
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec, changed, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder

SMALLEST = SamArchitecture("small", 24, 2, 3, (1,), token=8, embedding=32, decoder_hidden=64)
TINY = {
    "threads": 1,
    "predict.runtime": "torch",
    "plan.patch_zyx": [16, 32, 24],
    "atlas.resolution_mm": 3.0,
    "retrain.steps": 8,
    "retrain.width": 4,
    "retrain.levels": 3,
    "retrain.batch_labeled": 2,
    "retrain.log_every": 1,
    "retrain.checkpoint_every": 3,
    "mn.width": 4,
    "mn.transition": 0.25,
    "mn.steps_per_turn": 2,
}


def make_run(root: Path, volumes, **changes: object) -> RunFolder:
    """One labeled, one unlabeled and one validation case of the development volumes."""
    roles, entries = ("labeled", "unlabeled", "validation"), []
    for index, (role, (image, label)) in enumerate(zip(roles, volumes[61:64], strict=True)):
        path = None if role == "unlabeled" else str(label)
        entries.append({"id": f"case_{index + 1:04d}", "role": role, "image": str(image), "label": path})
    run = RunFolder(root)
    root.mkdir(exist_ok=True)
    run.write_json("cases.json", {"format": 1, "cases": entries})
    classes = (ClassSpec(1, "anterior"), ClassSpec(2, "posterior"))
    job = changed(preset("preview", classes, method="mn"), {**TINY, **changes})
    (root / "job.json").write_text(job_to_json(job))
    return run


def metrics(run: RunFolder, name: str) -> list[float]:
    path = run.root / "metrics.jsonl"
    return [event["value"] for event in read_events(path)[0] if event.get("name") == name]


def test_with_an_atlas_s_pseudo_labels_and_the_small_2d_model_a_stopped_run_ends_alike(hippocampus, tmp_path):
    whole = make_run(tmp_path / "whole", hippocampus)
    results = run_all(whole)
    assert results["method"] == "mn" and 0 <= results["validation"]["mean_dice"] <= 1
    record = whole.read_json("planar_model.json")
    assert record["model"] == "small" and record["weights_sha256"] is None
    notes = load_model(whole.root / "model.cfrmodel").provenance.notes
    assert any("2D U-Net" in note for note in notes)
    assert len(metrics(whole, "retrain/supervised")) == 8
    assert len(metrics(whole, "retrain/pseudo")) == 4  # floor((e - 2) / 6 * 3) is not 0 from e = 4 to 7
    stopped = make_run(tmp_path / "stopped", hippocampus)
    stopped.events.echo = lambda event: (
        stopped.request_stop() if (event["type"], event.get("step")) == ("checkpoint", 3) else None
    )
    with pytest.raises(StopRequested):
        run_all(stopped)
    assert run_all(stopped)["weights_sha256"] == results["weights_sha256"]


def test_without_pseudo_labels_and_with_a_small_sam(hippocampus, tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "small", SMALLEST)
    run = make_run(tmp_path / "sam", hippocampus, labeler="none", **{"mn.model": "sam", "retrain.steps": 5})
    results = run_all(run)
    assert results["labeler"] == "none" and 0 <= results["validation"]["mean_dice"] <= 1
    assert run.read_json("planar_model.json")["model"] == "sam"
    assert metrics(run, "retrain/pseudo") == []
    warnings = [event["code"] for event in read_events(run.events.path)[0] if event["type"] == "warning"]
    assert "planar_from_scratch" in warnings
