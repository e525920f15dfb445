"""Registration: recovers what is known, the same every time, on any spacing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from CFRTrain.labelers.registration import (
    MOST_REGISTERED_VOXELS,
    RegistrationOptions,
    Transform,
    automatic_resolution,
    register,
    register_each_way,
    warp_image,
    warp_probabilities,
)

SPACING = (1.0, 1.0, 1.0)
QUICK = RegistrationOptions(
    ways=(("affine", "information", "local"),),
    affine_iterations=40,
    demons_levels=((4, 30), (2, 20), (1, 10)),
)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())


def shape_and_image(shape=(28, 32, 30), seed=0) -> tuple[np.ndarray, np.ndarray]:
    """A bent ellipsoid (bool) in a textured image."""
    generator = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    label = (z / 0.5) ** 2 + ((y - 0.3 * x**2) / 0.35) ** 2 + (x / 0.6) ** 2 < 1
    texture = gaussian_filter(generator.normal(size=shape), 2) * 4
    return label, (gaussian_filter(2.0 * label, 0.7) + 0.3 * texture).astype(np.float32)


def deformed(array: np.ndarray, order: int, amplitude: float = 3.5, shift: float = 2.5) -> np.ndarray:
    """The array under a known smooth deformation plus a shift, in voxels."""
    grid = np.stack(np.meshgrid(*(np.arange(size, dtype=float) for size in array.shape), indexing="ij"))
    phases = [2 * np.pi * grid[axis] / array.shape[axis] for axis in range(3)]
    grid[0] += amplitude * np.sin(phases[1]) + shift
    grid[1] += amplitude * np.sin(phases[2])
    grid[2] += amplitude * np.sin(phases[0]) - shift
    return map_coordinates(array.astype(float), grid, order=order, mode="nearest")


def both(label: np.ndarray) -> np.ndarray:
    return np.stack([~label, label]).astype(np.float32)


def test_a_known_smooth_deformation_is_recovered():
    moving_label, moving = shape_and_image()
    fixed_label = deformed(moving_label, 1) > 0.5
    fixed = deformed(moving, 1).astype(np.float32)
    assert dice(moving_label, fixed_label) < 0.7
    transform = register(fixed, moving, SPACING, SPACING)
    warped = warp_probabilities(both(moving_label), SPACING, transform).argmax(0) == 1
    assert transform.affine_converged
    assert dice(warped, fixed_label) > 0.9


def test_demons_improve_on_the_affine_transform_alone():
    moving_label, moving = shape_and_image()
    fixed_label, fixed = deformed(moving_label, 1) > 0.5, deformed(moving, 1).astype(np.float32)
    scores = []
    for demons in ("off", "diffeomorphic", "symmetric"):
        transform = register(fixed, moving, SPACING, SPACING, replace(QUICK, demons=demons))
        warped = warp_probabilities(both(moving_label), SPACING, transform).argmax(0) == 1
        scores.append(dice(warped, fixed_label))
    assert min(scores[1:]) > scores[0] + 0.03


def test_the_diffeomorphic_field_does_not_fold():
    _, moving = shape_and_image()
    options = replace(QUICK, demons="diffeomorphic")
    transform = register(deformed(moving, 1).astype(np.float32), moving, SPACING, SPACING, options)
    gradients = np.stack([np.stack(np.gradient(component)) for component in transform.displacement])
    jacobian = np.moveaxis(gradients, (0, 1), (-2, -1)) + np.eye(3)
    assert np.linalg.det(jacobian[2:-2, 2:-2, 2:-2]).min() > 0


def test_the_same_pair_gives_the_same_bits():
    _, moving = shape_and_image()
    fixed = deformed(moving, 1).astype(np.float32)
    first, second = (register(fixed, moving, SPACING, SPACING, QUICK) for _ in range(2))
    assert np.array_equal(first.affine, second.affine)
    assert np.array_equal(first.displacement, second.displacement)


def test_each_way_gives_a_transform_the_most_similar_first():
    _, moving = shape_and_image()
    fixed = deformed(moving, 1).astype(np.float32)
    both_ways = (("translation", "information", "local"), ("affine", "information", "local"))
    found = register_each_way(fixed, moving, SPACING, SPACING, replace(QUICK, ways=both_ways))
    assert len(found) == 2 and found[0].similarity >= found[1].similarity
    stretched = [not np.allclose(transform.affine[:, :3], np.eye(3), atol=1e-3) for transform in found]
    assert sorted(stretched) == [False, True]
    best = register(fixed, moving, SPACING, SPACING, replace(QUICK, ways=both_ways))
    assert np.array_equal(best.displacement, found[0].displacement)


def test_a_translation_alone_brings_a_shifted_volume_back():
    label, image = shape_and_image()
    moved, moved_label = np.roll(image, 3, axis=1), np.roll(label, 3, axis=1)
    options = replace(QUICK, ways=(("translation", "information", "local"),), demons="off")
    transform = register(moved, image, SPACING, SPACING, options)
    assert transform.affine_converged
    assert dice(warp_probabilities(both(label), SPACING, transform).argmax(0) == 1, moved_label) > 0.9


def test_identical_images_stay_where_they_are():
    label, image = shape_and_image()
    transform = register(image, image, SPACING, SPACING, QUICK)
    assert np.abs(transform.displacement).max() < 0.2
    assert np.abs(transform.affine - np.eye(3, 4)).max() < 0.05
    assert dice(warp_probabilities(both(label), SPACING, transform).argmax(0) == 1, label) > 0.98


def test_a_coarse_axis_is_registered_in_millimetres():
    """Every third slice of both volumes: the deformation in mm is the same, and so is the label's fit."""
    moving_label, moving = shape_and_image((54, 32, 30))
    fixed_label, fixed = deformed(moving_label, 1) > 0.5, deformed(moving, 1).astype(np.float32)
    spacing = (3.0, 1.0, 1.0)
    transform = register(fixed[::3], moving[::3], spacing, spacing)
    warped = warp_probabilities(both(moving_label[::3]), spacing, transform).argmax(0) == 1
    assert dice(warped, fixed_label[::3]) > 0.88


