"""Metrics against shapes whose distances are known, an independent implementation, and the empty rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from scipy.ndimage import gaussian_filter

from CFRTrain.data.geometry import Geometry
from CFRTrain.data.volumes import Volume, write_volume
from CFRTrain.models.evaluation import evaluate_files
from CFRTrain.models.metrics import evaluate, summarize, without_prediction
from CFRTrain.models.surface_distances import surface, surface_distances
from CFRTrain.runs.job import ClassSpec

ATRIUM = ClassSpec(1, "atrium")
VENTRICLE = ClassSpec(7, "ventricle")


def cube(
    low: tuple[int, int, int], side: int, shape: tuple[int, int, int] = (24, 24, 24), value: int = 1
) -> np.ndarray:
    """A label map with one cube of `value`."""
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(start, start + side) for start in low)] = value
    return labels


def blob(seed: int, shape: tuple[int, int, int] = (20, 24, 28)) -> np.ndarray:
    """A random smooth mask that is neither empty nor full."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.5)
    return noise > np.quantile(noise, 0.8)


def test_identical_masks_are_perfect():
    (result,) = evaluate(cube((5, 5, 5), 8), cube((5, 5, 5), 8), (2.0, 1.0, 0.5), [ATRIUM])
    assert (result.dice, result.jaccard) == (1.0, 1.0)
    assert (result.assd, result.asd, result.hd95, result.asd_voxel, result.hd95_voxel) == (0, 0, 0, 0, 0)
    assert not result.failure and result.prediction_ml == pytest.approx(0.512)


def test_a_shifted_slab_is_off_by_the_shift_times_the_spacing():
    reference = np.zeros((20, 12, 12), np.uint8)
    reference[4] = 1
    prediction = np.roll(reference, 3, axis=0)
    (result,) = evaluate(prediction, reference, (2.5, 0.8, 0.8), [ATRIUM])
    assert result.dice == 0 and not result.failure
    assert (result.assd, result.asd, result.hd95) == pytest.approx((7.5, 7.5, 7.5))
    assert (result.asd_voxel, result.hd95_voxel) == pytest.approx((3, 3))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_spacing_of_each_axis_counts_along_that_axis(axis):
    spacing = (3.0, 1.5, 0.5)
    low, high = cube((4, 4, 4), 6), cube(tuple(4 + 8 * (other == axis) for other in range(3)), 6)
    (result,) = evaluate(high, low, spacing, [ATRIUM])
    assert result.hd95 == pytest.approx(8 * spacing[axis])


def test_concentric_boxes_have_the_distances_worked_out_by_hand():
    # A box of side 5 within one of side 9: each inner surface voxel is 2 from the outer faces; an outer
    # surface voxel is sqrt(a^2 + b^2 + c^2) from the inner box, sticking out by a, b, c along the axes.
    inner, outer = cube((7, 7, 7), 5), cube((5, 5, 5), 9)
    distances = surface_distances(inner == 1, outer == 1, (1, 1, 1))
    assert distances.from_prediction == pytest.approx(np.full(5**3 - 3**3, 2.0))
    offsets = np.maximum(np.abs(np.indices((9, 9, 9)) - 4) - 2, 0)
    on_surface = (np.abs(np.indices((9, 9, 9)) - 4) == 4).any(0)
    assert np.sort(distances.from_reference) == pytest.approx(
        np.sort(np.sqrt((offsets**2).sum(0))[on_surface])
    )
    assert distances.asd == 2
    assert distances.assd == pytest.approx(
        np.mean(np.concatenate([np.full(98, 2.0), distances.from_reference]))
    )


def test_dice_and_jaccard_count_voxels():
    (result,) = evaluate(cube((5, 5, 5), 4), cube((5, 5, 7), 4), (1, 1, 1), [ATRIUM])
    assert result.dice == pytest.approx(0.5)
    assert result.jaccard == pytest.approx(1 / 3)


def test_the_surface_is_face_connected_and_closed_at_the_edge_of_the_volume():
    assert surface(np.ones((4, 5, 6), bool)).sum() == 4 * 5 * 6 - 2 * 3 * 4
    mask = np.ones((5, 5, 5), bool)
    mask[2, 2, 2] = False
    assert not surface(mask)[1, 1, 1]
    assert surface(mask)[2, 2, 1]


