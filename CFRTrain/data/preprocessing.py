"""From a file's grid and values to the plan's, and labels back onto the file's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.orientation import canonical_geometry, to_canonical
from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.resampling import resample_image, resample_label, resample_probabilities

SAME_SPACING = 1e-3
"""Spacings that differ by less than a thousandth are one: interpolation would only blur."""


def planned_geometry(geometry: Geometry, plan: Plan) -> Geometry:
    """The canonical grid at the plan's spacing: same extent and center; unchanged if nearly that."""
    canonical = canonical_geometry(geometry)
    ratio = np.array(plan.spacing_zyx) / np.array(canonical.spacing_zyx)
    if np.abs(ratio - 1).max() < SAME_SPACING:
        return canonical
    return canonical.with_spacing(plan.spacing_zyx)


def preprocess(volume: Volume, plan: Plan) -> np.ndarray:
    """The network's input: float32 (z, y, x) on `planned_geometry`, intensities normalized by the plan."""
    target, volume = planned_geometry(volume.geometry, plan), to_canonical(volume)
    if target == volume.geometry:
        return normalize(volume.array, plan.intensity)
    return normalize(resample_image(volume, plan.spacing_zyx).array, plan.intensity)


def normalize(array: np.ndarray, intensity: Intensity) -> np.ndarray:
    """float32 of mean about 0 and standard deviation about 1, by the plan's scheme; a flat one is 0."""
    if intensity.scheme == "ct_window":
        values = np.clip(array, intensity.low, intensity.high).astype(np.float32)
        return (values - np.float32(intensity.mean)) / np.float32(intensity.std)
    low, high = np.percentile(array, [intensity.low, intensity.high])
    values = np.clip(array, low, high).astype(np.float32)
    mean, std = values.mean(dtype=np.float64), values.std(dtype=np.float64)
    return (values - np.float32(mean)) / np.float32(std if std > 0 else 1.0)


def preprocess_label(
    label: Volume, plan: Plan, reference: Geometry, class_values: Sequence[int]
) -> np.ndarray:
    """Class indices 0..K, uint8 (z, y, x), on the planned grid of the image's geometry `reference`.

    `label` holds class values on the image's grid; index k + 1 stands for `class_values[k]`.
    """
    indices = to_canonical(Volume(values_to_indices(label.array, class_values), reference))
    return resample_label(indices, planned_geometry(reference, plan)).array


def restore_label(labels: np.ndarray, planned: Geometry, original: Geometry) -> Volume:
    """A label map (z, y, x) uint8 of the planned grid on exactly the grid `original`.

    Each label is interpolated linearly and the largest kept, one label at a time; equal grids change nothing.
    """
    return resample_label(Volume(labels, planned), original)


def restore_probabilities(probabilities: np.ndarray, planned: Geometry, original: Geometry) -> Volume:
    """The most probable class index, uint8, on exactly the grid `original`; finer than restoring a label map.

    `probabilities` are (C, z, y, x) on the planned grid, background first.
    """
    return resample_probabilities(probabilities, planned, original)


def values_to_indices(values: np.ndarray, class_values: Sequence[int]) -> np.ndarray:
    """Class values of a file as class indices, uint8; ValueError for a value that is no class."""
    table = np.full(256, 255, np.uint8)
    table[0] = 0
    for index, value in enumerate(class_values, start=1):
        table[value] = index
    indices = table[values]
    if (indices == 255).any():
        raise ValueError("the label holds a value that is not a class")
    return indices


def indices_to_values(indices: np.ndarray, class_values: Sequence[int]) -> np.ndarray:
    """Class indices 0..K as the class values of files, uint8."""
    return np.array([0, *class_values], np.uint8)[indices]