def test_volumes_of_different_spacing_and_size_are_registered():
    label, image = shape_and_image()
    coarse = gaussian_filter(image, 0.5)[::2, ::2, ::2]
    transform = register(image, coarse, SPACING, (2.0, 2.0, 2.0), QUICK)
    warped = warp_probabilities(both(label[::2, ::2, ::2]), (2.0, 2.0, 2.0), transform)
    assert warped.shape == (2, *label.shape)
    assert dice(warped.argmax(0) == 1, label) > 0.85


def test_a_coarser_resolution_gives_a_coarser_field_that_still_fits():
    moving_label, moving = shape_and_image()
    fixed_label, fixed = deformed(moving_label, 1) > 0.5, deformed(moving, 1).astype(np.float32)
    transform = register(fixed, moving, SPACING, SPACING, RegistrationOptions(resolution_mm=1.5))
    assert transform.displacement.shape[1:] == (19, 21, 20)
    assert dice(warp_probabilities(both(moving_label), SPACING, transform).argmax(0) == 1, fixed_label) > 0.85


@pytest.mark.parametrize("case", ["constant", "three slices", "noise"])
def test_a_hopeless_pair_falls_back_to_the_centers_instead_of_failing(case):
    _, image = shape_and_image()
    moving = {
        "constant": np.zeros((20, 20, 20), np.float32),
        "three slices": image[12:15],
        "noise": np.random.default_rng(1).normal(size=(20, 24, 22)).astype(np.float32),
    }[case]
    transform = register(image, moving, SPACING, SPACING, QUICK)
    assert np.isfinite(transform.displacement).all()
    stretches = np.linalg.svd(transform.affine[:, :3], compute_uv=False)
    assert stretches.max() < 2.5 and stretches.min() > 0.4
    assert case != "constant" or not transform.affine_converged


def identity(shape, spacing=SPACING, displacement=None, translation=(0.0, 0.0, 0.0)) -> Transform:
    affine = np.concatenate([np.eye(3), np.array(translation)[:, None]], axis=1)
    field = np.zeros((3, *shape), np.float32) if displacement is None else displacement
    return Transform(affine, field, spacing, (0.0, 0.0, 0.0), shape, spacing)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.integers(-3, 3)] * 3), st.booleans())
def test_translations_and_displacements_mean_millimetres_along_zyx(shift, as_field):
    spacing = (2.0, 1.0, 0.5)
    image = np.random.default_rng(0).random((9, 10, 11)).astype(np.float32)
    move = [step * size for step, size in zip(shift, spacing, strict=True)]
    if as_field:
        field = np.ones((3, *image.shape), np.float32) * np.array(move, np.float32)[:, None, None, None]
        transform = identity(image.shape, spacing, displacement=field)
    else:
        transform = identity(image.shape, spacing, translation=move)
    sizes = list(zip(image.shape, shift, strict=True))
    indices = [np.clip(np.arange(size) + step, 0, size - 1) for size, step in sizes]
    inside = tuple(slice(max(0, -step), size - max(0, step)) for size, step in sizes)
    expected = image[np.ix_(*indices)]
    assert np.allclose(warp_image(image, spacing, transform)[inside], expected[inside], atol=1e-5)


def test_a_rotation_in_zyx_turns_the_volume_that_way():
    image = np.random.default_rng(0).random((7, 7, 7)).astype(np.float32)
    quarter = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # (y, x) -> (-x, y)
    middle = np.full(3, 3.0)
    affine = np.concatenate([quarter, (middle - quarter @ middle)[:, None]], axis=1)
    transform = Transform(affine, np.zeros((3, 7, 7, 7), np.float32), SPACING, (0.0,) * 3, (7, 7, 7), SPACING)
    expected = np.array([[image[z, 6 - x, y] for y in range(7) for x in range(7)] for z in range(7)])
    assert np.allclose(warp_image(image, SPACING, transform), expected.reshape(7, 7, 7), atol=1e-5)


def test_beyond_the_atlas_is_background():
    probabilities = np.stack([np.zeros((6, 6, 6)), np.ones((6, 6, 6))]).astype(np.float32)
    warped = warp_probabilities(probabilities, SPACING, identity((6, 6, 6), translation=(0.0, 0.0, 4.0)))
    assert np.allclose(warped.sum(0), 1)
    assert np.array_equal(warped[1, 0, 0], [1, 1, 0, 0, 0, 0])


def test_a_coarse_field_reaches_the_border():
    shape = (8, 8, 8)
    field = np.full((3, 4, 4, 4), 2.0, np.float32)
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    transform = Transform(np.eye(3, 4), field, (2.0,) * 3, (0.5,) * 3, shape, SPACING)
    assert np.allclose(warp_image(image, SPACING, transform)[:6, :6, :6], image[2:, 2:, 2:], atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.tuples(*[st.integers(2, 700)] * 3), st.tuples(*[st.floats(0.3, 6.0)] * 3))
def test_the_automatic_resolution_bounds_the_voxels(shape, spacing):
    resolution = automatic_resolution(shape, spacing)
    if resolution is None:
        assert np.prod(shape, dtype=float) <= MOST_REGISTERED_VOXELS
        return
    voxels = np.prod(np.array(shape) * spacing / np.maximum(spacing, resolution))
    assert MOST_REGISTERED_VOXELS / 1.2 < voxels <= MOST_REGISTERED_VOXELS
