"""Input strategies: exact coordinates, nothing lost, padding ignored, and the right errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.labelers.concatenation import IGNORE
from CFRTrain.labelers.inputs.axes import AxesInput
from CFRTrain.labelers.inputs.neighbors import NeighborsInput
from CFRTrain.labelers.inputs.scale import ScaleInput
from CFRTrain.labelers.position_tables import fit_position_tables, resized_absolute, resized_relative
from CFRTrain.labelers.sam_input import INPUTS, choose_input
from CFRTrain.labelers.sam_labeler import volume_probabilities
from CFRTrain.labelers.sam_model import SamArchitecture, build_sam
from CFRTrain.runs.errors import CFRError, JobError

TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)
PATCHES = st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 14))
EXACT = ("concatenated", "neighbor_tiles", "axes")  # inputs that never resize


def numbered(shape: tuple[int, ...]) -> torch.Tensor:
    """A volume (1,1,z,y,x) in which every voxel is another number."""
    return torch.arange(1.0, 1 + np.prod(shape)).reshape(1, 1, *shape)


@settings(max_examples=60, deadline=None)
@given(patch=PATCHES, axis=st.integers(0, 2), kind=st.sampled_from(EXACT), canvas=st.sampled_from((0, 64)))
def test_inputs_that_do_not_resize_give_every_voxel_back(patch, axis, kind, canvas):
    sam_input = choose_input(kind, patch, axis, canvas, "token", 8)
    assert sam_input.patch_zyx == patch
    volume = numbered(patch)
    pictures = sam_input.pictures(volume)
    assert pictures.shape[2:] == (sam_input.canvas, sam_input.canvas)
    assert len(pictures) == sam_input.pictures_per_patch
    middle = pictures[:, pictures.shape[1] // 2][:, None]
    assert torch.equal(sam_input.volumes(middle), volume)
    labels = sam_input.label_pictures(torch.zeros(1, *patch, dtype=torch.int64))
    assert (labels == 0).sum() == np.prod(patch) * sam_input.pictures_per_patch
    assert ((labels == IGNORE) == (middle[:, 0] == 0)).all()


@settings(max_examples=60, deadline=None)
@given(
    patch=PATCHES,
    axis=st.integers(0, 2),
    kind=st.sampled_from(("slicewise", "small", "neighbors", "scale")),
    scale=st.integers(1, 4),
)
def test_inputs_that_resize_lose_and_mix_no_slice(patch, axis, kind, scale):
    """Slices of one value each come back as they were: blurred inside, never into each other."""
    patch = tuple(side + 8 for side in patch)
    sam_input = choose_input(kind, patch, axis, 0, "official", 8, scale=scale)
    patch = sam_input.patch_zyx
    value = torch.arange(1.0, 1 + patch[axis])
    volume = value.reshape([-1 if one == axis else 1 for one in range(3)]).expand(1, 1, *patch).contiguous()
    pictures = sam_input.pictures(volume)
    middle = pictures[:, pictures.shape[1] // 2][:, None]
    assert torch.allclose(sam_input.volumes(middle), volume, rtol=1e-5)
    labels = sam_input.label_pictures(volume[0].long())
    assert set(labels.unique().tolist()) - {IGNORE} == set(value.long().tolist())
    assert torch.equal(labels != IGNORE, middle[:, 0] > 0)


def test_scaled_slices_lie_where_the_ablation_puts_them():
    """2 x 2 on 64 pixels: cells of 32, slices of 32 - 8 = 24, the first at 4."""
    sam_input = choose_input("scale", (9, 24, 24), 0, 64, "official", 8, scale=2)
    assert isinstance(sam_input, ScaleInput) and sam_input.patch_zyx == (4, 24, 24)
    volume = numbered((4, 24, 24))
    picture = sam_input.pictures(volume)[0, 0]
    for index, (row, col) in enumerate([(4, 4), (4, 36), (36, 4), (36, 36)]):
        assert torch.equal(picture[row : row + 24, col : col + 24], volume[0, 0, index])
    assert (picture > 0).sum() == 4 * 24 * 24
    assert torch.equal(sam_input.volumes(picture[None, None]), volume)


def test_a_scaled_canvas_of_an_official_sam_has_1024_pixels_whatever_the_slices():
    official = choose_input("scale", (80, 112, 112), 0, 0, "official", 16, scale=9, pretrained=True)
    assert official.canvas == 1024 and official.patch_zyx == (80, 112, 112)
    assert official.grid.slice_shape == (1024 // 9 - 8,) * 2
    from_scratch = choose_input("scale", (80, 40, 30), 0, 0, "official", 8, scale=3)
    assert from_scratch.canvas == 3 * 48 and from_scratch.patch_zyx == (9, 40, 30)


def test_neighbors_are_the_slices_before_and_behind():
    volume = torch.tensor([10.0, 20.0, 30.0]).reshape(1, 1, 3, 1, 1).expand(1, 1, 3, 8, 8)
    alone = choose_input("neighbors", (3, 8, 8), 0, 0, "official", 8)
    assert isinstance(alone, NeighborsInput)
    found = alone.pictures(volume)
    assert found.shape == (3, 3, 8, 8)
    assert found[:, :, 5, 5].tolist() == [[10, 10, 20], [10, 20, 30], [20, 30, 30]]
    tiles = choose_input("neighbor_tiles", (3, 8, 8), 0, 16, "token", 8).pictures(volume)
    assert tiles.shape == (1, 3, 16, 16)
    assert tiles[0, :, 0, 8].tolist() == [10, 20, 30]  # the second tile
    assert tiles[0, :, 8, 8].tolist() == [0, 0, 0]  # no slice: padding


def test_axes_average_the_answers_of_their_canvases():
    sam_input = choose_input("axes", (4, 6, 8), 0, 0, "token", 8)
    assert isinstance(sam_input, AxesInput) and sam_input.pictures_per_patch == 3
    pictures = sam_input.pictures(numbered((4, 6, 8)))
    assert torch.equal(pictures[1, 0, :4, :8], numbered((4, 6, 8))[0, 0, :, 0, :])
    answers = torch.stack([torch.full((2, 16, 16), level) for level in (0.1, 0.2, 0.9)])
    answers = answers.new_zeros(3, 2, sam_input.canvas, sam_input.canvas) + answers[:, :, :1, :1]
    assert torch.allclose(sam_input.volumes(answers), torch.full((1, 2, 4, 6, 8), 0.4))
    two = choose_input("axes", (4, 6, 8), 0, 0, "token", 8, axes=(2, 0))
    assert [one.axis for one in two.along] == [2, 0]


def test_a_patch_that_does_not_fit_along_one_axis_gets_smaller_along_all():
    """Left atrium: 112 slices of 80 x 112 are too many for 12 x 9 cells, 108 of 80 x 108 fit."""
    sam_input = choose_input("axes", (80, 112, 112), 0, 1024, "official", 16)
    assert sam_input.patch_zyx == (80, 108, 108)
    assert all(one.canvas == 1024 for one in sam_input.along)


def test_tables_at_their_own_size_are_unchanged():
    absolute, relative = torch.randn(1, 7, 7, 5), torch.randn(13, 5)
    assert torch.equal(resized_absolute(absolute, 7), absolute)
    assert torch.equal(resized_relative(relative, 13), relative)
    state = build_sam(TINY, 1, 64, 0).state_dict()
    fitted = fit_position_tables(build_sam(TINY, 1, 64, 1), state)
    assert all(fitted[key] is value for key, value in state.items())


def test_tables_at_half_the_size_are_means_of_neighbors():
    absolute = torch.arange(16.0).reshape(1, 4, 4, 1)
    assert resized_absolute(absolute, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert resized_relative(torch.arange(6.0)[:, None], 3).flatten().tolist() == [0.5, 2.5, 4.5]


def test_small_slices_of_an_official_sam_have_256_pixels_and_fitted_tables():
    small = choose_input("small", (80, 112, 112), 0, 0, "official", 16, pretrained=True)
    assert (small.canvas, small.pictures_per_patch) == (256, 80)
    large, fitted = build_sam(TINY, 1, 128, 1), build_sam(TINY, 1, 64, 0)
    fitted.load_state_dict(fit_position_tables(fitted, large.state_dict()))
    table = large.image_encoder.pos_embed.detach()
    means = table.reshape(1, 8, 2, 8, 2, 24).mean((2, 4))
    assert torch.allclose(fitted.image_encoder.pos_embed, means, atol=1e-6)
    assert len(fitted.image_encoder.blocks[1].attn.rel_pos_h) == 2 * 8 - 1
    assert len(fitted.image_encoder.blocks[0].attn.rel_pos_h) == 2 * 3 - 1  # a window does not shrink


def test_slices_from_scratch_are_halved_and_an_official_sam_gets_them_enlarged():
    assert choose_input("small", (8, 40, 30), 0, 0, "official", 8).canvas == 24
    assert choose_input("slicewise", (8, 40, 30), 0, 0, "official", 8).canvas == 40
    assert choose_input("slicewise", (8, 40, 30), 0, 0, "official", 16, pretrained=True).canvas == 1024


@pytest.mark.parametrize(
    ("kind", "canvas", "more", "remedy"),
    [
        ("small", 64, {}, "slicewise"),
        ("small", 1024, {"pretrained": True}, "below 1024"),
        ("scale", 64, {"scale": 8}, "finetune.scale lower"),
        ("spiral", 0, {}, "concatenated"),
    ],
)
def test_impossible_choices_are_refused_with_a_remedy(kind, canvas, more, remedy):
    with pytest.raises(JobError) as caught:
        choose_input(kind, (8, 40, 40), 0, canvas, "official", 8, **more)
    assert remedy in caught.value.remedy


def test_an_unknown_layout_is_refused_by_every_input_that_has_one():
    for kind in EXACT:
        with pytest.raises(CFRError):
            choose_input(kind, (8, 8, 8), 0, 0, "spiral", 8)


class Thresholds(torch.nn.Module):
    """Stands in for a trained SAM that knows the answer: class 1 where the middle channel is bright."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        gray = pictures[:, pictures.shape[1] // 2][:, None]
        return torch.cat([torch.zeros_like(gray), 200 * (gray - 0.5)], dim=1)


@pytest.mark.parametrize("shape", [(5, 7, 6), (19, 23, 31)], ids=["smaller", "larger"])
@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("kind", sorted(set(INPUTS) - {"concatenated", "slicewise", "small"}))
def test_every_voxel_of_a_volume_gets_its_own_answer(shape, axis, kind):
    """Any voxel that were lost or misplaced between volume, window, canvas and back would show."""
    image = np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)
    sam_input = choose_input(kind, (8, 8, 8), axis, 0, "official", 8, scale=2)
    probabilities = volume_probabilities(Thresholds(), sam_input, image, torch.device("cpu"))
    assert probabilities.shape == (2, *shape)
    assert np.abs(probabilities[1] - image).max() < 1e-3
