"""Where a segmentation is uncertain: the band around its surfaces, and the slices with most of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from CFRTrain.labelers.base import entropy_confidence

REACH = 2  # voxels on either side of a surface voxel: a band five voxels wide
SLICE_GAP = 2  # a corrected slice helps with its neighbors, which are therefore not asked for, too


@dataclass(frozen=True)
class SliceRequest:
    """A slice at plan grid. entropy: sum over its band, in voxels of pure guessing. center_zyx: where."""

    axis: int
    index: int
    entropy: float
    center_zyx: tuple[float, float, float]


def normalized_entropy(probabilities: np.ndarray) -> np.ndarray:
    """H(p) / ln C of probabilities (C,z,y,x): float32 (z,y,x), 0 is certain, 1 is uniform."""
    return 1.0 - entropy_confidence(probabilities)


def surface_band(mask: np.ndarray) -> np.ndarray:
    """Voxels within REACH steps (along axes) of a voxel of `mask` (z,y,x) that borders on another one."""
    border = np.zeros(mask.shape, bool)
    for axis in range(mask.ndim):
        low, high = [slice(None)] * mask.ndim, [slice(None)] * mask.ndim
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        change = mask[tuple(low)] != mask[tuple(high)]
        border[tuple(low)] |= change
        border[tuple(high)] |= change
    return binary_dilation(border & mask, iterations=REACH)


def class_bands(labels: np.ndarray, classes: int) -> list[np.ndarray]:
    """The band of each class index 1 ... classes in `labels` (z,y,x); all False where it is absent."""
    return [surface_band(labels == index) for index in range(1, classes + 1)]


def slices_to_correct(
    entropy: np.ndarray, band: np.ndarray, axis: int, count: int
) -> tuple[SliceRequest, ...]:
    """At most `count` slices along `axis` with the largest sum of entropy in the band, not side by side."""
    inside = np.where(band, entropy, 0.0).astype(np.float64)
    sums = inside.sum(tuple(other for other in range(3) if other != axis))
    found: list[SliceRequest] = []
    for index in np.argsort(-np.round(sums, 9), kind="stable"):
        if len(found) == count or sums[index] <= 0:
            break
        if all(abs(int(index) - other.index) >= SLICE_GAP for other in found):
            center = _center(inside.take(index, axis), axis, int(index))
            found.append(SliceRequest(axis, int(index), float(sums[index]), center))
    return tuple(found)


def _center(plane: np.ndarray, axis: int, index: int) -> tuple[float, float, float]:
    """The entropy's center of mass in a slice, z, y, x."""
    within = [float((plane.sum(1 - side) * np.arange(length)).sum() / plane.sum())
              for side, length in enumerate(plane.shape)]  # fmt: skip
    within.insert(axis, float(index))
    return tuple(within)
