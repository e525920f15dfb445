"""Augmentation: deterministic, harmless at zero strength, image and label moved together."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.data.augmentation import (
    STRONG_SPATIAL,
    IntensityOptions,
    SpatialOptions,
    apply_intensity,
    apply_spatial,
    augment_intensity,
    augment_spatial,
    crop,
    draw_crop_start,
    draw_intensity,
    draw_spatial,
    generator_for,
    sample_crop,
)

NOTHING = SpatialOptions(rotation=0.0, scale=(1.0, 1.0), elastic=0.0)
PLAIN = IntensityOptions((1.0, 1.0), (1.0, 1.0), 0.0, 0.0, blur_chance=0.0, reduction_chance=0.0)


def pair(batch: int = 2, size: tuple[int, int, int] = (24, 20, 28)) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth ball and its label."""
    axes = [torch.linspace(-1, 1, side) for side in size]
    radius = torch.stack(torch.meshgrid(*axes, indexing="ij")).sub(0.1).square().sum(0).sqrt()
    image = torch.sigmoid((0.5 - radius) * 12)
    return image.expand(batch, 1, *size).clone(), (image > 0.5).long().expand(batch, *size).clone()


def test_generators_depend_on_seed_stream_and_step_only():
    draw = [
        torch.rand(3, generator=generator_for(*key)).tolist()
        for key in ((1, "a", 2), (1, "a", 2), (2, "a", 2), (1, "b", 2), (1, "a", 3))
    ]
    assert draw[0] == draw[1] and all(draw[0] != other for other in draw[2:])
    assert torch.randint(1 << 40, (1,), generator=generator_for(0, "stream", 0)).item() == 585682123525


def test_the_same_draw_gives_the_same_images():
    image, label = pair()
    results = []
    for step in (5, 5, 6):
        generator = generator_for(1, "augment", step)
        moved, moved_label = augment_spatial(image, label, generator=generator)
        results.append((augment_intensity(moved, generator), moved_label))
    assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][0], results[2][0])
    assert not torch.equal(results[0][0][0], results[0][0][1])


