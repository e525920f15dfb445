"""The canvas: published coordinates, nothing lost, exact inverse."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.labelers.concatenation import (
    IGNORE,
    LAYOUTS,
    concatenate,
    plan_grid,
    separate,
    slices_per_canvas,
    smallest_canvas,
)
from CFRTrain.runs.errors import CFRError

# (slice side, slices) -> cells per side, pitch, first pixel, empty cells in front; released code, canvas 1024
OFFICIAL = {
    (112, 80): (9, 114, 0, 0),
    (96, 96): (10, 102, 5, 2),
    (128, 64): (8, 128, 0, 0),
    (144, 48): (7, 146, 2, 0),
    (256, 16): (4, 256, 0, 0),
    (64, 64): (16, 64, 0, 96),
}


@pytest.mark.parametrize("patch", OFFICIAL)
def test_the_official_layout_has_the_released_codes_cells(patch):
    side, slices = patch
    grid = plan_grid((side, side), slices, 1024)
    cells, pitch, offset, front = OFFICIAL[patch]
    assert (grid.rows, grid.cols) == (cells, cells)
    assert grid.pitch == (pitch, pitch)
    assert grid.offset == (offset, offset)
    assert grid.front == front


def test_left_atrium_voxels_lie_at_the_published_coordinates():
    """The official volume is (x, y, z); ours is zyx with axis 0, so volume[z, y, x] is official (x, y, z)."""
    volume = np.arange(80 * 112 * 112, dtype=np.int32).reshape(80, 112, 112)
    canvas = concatenate(volume, plan_grid((112, 112), 80, 1024))
    z, y, x = np.random.default_rng(0).integers(0, (80, 112, 112), size=(500, 3)).T
    assert np.array_equal(canvas[114 * (z // 9) + y, 114 * (z % 9) + x], volume[z, y, x])


def test_96_cube_voxels_lie_at_the_published_coordinates():
    volume = np.arange(96**3, dtype=np.int32).reshape(96, 96, 96)
    canvas = concatenate(volume, plan_grid((96, 96), 96, 1024))
    z, y, x = np.random.default_rng(1).integers(0, 96, size=(500, 3)).T
    row = 5 + 102 * ((z + 2) // 10) + y
    col = 5 + 102 * ((z + 2) % 10) + x
    assert np.array_equal(canvas[row, col], volume[z, y, x])


@pytest.mark.parametrize(("side", "slices"), [(128, 128), (160, 64)])
def test_patches_of_which_the_released_code_drops_slices_are_refused(side, slices):
    with pytest.raises(CFRError) as caught:
        plan_grid((side, side), slices, 1024)
    assert caught.value.code == "slices_do_not_fit"


def test_official_padding_never_trims_voxels():
    """72 x 72 slices: with the pad rounded up the grid is 1036 pixels wide, and the trim cuts 5 voxels."""
    volume = torch.arange(1, 196 * 72 * 72 + 1).reshape(196, 72, 72)
    grid = plan_grid((72, 72), 196, 1024)
    assert torch.equal(separate(concatenate(volume, grid), grid), volume)


def test_the_paper_layout_is_a_square_from_the_top_left_corner():
    grid = plan_grid((40, 40), 56, 320, "paper")
    assert (grid.rows, grid.cols, grid.pitch, grid.offset, grid.front) == (8, 8, (40, 40), (0, 0), 0)
    assert grid.origin(9) == (40, 40)


@pytest.mark.parametrize(("side", "pitch"), [(112, 112), (96, 96), (40, 48)])
def test_token_aligned_slices_start_on_tokens(side, pitch):
    grid = plan_grid((side, side), 60, 1024, "token")
    assert grid.pitch == (pitch, pitch)
    assert all(start % 16 == 0 for index in range(60) for start in grid.origin(index))


def test_label_pixels_without_a_voxel_are_ignored_and_image_pixels_are_zero():
    grid = plan_grid((112, 112), 80, 1024)
    labels = concatenate(np.ones((80, 112, 112), np.uint8), grid, fill=IGNORE)
    image = concatenate(np.ones((80, 112, 112), np.float32), grid)
    assert labels.dtype == np.uint8 and image.dtype == np.float32
    assert set(np.unique(labels)) == {1, 255}
    assert (labels == 1).sum() == (image == 1).sum() == 80 * 112 * 112
    assert np.array_equal(labels == 255, image == 0)


def has_room(plane, slices: int, canvas: int, layout: str) -> bool:
    """Whether the layout's own rule, without its pads, has a cell for every slice."""
    if layout == "paper":
        return ceil(sqrt(slices)) * max(plane) <= canvas
    sides = plane if layout == "official" else [ceil(side / 8) * 8 for side in plane]
    return (canvas // sides[0]) * (canvas // sides[1]) >= slices


@settings(max_examples=150, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20)),
    axis=st.integers(0, 2),
    layout=st.sampled_from(LAYOUTS),
    canvas=st.integers(1, 128),
)
def test_random_volumes_come_back_exactly_or_are_refused(shape, axis, layout, canvas):
    volume = torch.arange(1, int(np.prod(shape)) + 1).reshape(shape)
    slices, *plane = volume.movedim(axis, 0).shape
    try:
        grid = plan_grid(tuple(plane), slices, canvas, layout, token=8)
    except CFRError as error:
        assert error.code == "slices_do_not_fit"
        assert not has_room(plane, slices, canvas, layout)
        return
    picture = concatenate(volume, grid, axis, fill=0)
    assert picture.shape == (canvas, canvas)
    assert torch.equal(picture[picture > 0].sort().values, volume.flatten())
    assert torch.equal(separate(picture, grid, axis), volume)


@settings(max_examples=60, deadline=None)
@given(
    side=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    slices=st.integers(1, 90),
    layout=st.sampled_from(LAYOUTS),
)
def test_the_smallest_canvas_holds_every_slice_and_one_token_less_does_not(side, slices, layout):
    canvas = smallest_canvas(side, slices, layout)
    assert canvas % 16 == 0
    assert plan_grid(side, slices, canvas, layout).holds_every_slice()
    if canvas > 16:
        with pytest.raises(CFRError):
            plan_grid(side, slices, canvas - 16, layout)


def test_batches_of_channels_come_back_and_pass_gradients():
    grid = plan_grid((6, 9), 5, 32, "token", token=8)
    canvas = torch.randn(2, 3, 32, 32, requires_grad=True)
    volume = separate(canvas, grid, axis=2)
    assert volume.shape == (2, 3, 6, 9, 5)
    volume.sum().backward()
    assert canvas.grad.sum() == volume.numel()
    assert torch.equal(separate(concatenate(volume, grid, axis=2), grid, axis=2), volume)


@pytest.mark.parametrize(
    ("side", "slices", "layout", "fitting"),
    [
        (160, 64, "official", 36),
        (160, 64, "paper", 36),
        (112, 80, "token", 80),
        (128, 128, "token", 64),
    ],
)
def test_as_many_slices_as_fit_are_counted(side, slices, layout, fitting):
    assert slices_per_canvas((side, side), slices, 1024, layout) == fitting


def test_a_slice_larger_than_the_canvas_is_refused_with_a_remedy():
    with pytest.raises(CFRError) as caught:
        slices_per_canvas((200, 40), 3, 128, "official")
    assert "larger canvas" in caught.value.remedy


def test_a_volume_of_another_shape_than_the_grid_is_refused():
    grid = plan_grid((8, 8), 4, 16)
    with pytest.raises(CFRError):
        concatenate(np.zeros((8, 8, 4), np.float32), grid, axis=0)