def test_asd_is_directed_from_the_prediction():
    reference = cube((4, 4, 4), 4)
    prediction = reference | cube((16, 16, 16), 4)
    (spurious,) = evaluate(prediction, reference, (1, 1, 1), [ATRIUM])
    (missing,) = evaluate(reference, prediction, (1, 1, 1), [ATRIUM])
    assert missing.asd == 0 and spurious.asd > 5
    assert missing.assd == pytest.approx(spurious.assd) and missing.hd95 == spurious.hd95


def test_hd95_takes_the_worse_direction_and_the_benchmark_variant_the_union():
    # 20 of the prediction's 316 surface voxels are spurious (6 %), but only 20 of the 612 of both (3 %).
    reference = cube((2, 2, 2), 8)
    prediction = reference.copy()
    prediction[20, 20, 2:22] = 1
    (result,) = evaluate(prediction, reference, (1, 1, 1), [ATRIUM])
    assert result.hd95 > 15 and result.hd95_voxel == 0


@pytest.mark.parametrize("seed", range(4))
def test_distances_agree_with_monai(seed):
    prediction, reference, spacing = blob(seed), blob(seed + 100), (2.5, 0.8, 1.1)
    tensors = [torch.from_numpy(mask)[None, None] for mask in (prediction, reference)]
    distances = surface_distances(prediction, reference, spacing)
    assd = compute_average_surface_distance(
        *tensors, include_background=True, symmetric=True, spacing=spacing
    )
    asd = compute_average_surface_distance(*tensors, include_background=True, spacing=spacing)
    hd95 = compute_hausdorff_distance(*tensors, include_background=True, percentile=95, spacing=spacing)
    assert distances.assd == pytest.approx(assd.item(), abs=1e-4)
    assert distances.asd == pytest.approx(asd.item(), abs=1e-4)
    assert distances.hd95 == pytest.approx(hd95.item(), abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spacing=st.tuples(*[st.floats(0.2, 5)] * 3))
def test_symmetric_metrics_do_not_depend_on_the_order(seed, spacing):
    first, second = (blob(s, (9, 10, 11)).astype(np.uint8) for s in (seed, seed + 1))
    (there,), (back,) = (evaluate(*pair, spacing, [ATRIUM]) for pair in ((first, second), (second, first)))
    for name in ("dice", "jaccard", "assd", "hd95", "hd95_voxel"):
        assert getattr(there, name) == pytest.approx(getattr(back, name))
    assert there.jaccard == pytest.approx(there.dice / (2 - there.dice))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.1, 10), offset=st.integers(0, 6))
def test_distances_scale_with_the_spacing_and_ignore_where_the_object_lies(seed, factor, offset):
    first, second = blob(seed, (8, 9, 10)), blob(seed + 1, (8, 9, 10))
    base = surface_distances(first, second, (1, 1, 1))
    padding = [(offset, 3)] * 3
    moved = surface_distances(np.pad(first, padding), np.pad(second, padding), (factor,) * 3)
    assert moved.assd == pytest.approx(factor * base.assd)
    assert moved.hd95 == pytest.approx(factor * base.hd95)


def test_both_empty_is_agreement():
    empty = np.zeros((5, 5, 5), np.uint8)
    (result,) = evaluate(empty, empty, (1, 1, 1), [ATRIUM])
    assert (result.dice, result.jaccard, result.assd, result.hd95) == (1, 1, 0, 0) and not result.failure


@pytest.mark.parametrize("swap", [False, True])
def test_one_empty_mask_is_a_failure_without_distances(swap):
    pair = [np.zeros((24, 24, 24), np.uint8), cube((3, 3, 3), 4)]
    (result,) = evaluate(*(reversed(pair) if swap else pair), (1, 1, 1), [ATRIUM])
    assert result.failure and result.dice == 0 == result.jaccard
    assert all(
        math.isnan(getattr(result, name)) for name in ("assd", "asd", "hd95", "asd_voxel", "hd95_voxel")
    )
    assert result.to_dict()["hd95"] is None


def test_each_class_is_measured_by_its_own_value():
    reference = cube((2, 2, 2), 4) + cube((12, 12, 12), 4, value=7)
    prediction = cube((2, 2, 2), 4) + cube((12, 12, 14), 4, value=7)
    first, second = evaluate(prediction, reference, (1, 1, 1), [ATRIUM, VENTRICLE])
    assert (first.name, first.dice) == ("atrium", 1.0)
    assert (second.name, second.value, second.dice) == ("ventricle", 7, 0.5)