def test_zero_strength_changes_nothing():
    image, label = pair()
    generator = generator_for(0, "a", 0)
    moved, moved_label = augment_spatial(image, label, generator=generator, options=NOTHING)
    assert torch.allclose(moved, image, atol=1e-5) and torch.equal(moved_label, label)
    assert torch.allclose(augment_intensity(image, generator, PLAIN), image, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_image_label_and_probabilities_move_together(seed):
    image, label = pair()
    probabilities = torch.cat([1 - image, image], dim=1)
    moved, moved_label, moved_probabilities = augment_spatial(
        image, label, probabilities, generator=generator_for(seed, "a", 0)
    )
    agree = ((moved[:, 0] > 0.5) == (moved_label == 1)).float().mean()
    assert agree > 0.98
    assert torch.allclose(moved_probabilities[:, 1], moved[:, 0], atol=1e-5)
    assert torch.allclose(moved_probabilities.sum(1), torch.ones_like(moved[:, 0]), atol=1e-4)


def test_a_moved_label_has_no_new_values():
    image, label = pair()
    label[:, 3:6] = 255
    label[:, :, 2:4] = 7
    for step in range(5):
        _, moved = augment_spatial(image, label, generator=generator_for(0, "a", step))
        assert set(moved.unique().tolist()) <= {0, 1, 7, 255} and moved.dtype == torch.int64


def test_strength_stays_within_its_limits():
    plain = draw_spatial(1, (32, 32, 32), generator_for(0, "a", 0), NOTHING)
    strengths = []
    for step in range(8):
        grid = draw_spatial(
            4, (32, 32, 32), generator_for(0, "a", step), SpatialOptions(0.0, (1.0, 1.0), 2.0)
        )
        strengths += ((grid - plain) * 16).square().mean(dim=(1, 2, 3, 4)).mul(1).sqrt().tolist()
    assert max(strengths) <= 2.01 and min(strengths) < 0.8 and np.mean(strengths) > 0.6


def test_a_rotation_on_thick_slices_is_rigid_in_millimeters():
    """Distances between neighbors, in mm, must not change under a pure rotation."""
    options, spacing = SpatialOptions(30.0, (1.0, 1.0), 0.0), torch.tensor([5.0, 1.0, 1.0])
    size = (8, 40, 40)
    grid = draw_spatial(3, size, generator_for(3, "a", 0), options, spacing.tolist())
    at = grid.flip(-1) * torch.tensor(size) / 2 * spacing
    for axis, mm in enumerate(spacing.tolist(), start=1):
        assert torch.allclose(at.diff(dim=axis).norm(dim=-1), torch.tensor(mm), atol=1e-3)


def test_flips_happen_only_where_allowed():
    image = torch.arange(4 * 4 * 4, dtype=torch.float32).view(1, 1, 4, 4, 4)
    options = SpatialOptions(0.0, (1.0, 1.0), 0.0, flips=(False, False, True))
    seen = set()
    for step in range(12):
        (moved,) = augment_spatial(image, generator=generator_for(0, "flip", step), options=options)
        kinds = [torch.allclose(moved, image, atol=1e-3), torch.allclose(moved, image.flip(-1), atol=1e-3)]
        assert any(kinds)
        seen.add(kinds.index(True))
    assert seen == {0, 1}
    assert STRONG_SPATIAL.flips == (False, False, False)


def test_a_smaller_output_is_the_center_of_the_input():
    image, label = pair(1)
    cut, cut_label = augment_spatial(
        image, label, generator=generator_for(0, "a", 0), options=NOTHING, out_zyx=(16, 16, 16)
    )
    assert torch.allclose(cut, image[:, :, 4:20, 2:18, 6:22], atol=1e-5)
    assert torch.equal(cut_label, label[:, 4:20, 2:18, 6:22])


def test_one_draw_serves_two_images_and_leaves_them_unchanged():
    image, _ = pair()
    before = image.clone()
    draw = draw_intensity(2, generator_for(0, "a", 1))
    assert torch.equal(apply_intensity(image, draw), apply_intensity(image, draw)) and torch.equal(
        image, before
    )
    grid = draw_spatial(2, image.shape[2:], generator_for(0, "a", 1))
    assert torch.equal(apply_spatial(image, grid), apply_spatial(image, grid))


@pytest.mark.parametrize(
    ("options", "check"),
    [
        (IntensityOptions((0.5, 0.5), (1.0, 1.0), 0.0, 0.0, blur_chance=0, reduction_chance=0), "stats"),
        (IntensityOptions((1.0, 1.0), (2.0, 2.0), 0.0, 0.0, blur_chance=0, reduction_chance=0), "contrast"),
        (IntensityOptions((1.0, 1.0), (1.0, 1.0), 0.0, 0.5, blur_chance=0, reduction_chance=0), "noise"),
        (IntensityOptions((1.0, 1.0), (1.0, 1.0), 0.0, 0.0, (1.0, 1.0), 1.0, reduction_chance=0), "smooth"),
        (
            IntensityOptions(
                (1.0, 1.0), (1.0, 1.0), 0.0, 0.0, blur_chance=0, reduction=(2.0, 2.0), reduction_chance=1
            ),
            "smooth",
        ),
    ],
)
def test_each_intensity_change_does_what_its_name_says(options, check):
    image = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    changed = augment_intensity(image, generator_for(0, "a", 3), options)
    assert changed.shape == image.shape and changed.isfinite().all() and not torch.allclose(changed, image)
    if check == "stats":
        assert (
            math.isclose(changed.std(), image.std(), rel_tol=0.02)
            and abs(changed.mean() - image.mean()) < 0.01
        )
        order = image[0].flatten().argsort()
        assert (changed[0].flatten()[order].diff() >= -1e-5).all()
    elif check == "contrast":
        assert math.isclose(changed.std(), 2 * image.std(), rel_tol=0.02)
    elif check == "noise":
        assert 0 < (changed - image).std() <= 0.55
    else:
        assert changed.std() < 0.8 * image.std()


def test_a_flat_image_stays_finite():
    flat = torch.zeros(1, 1, 8, 8, 8)
    assert augment_intensity(flat, generator_for(0, "a", 0)).isfinite().all()


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(3, 20)] * 3),
    patch=st.tuples(*[st.integers(2, 24)] * 3),
    seed=st.integers(0, 99),
)
def test_a_crop_shows_the_volume_and_continues_its_edges(shape, patch, seed):
    array = np.arange(1, 1 + math.prod(shape), dtype=np.float32).reshape(shape)
    start = draw_crop_start(shape, patch, generator_for(seed, "crop", 0))
    part = crop(array, start, patch)
    assert part.shape == patch
    for axis, (first, side, size) in enumerate(zip(start, patch, shape, strict=True)):
        assert (
            (0 <= first <= size - side) if size >= side else (-first, side) == ((side - size) // 2, side)
        ), axis
    assert np.unique(part).size == math.prod(min(a, b) for a, b in zip(shape, patch, strict=True))
    borders = [(max(0, -first), side) for first, side in zip(start, patch, strict=True)]
    padded = np.pad(array, borders, mode="edge")
    box = tuple(slice(max(0, first), max(0, first) + side) for first, side in zip(start, patch, strict=True))
    assert np.array_equal(part, padded[box])
    part[...] = 0
    assert array.min() == 1


def test_image_and_target_of_a_crop_belong_together():
    image = np.random.default_rng(0).normal(size=(12, 14, 10)).astype(np.float32)
    label = (image > 0).astype(np.uint8)
    probabilities = np.stack([1.0 - label, label]).astype(np.float32)
    image.flags.writeable = label.flags.writeable = False
    for target in (label, probabilities):
        part, found = sample_crop(image, target, (8, 16, 8), generator_for(0, "crop", 1), foreground=1.0)
        inside = part[0] != 0
        values = found if found.ndim == 3 else found[1]
        assert part.shape == (1, 8, 16, 8) and torch.equal((part[0] > 0)[inside], (values > 0)[inside])
        assert found.dtype == (torch.int64 if found.ndim == 3 else torch.float32)
    assert torch.equal(found.sum(0), torch.ones(8, 16, 8))
    assert sample_crop(image, None, (8, 8, 8), generator_for(0, "crop", 1))[1] is None


def test_foreground_crops_find_a_rare_class():
    label = np.zeros((40, 40, 40), np.uint8)
    label[2:20, 2:20, 2:20], label[33, 35, 36], label[0, 0, 0] = 1, 2, 255
    image = label.astype(np.float32)
    found = [
        sample_crop(image, label, (8, 8, 8), generator_for(0, "crop", step), foreground=1.0)[1]
        for step in range(30)
    ]
    assert 5 < sum(bool((part == 2).any()) for part in found) < 25
    assert all(bool(((part == 1) | (part == 2)).any()) for part in found)
    empty = sample_crop(image * 0, label * 0, (8, 8, 8), generator_for(0, "crop", 0), foreground=1.0)[1]
    assert not empty.any()
