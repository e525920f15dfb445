"""Volumes onto other grids in physical space: images linearly, labels one by one with arg max."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import SimpleITK as sitk

from CFRTrain.data.geometry import Geometry, Volume, place

SMOOTH_ABOVE = 1.5
"""Linear interpolation already averages neighbors; beyond this reduction it would skip voxels (aliasing)."""


def resample_image(volume: Volume, spacing_zyx: Sequence[float]) -> Volume:
    """The image at another spacing (mm), float32, over the same physical extent, in the same direction."""
    target = volume.geometry.with_spacing(spacing_zyx)
    return Volume(interpolate(volume.array, volume.geometry, target), target)


def resample_label(volume: Volume, geometry: Geometry) -> Volume:
    """The label map on the grid `geometry`, uint8: each label interpolated linearly, the largest one kept.

    Unlike nearest neighbor this has no staircase. One label is handled at a time, so memory is about ten
    bytes per target voxel whatever the number of labels. Equal grids return the array unchanged.
    """
    if volume.geometry == geometry:
        return Volume(volume.array, geometry)
    present = np.bincount(volume.array.ravel(), minlength=1)
    present[0] = 1
    shares = (
        (value, interpolate(volume.array == value, volume.geometry, geometry, outside=float(value == 0)))
        for value in np.flatnonzero(present)
    )
    return Volume(_largest(shares, geometry), geometry)


def resample_probabilities(probabilities: np.ndarray, source: Geometry, target: Geometry) -> Volume:
    """The most probable class, uint8, on the grid `target`, of probabilities (C, z, y, x) on `source`.

    Interpolating before deciding keeps borders between voxels: for true left-atrium labels taken from 0.6 to
    1.9 mm and back, Dice 0.987 against 0.966 for deciding first (3 volumes). One class is handled at a time.
    """
    shares = (
        (index, interpolate(channel, source, target, outside=float(index == 0)))
        for index, channel in enumerate(probabilities)
    )
    return Volume(_largest(shares, target), target)


def _largest(shares: Iterable[tuple[int, np.ndarray]], geometry: Geometry) -> np.ndarray:
    """For each voxel the label with the largest share; the first of equal ones."""
    best = np.full(geometry.size_zyx, -1.0, np.float32)
    labels = np.zeros(geometry.size_zyx, np.uint8)
    for value, share in shares:
        np.copyto(labels, np.uint8(value), where=share > best)
        np.maximum(best, share, out=best)
    return labels


def interpolate(
    array: np.ndarray, source: Geometry, target: Geometry, outside: float | None = None
) -> np.ndarray:
    """`array` (z, y, x) on `source` sampled linearly on `target`, float32.

    An axis that shrinks by more than `SMOOTH_ABOVE` is smoothed first with a Gaussian of (ratio - 1) / 2
    voxels. `outside` fills what the source does not cover (None: its smallest value).
    """
    if source == target:
        return np.array(array, dtype=np.float32)
    array = np.ascontiguousarray(array, dtype=np.float32)
    fill = float(array.min()) if outside is None else outside
    sigma = _smoothing(source, target)
    if any(sigma):
        from scipy import ndimage  # here, so that reading and collecting volumes works without SciPy

        array = ndimage.gaussian_filter(array, sigma, mode="nearest", truncate=3.0)
    image = place(sitk.GetImageFromArray(array), source)
    sampled = sitk.Resample(
        image,
        target.size_zyx[::-1],
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        target.origin_xyz,
        target.spacing_zyx[::-1],
        target.direction,
        fill,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(sampled)


def _smoothing(source: Geometry, target: Geometry) -> list[float]:
    """Gaussian sigma per source axis in voxels, from how far neighbors of the target lie apart along it."""
    steps = np.abs(np.linalg.inv(source.matrix) @ target.matrix).max(axis=1)[::-1]
    return [(step - 1) / 2 if step > SMOOTH_ABOVE else 0.0 for step in steps]