def test_different_grids_and_bad_spacings_are_refused():
    with pytest.raises(ValueError, match="compared"):
        evaluate(np.zeros((4, 4, 4)), np.zeros((4, 4, 5)), (1, 1, 1), [ATRIUM])
    for spacing in ((1, 1), (1, 0, 1), (1, math.nan, 1)):
        with pytest.raises(ValueError, match="spacing"):
            evaluate(np.zeros((4, 4, 4)), np.zeros((4, 4, 4)), spacing, [ATRIUM])


def test_a_summary_counts_failures_and_never_drops_them():
    reference, empty = cube((3, 3, 3), 6), np.zeros((24, 24, 24), np.uint8)
    half = cube((3, 3, 6), 6)
    summary = summarize(
        {
            "case_0001": evaluate(reference, reference, (1, 1, 1), [ATRIUM]),
            "case_0002": evaluate(half, reference, (1, 1, 1), [ATRIUM]),
            "case_0003": evaluate(empty, reference, (1, 1, 1), [ATRIUM]),
            "case_0004": without_prediction(reference, (1, 1, 1), [ATRIUM]),
        }
    )
    (atrium,) = summary["classes"]
    assert atrium["dice_mean"] == summary["mean_dice"] == pytest.approx(1.5 / 4)
    assert atrium["dice_std"] == pytest.approx(np.std([1, 0.5, 0, 0], ddof=1))
    assert (atrium["cases"], atrium["failures"], atrium["distance_cases"], summary["failures"]) == (
        4,
        2,
        2,
        2,
    )
    assert atrium["hd95_mean"] == pytest.approx(1.5)


def test_a_summary_of_failures_only_has_no_distances_but_a_dice():
    missed = without_prediction(cube((3, 3, 3), 6), (1, 1, 1), [ATRIUM, VENTRICLE])
    summary = summarize({"case_0001": missed})
    assert summary["mean_dice"] == 0 and summary["failures"] == 2
    assert summary["classes"][0]["hd95_mean"] is None and summary["classes"][0]["dice_std"] is None
    assert summarize({}) == {"cases": 0, "mean_dice": None, "failures": 0, "classes": []}


def test_files_are_compared_and_a_missing_or_broken_prediction_is_a_failure(tmp_path):
    geometry = Geometry((24, 24, 24), (2.0, 1.0, 0.5))
    labels = {"reference": cube((3, 3, 3), 6), "close": cube((3, 3, 5), 6), "empty": cube((0, 0, 0), 0)}
    for name, array in labels.items():
        write_volume(tmp_path / f"{name}.nii.gz", Volume(array, geometry))
    (tmp_path / "broken.nii.gz").write_bytes(b"")
    reference = tmp_path / "reference.nii.gz"
    pairs = {name: (tmp_path / f"{name}.nii.gz", reference) for name in ("close", "empty", "broken")}
    rows = evaluate_files({**pairs, "missing": (None, reference)}, [ATRIUM])
    assert [row["case"] for row in rows] == ["close", "empty", "broken", "missing"]
    assert rows[0]["dice"] == pytest.approx(4 / 6) and rows[0]["hd95"] == pytest.approx(1.0)
    assert [row["failure"] for row in rows] == [False, True, True, True]
    assert all(row["dice"] == 0 and row["hd95"] is None for row in rows[1:])
    assert rows[1]["problem"] is None and rows[2]["problem"] and rows[3]["problem"]


def test_nothing_predicted_where_nothing_is_counts_as_agreement(tmp_path):
    empty = Volume(np.zeros((4, 5, 6), np.uint8), Geometry((4, 5, 6), (1.0, 1.0, 1.0)))
    write_volume(tmp_path / "empty.nii.gz", empty)
    (row,) = evaluate_files({"case_0001": (tmp_path / "empty.nii.gz",) * 2}, [ATRIUM])
    assert row["dice"] == 1 and not row["failure"]


def test_a_prediction_on_another_grid_is_a_failure(tmp_path):
    for name, spacing in (("reference", 1.0), ("other", 1.5)):
        volume = Volume(cube((3, 3, 3), 6), Geometry((24, 24, 24), (spacing,) * 3))
        write_volume(tmp_path / f"{name}.nii.gz", volume)
    paths = (tmp_path / "other.nii.gz", tmp_path / "reference.nii.gz")
    (row,) = evaluate_files({"case_0001": paths}, [ATRIUM])
    assert row["failure"] and "1.5 x 1.5 x 1.5 mm" in row["problem"]
