"""The other 2D models: slices in and out of a small U-Net, SAM on canvases, and what is refused early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.labelers.concatenation import plan_grid
from CFRTrain.labelers.inputs.concatenated import ConcatenatedInput
from CFRTrain.labelers.planar_models import PLANAR_MODELS, check_planar
from CFRTrain.labelers.sam_model import ARCHITECTURES, SamArchitecture
from CFRTrain.labelers.sam_planar import SamOnPatches, build_sam_planar
from CFRTrain.retraining.planar.base import SliceWise
from CFRTrain.retraining.planar.small import build_small
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import CFRError, JobError, ModelError
from CFRTrain.runs.job import MN, ClassSpec, FineTune, Job
from CFRTrain.training.trainable import Trainable

PLAN = Plan((1.0, 1.0, 1.0), (6, 20, 12), 0, Intensity("zscore", 0, 100), 0, (6, 20, 12))
SMALLEST = SamArchitecture("small", 24, 2, 3, (1,), token=8, embedding=32, decoder_hidden=64)


def job(mn: MN = MN(), finetune: FineTune = FineTune()) -> Job:  # noqa: B008
    return Job(classes=(ClassSpec(1, "left"), ClassSpec(2, "right")), method="mn", mn=mn, finetune=finetune)


class Coordinates(nn.Module):
    """Answers with the pixel itself and with its row and column, whatever the picture's size."""

    def forward(self, slices):
        rows = torch.arange(slices.shape[2]).view(1, 1, -1, 1).expand(slices.shape)
        cols = torch.arange(slices.shape[3]).view(1, 1, 1, -1).expand(slices.shape)
        return torch.cat([slices, rows, cols], dim=1)


@pytest.mark.parametrize(("axis", "plane"), [(0, (1, 2)), (1, (0, 2)), (2, (0, 1))])
def test_slices_are_cut_across_the_axis_and_put_back_where_they_were(axis, plane):
    patches = torch.randn(2, 1, 4, 5, 6)
    found = SliceWise(Coordinates(), axis, multiple=8)(patches)
    grid = torch.meshgrid(*(torch.arange(side) for side in (4, 5, 6)), indexing="ij")
    assert torch.equal(found[:, :1], patches)
    for channel, direction in zip((1, 2), plane, strict=True):
        assert torch.equal(found[0, channel], grid[direction].float())


def test_slices_grow_by_their_edge_pixels_to_the_multiple():
    seen = []

    class Sees(nn.Module):
        def forward(self, slices):
            seen.append(slices)
            return slices

    patches = torch.randn(1, 1, 2, 5, 9)
    SliceWise(Sees(), 0, multiple=8)(patches)
    assert seen[0].shape == (2, 1, 8, 16)
    assert torch.equal(seen[0][:, :, 5:, :9], patches[0, :, :, 4:5].movedim(0, 1).expand(2, 1, 3, 9))


def test_the_small_model_is_decided_by_its_seed_and_leaves_the_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (build_small(job(MN(width=4)), PLAN, Path(), seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert weights_hash(first.module) == weights_hash(again.module) != weights_hash(other.module)
    assert first.module(torch.randn(2, 1, 6, 20, 12)).shape == (2, 3, 6, 20, 12)
    assert first.record()["parameters"] == first.record()["trainable_parameters"] > 10_000


class FakeSam(nn.Module):
    """Two logits per pixel: the picture and its negative."""

    def forward(self, canvas):
        return torch.cat([canvas, -canvas], dim=1)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("longest", [7, 3, 2])
def test_sam_answers_every_slice_also_where_a_patch_takes_several_canvases(axis, longest):
    patches = torch.randn(2, 1, 4, 5, 4).movedim(3, 2 + axis)  # five slices across the axis
    plane = tuple(side for other, side in enumerate(patches.shape[2:]) if other != axis)
    shown = ConcatenatedInput(plan_grid(plane, longest, 32, "paper", 8), axis)
    found = SamOnPatches(FakeSam(), shown, axis)(patches)
    assert torch.equal(found, torch.cat([patches, -patches], dim=1))


def test_the_small_sam_gives_logits_of_the_patch_and_learns_whole(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "small", SMALLEST)
    made = build_sam_planar(job(MN(model="sam")), PLAN, Path(), seed=1)
    logits = made.module(torch.randn(2, 1, 6, 20, 12))
    assert logits.shape == (2, 3, 6, 20, 12)
    logits.square().mean().backward()
    assert made.module.sam.image_encoder.pos_embed.grad.abs().sum() > 0
    assert made.weights_sha256 is None and "from scratch" in made.explanation


def test_an_input_that_does_not_show_whole_slices_is_refused(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "small", SMALLEST)
    small = replace(PLAN, patch_zyx=(2, 80, 80), canvas=64)
    with pytest.raises(JobError, match="larger canvas"):
        build_sam_planar(job(MN(model="sam")), small, Path(), seed=1)


def test_a_checkpoint_holds_what_is_trained_and_buffers_and_loads_into_the_model():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 3, 1))
    model[0].weight.requires_grad_(False)
    kept = Trainable(model)
    names = {"0/bias", "1/weight", "1/bias", "2/weight", "2/bias"}
    assert set(dict(kept.named_parameters())) == names
    assert set(dict(kept.named_buffers())) == {"1/running_mean", "1/running_var", "1/num_batches_tracked"}
    state = {name: value + 1 for name, value in kept.state_dict().items()}
    model(torch.randn(2, 1, 3, 3))
    kept.load_state_dict(state)
    assert torch.equal(model[1].running_mean, torch.ones(2)) and torch.equal(model[2].bias, state["2/bias"])


@pytest.mark.parametrize(
    ("mn", "finetune", "kind", "said"),
    [
        (MN(model="unet"), FineTune(), JobError, "small, segformer, sam"),
        (MN(weights="a.safetensors"), FineTune(), JobError, "mn.weights"),
        (MN(model="segformer", weights="a.safetensors"), FineTune(), ModelError, "does not exist"),
        (MN(model="sam"), FineTune(model="vit_b", weights="a.pth"), ModelError, "does not exist"),
    ],
)
def test_a_2d_model_that_cannot_be_built_is_refused_before_training(mn, finetune, kind, said, tmp_path):
    with pytest.raises(kind, match=said):
        check_planar(job(mn, finetune), tmp_path)
    check_planar(replace(job(mn, finetune), method="mean_teacher"), tmp_path)


def test_the_table_has_the_three_models():
    assert set(PLANAR_MODELS) == {"small", "segformer", "sam"}


@pytest.mark.parametrize(
    "options",
    [
        {"model": "No"},
        {"width": 0},
        {"rank": 0},
        {"transition": 1.0},
        {"warmup": -0.1},
        {"steps_per_turn": -1},
        {"learning_rate": 0.0},
    ],
)
def test_the_section_refuses_impossible_values(options):
    with pytest.raises((ValueError, CFRError), match=next(iter(options))):
        MN(**options)
