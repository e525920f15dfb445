"""The SAM labeler: every voxel of any volume, with official weights or without, the same after a stop."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from CFRTrain.labelers import sam_choice
from CFRTrain.labelers.concatenation import concatenate, plan_grid, separate
from CFRTrain.labelers.sam_choice import build_chosen, choose_sam, fitted_window
from CFRTrain.labelers.sam_input import choose_input
from CFRTrain.labelers.sam_labeler import SamLabeler, volume_probabilities
from CFRTrain.labelers.sam_lora import lora_parameters
from CFRTrain.labelers.sam_model import ARCHITECTURES, SamArchitecture, build_sam
from CFRTrain.runs.errors import DataError, JobError, ModelError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import FineTune
from CFRTrain.runs.official_weights import OfficialWeights
from Testing.engine.cohort import Cohort, mean_dice

TINY = SamArchitecture("vit_b", 24, 2, 3, (1,), token=16, window=3, embedding=32, decoder_hidden=64)


def cohort_of(root: Path, **options: object) -> Cohort:
    root.mkdir(exist_ok=True)
    cohort = Cohort(root)
    cohort.job = replace(cohort.job, finetune=replace(FineTune(steps=2, checkpoint_every=1), **options))
    return cohort


@pytest.fixture(autouse=True)
def tiny_small_sam(monkeypatch) -> None:
    """The small SAM, smaller still."""
    smaller = SamArchitecture("small", 48, 2, 3, (1,), token=4, embedding=32, decoder_hidden=64)
    monkeypatch.setitem(ARCHITECTURES, "small", smaller)


@pytest.fixture
def official_file(tmp_path, monkeypatch) -> Path:
    """A file as Meta publishes them for a tiny SAM that stands in for ViT-B."""
    path = tmp_path / "sam_vit_b.pth"
    torch.save(build_sam(TINY, classes=3, canvas=1024, seed=1).state_dict(), path)
    entry = OfficialWeights("vit_b", path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(ARCHITECTURES, "vit_b", TINY)
    monkeypatch.setitem(sam_choice.OFFICIAL_WEIGHTS, "vit_b", entry)
    return path


def warnings(cohort: Cohort) -> dict[str, str]:
    events, _ = read_events(cohort.run.events.path, 0)
    return {event["code"]: event["text"] for event in events if event["type"] == "warning"}


def test_a_short_training_from_scratch_finds_the_structures(tmp_path):
    cohort = cohort_of(tmp_path, steps=90, warmup=5, learning_rate=3e-3, checkpoint_every=100)
    labeler = SamLabeler(*cohort.arguments())
    labeler.prepare()
    pseudo = labeler.label("case_0002")
    assert pseudo.probabilities.shape == (3, *cohort.labels["case_0002"].shape)
    assert pseudo.probabilities.dtype == np.float32
    assert np.allclose(pseudo.probabilities.sum(0), 1, atol=1e-5)
    assert mean_dice(pseudo.labels, cohort.labels["case_0002"]) > 0.5


def test_the_absence_of_official_weights_is_said_in_log_and_report(tmp_path):
    cohort = cohort_of(tmp_path, model="vit_b")
    SamLabeler(*cohort.arguments()).prepare()
    record = cohort.run.read_json("sam.json")
    assert "No official weights of SAM vit_b" in warnings(cohort)["sam_from_scratch"]
    assert record["model"] == "small" and not record["official_weights"]
    assert "from scratch" in record["explanation"]
    assert record["trainable_parameters"] == record["parameters"]


def test_an_official_file_is_fine_tuned_with_lora_and_merged(tmp_path, official_file):
    cohort = cohort_of(tmp_path / "run", model="vit_b", weights=f"../{official_file.name}")
    labeler = SamLabeler(*cohort.arguments())
    pseudo = labeler.label("case_0002")
    record = cohort.run.read_json("sam.json")
    assert not warnings(cohort)
    assert record["official_weights"] and len(record["weights_sha256"]) == 64
    assert record["trainable_parameters"] < record["parameters"]
    assert str(official_file.parent) not in str(record)
    assert not lora_parameters(labeler.sam)
    assert np.allclose(pseudo.probabilities.sum(0), 1, atol=1e-5)


def test_training_keeps_the_official_encoder_but_for_queries_and_values(tmp_path, official_file):
    cohort = cohort_of(tmp_path / "run", model="vit_b", weights=str(official_file))
    labeler = SamLabeler(*cohort.arguments())
    labeler.prepare()
    official = torch.load(official_file, weights_only=True)
    tuned = labeler.sam.state_dict()
    for key in official:
        same_size = key.startswith("image_encoder.") and "pos" not in key
        if same_size and ".qkv.weight" not in key:
            assert torch.equal(tuned[key], official[key]), key
    query, unmoved, _ = (tuned[key := "image_encoder.blocks.0.attn.qkv.weight"] - official[key]).split(24)
    assert query.abs().max() > 0 and unmoved.abs().max() == 0


def test_a_second_labeler_loads_what_the_first_has_trained(tmp_path):
    cohort = cohort_of(tmp_path)
    expected = SamLabeler(*cohort.arguments()).label("case_0002").probabilities
    events = len(read_events(cohort.run.events.path, 0)[0])
    again = SamLabeler(*cohort.arguments()).label("case_0002").probabilities
    assert np.array_equal(expected, again)
    later = read_events(cohort.run.events.path, 0)[0][events:]
    assert not [event for event in later if event["type"] in ("metric", "checkpoint")]


def test_a_stopped_fine_tuning_labels_as_an_uninterrupted_one(tmp_path):
    whole, stopped = cohort_of(tmp_path / "whole"), cohort_of(tmp_path / "stopped")
    expected = SamLabeler(*whole.arguments()).label("case_0002").probabilities
    answer, asked = stopped.run.stop_requested, []
    stopped.run.stop_requested = lambda: asked.append(0) or len(asked) > 1
    with pytest.raises(StopRequested):
        SamLabeler(*stopped.arguments()).prepare()
    stopped.run.stop_requested = answer
    assert np.array_equal(SamLabeler(*stopped.arguments()).label("case_0002").probabilities, expected)


def test_a_labeled_case_gets_its_own_label_without_training(tmp_path):
    cohort = cohort_of(tmp_path)
    labeler = SamLabeler(*cohort.arguments())
    assert np.array_equal(labeler.label("case_0001").labels, cohort.labels["case_0001"])
    assert labeler.sam is None


def test_without_a_labeled_case_there_is_no_sam(tmp_path):
    cohort = cohort_of(tmp_path)
    with pytest.raises(DataError):
        SamLabeler(cohort.store, (), cohort.plan, cohort.job, cohort.run)


def test_a_named_file_that_is_not_there_is_an_error_and_no_silent_replacement(tmp_path):
    cohort = cohort_of(tmp_path, model="vit_l", weights=str(tmp_path / "sam.pth"))
    with pytest.raises(ModelError) as caught:
        choose_sam(cohort.job, tmp_path)
    assert "sam_vit_l_0b3195.pth" in caught.value.remedy


def test_weights_beside_the_small_sam_are_refused(tmp_path):
    with pytest.raises(JobError):
        choose_sam(cohort_of(tmp_path, weights="sam.pth").job, tmp_path)


def test_windows_that_are_larger_than_the_canvas_become_global():
    small = ARCHITECTURES["small"]
    assert fitted_window(small, 14 * small.token).window == 0
    assert fitted_window(small, 15 * small.token).window == 14


@pytest.mark.parametrize("kind", ["concatenated", "slicewise"])
def test_both_inputs_train_and_label(tmp_path, kind):
    cohort = cohort_of(tmp_path, input=kind)
    sam, sam_input = build_chosen(choose_sam(cohort.job, tmp_path), cohort.job, cohort.plan)
    assert sam_input.canvas == (64 if kind == "concatenated" else 16)
    shape = SamLabeler(*cohort.arguments()).label("case_0002").probabilities.shape
    assert shape == (3, *cohort.labels["case_0002"].shape)


class Thresholds(torch.nn.Module):
    """Stands in for a trained SAM that knows the answer: class 1 where the pixel is bright."""

    def forward(self, canvas: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(canvas), 200 * (canvas - 0.5)], dim=1)


@pytest.mark.parametrize("shape", [(5, 7, 6), (8, 12, 10), (19, 23, 31)], ids=["smaller", "equal", "larger"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", ["concatenated", "slicewise"])
def test_every_voxel_of_a_volume_gets_its_own_answer(shape, axis, kind):
    """Any voxel that were lost or misplaced between volume, window, canvas and back would show."""
    image = np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)
    patch = (8, 12, 10) if kind == "concatenated" else (8, 8, 8)
    sam_input = choose_input(kind, patch, axis, 0, "official", 8)
    probabilities = volume_probabilities(Thresholds(), sam_input, image, torch.device("cpu"))
    assert probabilities.shape == (2, *shape)
    assert np.array_equal(probabilities[1] > 0.5, image > 0.5)
    assert np.abs(probabilities[1] - image).max() < 1e-3


def test_overlapping_windows_are_weighted_towards_their_centers():
    """Two windows that disagree: near each center its own answer counts more than the other's."""
    answers = iter([0.9, 0.1])

    class Alternating(torch.nn.Module):
        def forward(self, canvas: torch.Tensor) -> torch.Tensor:
            level = torch.full_like(canvas, next(answers))
            return torch.cat([(1 - level).log(), level.log()], dim=1)

    sam_input = choose_input("concatenated", (8, 8, 8), 0, 0, "token", 8)
    image = np.zeros((12, 8, 8), np.float32)
    found = volume_probabilities(Alternating(), sam_input, image, torch.device("cpu"))
    line = found[1, :, 4, 4]
    assert line[0] == pytest.approx(0.9, abs=1e-3) and line[-1] == pytest.approx(0.1, abs=1e-3)
    assert (np.diff(line) <= 1e-6).all() and 0.3 < line[5:7].mean() < 0.7


def test_a_real_volume_survives_canvas_and_back(hippocampus):
    import SimpleITK as sitk

    volume = sitk.GetArrayFromImage(sitk.ReadImage(str(hippocampus[0][0]))).astype(np.float32)
    for axis in range(3):
        plane = tuple(side for other, side in enumerate(volume.shape) if other != axis)
        grid = plan_grid(plane, volume.shape[axis], 512, "token")
        assert np.array_equal(separate(concatenate(volume, grid, axis), grid, axis), volume)
