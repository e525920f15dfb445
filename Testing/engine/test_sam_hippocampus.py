"""A real fine-tuning on one hippocampus volume with each strategy and input, through the labeler."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.preprocessing import preprocess, preprocess_label
from CFRTrain.data.store import CaseStore
from CFRTrain.data.volumes import read_label, read_volume
from CFRTrain.labelers.sam_input import INPUTS
from CFRTrain.labelers.sam_labeler import SamLabeler
from CFRTrain.labelers.sam_model import ARCHITECTURES, SamArchitecture
from CFRTrain.labelers.strategies import STRATEGIES
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec, FineTune, Job, Retrain
from CFRTrain.runs.run_folder import RunFolder

PLAN = Plan((1.0, 1.0, 1.0), (24, 32, 24), 1, Intensity("zscore", 0.5, 99.5), 0, (36, 50, 35))
CLASSES = (ClassSpec(1, "anterior"), ClassSpec(2, "posterior"))
SMALLEST = SamArchitecture("small", 48, 2, 3, (1,), token=8, embedding=32, decoder_hidden=64)


@pytest.fixture(autouse=True)
def smallest_sam(monkeypatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "small", SMALLEST)


@pytest.fixture(scope="module")
def store(hippocampus, tmp_path_factory) -> CaseStore:
    """Two real volumes, the first with its label."""
    kept = CaseStore(tmp_path_factory.mktemp("hippocampus") / "store")
    for index, (image_path, label_path) in enumerate(hippocampus[61:63]):
        case = f"case_{index + 1:04d}"
        image = read_volume(image_path, case)
        label = read_label(label_path, case, image.geometry, (1, 2))
        labels = preprocess_label(label, PLAN, image.geometry, (1, 2)) if index == 0 else None
        kept.put(case, preprocess(image, PLAN), labels, image.geometry, image.geometry)
    return kept


def labeler_of(store: CaseStore, root: Path, **options: object) -> SamLabeler:
    finetune = replace(FineTune(steps=2, batch=1, warmup=0, checkpoint_every=1, views=2, scale=3), **options)
    job = Job(classes=CLASSES, finetune=finetune, retrain=Retrain(log_every=1), device="cpu")
    return SamLabeler(store, ("case_0001",), PLAN, job, RunFolder(root))


def check_fine_tuning(store: CaseStore, root: Path, **options: object) -> None:
    """Trains, labels, and does both again in a run that is stopped in between; the bits are the same."""
    whole = labeler_of(store, root / "whole", **options)
    pseudo = whole.label("case_0002")
    shape = store.image("case_0002").shape
    assert pseudo.probabilities.shape == (3, *shape)
    assert np.isfinite(pseudo.probabilities).all()
    assert np.allclose(pseudo.probabilities.sum(0), 1, atol=1e-5)
    stopped = labeler_of(store, root / "stopped", **options)
    asked: list[int] = []
    stopped.run.stop_requested = lambda: asked.append(0) or len(asked) > 1
    with pytest.raises(StopRequested):
        stopped.prepare()
    resumed = labeler_of(store, root / "stopped", **options)
    assert np.array_equal(resumed.label("case_0002").probabilities, pseudo.probabilities)
    losses = [event["value"] for event in events(whole) if event.get("name") == "finetune/loss"]
    assert len(losses) == 2 and all(0 < loss < 3 for loss in losses)


def events(labeler: SamLabeler) -> list[dict]:
    return read_events(labeler.run.events.path, 0)[0]


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"scratch"}))
def test_every_strategy_fine_tunes_on_a_real_volume(store, tmp_path, strategy):
    check_fine_tuning(store, tmp_path, strategy=strategy)
    labeler = labeler_of(store, tmp_path / "whole", strategy=strategy)
    record = labeler.run.read_json("sam.json")
    assert record["strategy"] == strategy
    codes = {event["code"] for event in events(labeler) if event["type"] == "warning"}
    assert ("sam_frozen_from_scratch" in codes) == (strategy != "full")
    assert not (labeler.run.root / "embeddings").exists()


@pytest.mark.parametrize("kind", sorted(INPUTS))
def test_every_input_fine_tunes_on_a_real_volume(store, tmp_path, kind):
    check_fine_tuning(store, tmp_path, input=kind, pictures=6)


def test_a_strategy_and_an_input_go_together(store, tmp_path):
    check_fine_tuning(store, tmp_path, input="neighbors", strategy="decoder", pictures=4)


def test_pictures_bound_what_a_step_learns_from(store, tmp_path):
    """24 x 32 x 24 voxels cut across axis 1 are 32 slices; 6 of them are drawn, others in the next step."""
    labeler = labeler_of(store, tmp_path, input="slicewise", pictures=6)
    labeler.prepare()
    stage = labeler._stage(STRATEGIES["scratch"], labeler.sam, labeler.sam_input)
    logits, targets = stage.answer(0)
    assert logits.shape == (6, 3, 24, 24) and targets.shape == (6, 24, 24)
    drawn = [stage.drawn_pictures(32, step).tolist() for step in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1] and len(set(drawn[0])) == 6
    assert stage.drawn_pictures(6, 0) == slice(None)
