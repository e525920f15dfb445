"""From a file's grid to the plan's and back: round trips on oblique, flipped and anisotropic volumes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.preprocessing import (
    indices_to_values,
    normalize,
    planned_geometry,
    preprocess,
    preprocess_label,
    restore_label,
    restore_probabilities,
    values_to_indices,
)
from CFRTrain.data.resampling import interpolate, resample_image, resample_label
from CFRTrain.data.volumes import Geometry, Volume

PLAN = Plan((1.0, 1.0, 1.0), (16, 16, 16), 0, Intensity("zscore", 0.5, 99.5), 0, (16, 16, 16))
angle = st.floats(-math.pi, math.pi)


def rotation(angles: tuple[float, float, float], flips: tuple[bool, bool, bool]) -> tuple[float, ...]:
    matrix = np.diag([-1.0 if flip else 1.0 for flip in flips])
    for axis, turned in enumerate(angles):
        turn, (first, second) = np.eye(3), [other for other in range(3) if other != axis]
        turn[first, first] = turn[second, second] = math.cos(turned)
        turn[first, second], turn[second, first] = -math.sin(turned), math.sin(turned)
        matrix = turn @ matrix
    return tuple(matrix.ravel().tolist())


def covering(extent: float, spacing: tuple[float, float, float], origin: tuple, direction: tuple) -> Geometry:
    return Geometry(tuple(math.ceil(extent / mm) for mm in spacing), spacing, origin, direction)


grids = st.builds(
    lambda spacing, origin, angles, flips: covering(40.0, spacing, origin, rotation(angles, flips)),
    st.tuples(*[st.floats(0.9, 2.5)] * 3),
    st.tuples(*[st.floats(-200, 200)] * 3),
    st.tuples(angle, angle, angle),
    st.tuples(*[st.booleans()] * 3),
)


def sphere(grid: Geometry, radius: float, shift: tuple[float, float, float] = (2.0, -3.0, 1.0)) -> np.ndarray:
    center = grid.physical((np.array(grid.size_zyx) - 1) / 2) + shift
    at = grid.physical(np.moveaxis(np.indices(grid.size_zyx), 0, -1))
    return (np.linalg.norm(at - center, axis=-1) < radius).astype(np.uint8)


def centroid(mask: np.ndarray, grid: Geometry) -> np.ndarray:
    return grid.physical(np.argwhere(mask).mean(axis=0))


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())


@settings(max_examples=25, deadline=None)
@given(grid=grids, spacing=st.tuples(*[st.floats(0.9, 2.2)] * 3))
def test_a_label_goes_to_the_plan_and_comes_back_to_its_place(grid, spacing):
    plan, mask = replace(PLAN, spacing_zyx=spacing), sphere(grid, 12.0)
    planned = planned_geometry(grid, plan)
    inside = preprocess_label(Volume(mask * 5, grid), plan, grid, (3, 5))
    assert set(np.unique(inside)) == {0, 2} and inside.shape == planned.size_zyx
    back = restore_label(inside, planned, grid)
    assert back.geometry is grid and back.array.dtype == np.uint8
    assert dice(back.array == 2, mask == 1) > 0.9
    finest = min(grid.spacing_zyx + spacing)
    assert np.linalg.norm(centroid(inside, planned) - centroid(mask, grid)) < finest / 2
    assert np.linalg.norm(centroid(back.array, grid) - centroid(mask, grid)) < finest / 2


@settings(max_examples=15, deadline=None)
@given(grid=grids, spacing=st.tuples(*[st.floats(0.9, 5.0)] * 3))
def test_an_image_and_its_label_stay_together(grid, spacing):
    mask = sphere(grid, 12.0)
    image = resample_image(Volume(mask.astype(np.float32), grid), spacing)
    label = resample_label(Volume(mask, grid), image.geometry)
    assert image.geometry == label.geometry
    assert dice(image.array > 0.5, label.array == 1) > 0.99


def test_downsampling_averages_instead_of_skipping_voxels():
    grid = Geometry((48, 48, 48), (1.0, 1.0, 1.0))
    checkers = (np.indices(grid.size_zyx).sum(axis=0) % 2).astype(np.float32)
    coarse = resample_image(Volume(checkers, grid), (3.0, 3.0, 3.0)).array[1:-1, 1:-1, 1:-1]
    assert coarse.std() < 0.05 and abs(coarse.mean() - 0.5) < 0.02


def test_a_denormal_number_in_the_direction_does_not_break_itk():
    grid = Geometry((12, 12, 12), (1.0, 2.0, 1.0), (0.0,) * 3, rotation((0.0, 0.0, 2.2e-311), (False,) * 3))
    mask = sphere(grid, 5.0, (0.0, 0.0, 0.0))
    assert resample_label(Volume(mask, grid), grid.with_spacing((1.0, 1.0, 1.0))).array.any()


def test_equal_grids_change_nothing():
    ras = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
    grid = Geometry((6, 7, 8), (1.0003, 1.0, 1.0), direction=ras)
    labels = np.random.default_rng(0).integers(0, 3, grid.size_zyx).astype(np.uint8)
    assert planned_geometry(grid, PLAN) == grid
    assert restore_label(labels, grid, grid).array is labels
    assert np.array_equal(preprocess_label(Volume(labels, grid), PLAN, grid, (1, 2)), labels)


def test_many_labels_are_restored_without_gaps_between_them():
    grid, planned = Geometry((20, 20, 20), (1.0,) * 3), Geometry((10, 10, 10), (2.0,) * 3, (0.5,) * 3)
    labels = np.zeros(planned.size_zyx, np.uint8)
    labels[:, :5], labels[:, 5:] = 7, 200
    restored = restore_label(labels, planned, grid).array
    assert (restored[:, :10] == 7).all() and (restored[:, 10:] == 200).all()


def test_what_the_label_does_not_cover_is_background():
    grid, part = Geometry((12, 12, 12), (1.0,) * 3), Geometry((4, 4, 4), (1.0,) * 3, (4.0, 4.0, 4.0))
    found = resample_label(Volume(np.ones(part.size_zyx, np.uint8), part), grid).array
    assert found.sum() == 64 and found[4:8, 4:8, 4:8].all()


def test_mr_intensities_do_not_depend_on_the_scanner_or_on_outliers():
    random = np.random.default_rng(0)
    array = random.normal(300, 50, (20, 20, 20)).astype(np.float32)
    plain = normalize(array, PLAN.intensity)
    assert abs(plain.mean()) < 1e-3 and abs(plain.std() - 1) < 1e-3 and plain.dtype == np.float32
    assert np.allclose(normalize(array * 7 + 100, PLAN.intensity), plain, atol=1e-3)
    array[0, 0, 0] = 1e6
    assert np.abs(normalize(array, PLAN.intensity) - plain).mean() < 0.01
    assert not normalize(np.full((3, 3, 3), 9, np.int16), PLAN.intensity).any()


def test_ct_values_keep_their_meaning():
    window = Intensity("ct_window", -125.0, 275.0, 75.0, 100.0)
    found = normalize(np.array([-1000, -125, 75, 175, 3000], np.int16), window)
    assert np.allclose(found, [-2, -2, 0, 1, 2])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_the_network_input_lies_on_the_planned_grid(dtype):
    grid = Geometry(
        (10, 20, 20), (3.0, 1.5, 1.5), (1.0, 2.0, 3.0), rotation((0.2, 0.1, 0.7), (False, True, False))
    )
    array = np.random.default_rng(0).integers(0, 200, grid.size_zyx).astype(dtype)
    found = preprocess(Volume(array, grid), PLAN)
    assert found.shape == planned_geometry(grid, PLAN).size_zyx == (30, 30, 30)
    assert found.dtype == np.float32 and np.isfinite(found).all()


def test_class_values_and_indices_convert_both_ways():
    values = np.array([[0, 40, 3]], np.uint8)
    assert values_to_indices(values, (40, 3)).tolist() == [[0, 1, 2]]
    assert np.array_equal(indices_to_values(values_to_indices(values, (40, 3)), (40, 3)), values)
    with pytest.raises(ValueError):
        values_to_indices(values, (40,))


def test_real_labels_survive_the_round_trip(data_root):
    from CFRTrain.data.volumes import read_label

    path = sorted((data_root / "left_atrium" / "labels").iterdir())[0]
    label = read_label(path, "a", None, (1,))
    plan = replace(PLAN, spacing_zyx=(1.25, 1.25, 1.25))
    planned = planned_geometry(label.geometry, plan)
    back = restore_label(preprocess_label(label, plan, label.geometry, (1,)), planned, label.geometry)
    share = interpolate(label.array, label.geometry, planned)
    soft = restore_probabilities(np.stack([1 - share, share]), planned, label.geometry)
    assert soft.geometry is label.geometry and soft.array.dtype == np.uint8
    assert dice(soft.array == 1, label.array == 1) > 0.98
    assert 0.96 < dice(back.array == 1, label.array == 1) < dice(soft.array == 1, label.array == 1)
