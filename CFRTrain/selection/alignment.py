"""Coarse volumes of a cohort on one grid, shifted onto their mean, so that voxels can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, shift

STEPS = 12  # along the cohort's longest axis; 8 to 25 give the same order of cases (hippocampus)
KEPT_STEPS = 32  # of a volume that waits for the others, so that no whole volume is kept
BLUR = 0.4  # of the new voxel, in voxels: what a coarser grid cannot show must not alias
ROUNDS = 3
AXES = (0, 1, 2)
LARGEST_SHIFT = 0.25  # of the grid: a crop is rarely further off, a false maximum of the correlation often


@dataclass(frozen=True)
class CoarseVolume:
    """A volume (z,y,x), float32, with few voxels, and their size in mm."""

    array: np.ndarray
    spacing_zyx: tuple[float, float, float]

    @property
    def extent(self) -> np.ndarray:
        """Sides in mm, z, y, x."""
        return np.array(self.array.shape) * np.array(self.spacing_zyx)


def coarse(array: np.ndarray, spacing_zyx: Sequence[float]) -> CoarseVolume:
    """The volume with at most KEPT_STEPS voxels along its longest axis; axes coarser than that stay."""
    extent = np.array(array.shape) * np.array(spacing_zyx, float)
    target = np.maximum(np.array(spacing_zyx, float), float(extent.max()) / KEPT_STEPS)
    size = np.maximum(np.round(extent / target), 1).astype(int)
    blocks, spacing = _averaged(array, np.array(spacing_zyx, float), target)
    return CoarseVolume(_sampled(blocks, spacing, size, target), tuple(float(value) for value in target))


def on_common_grid(volumes: Sequence[CoarseVolume]) -> np.ndarray:
    """All volumes, float32 (N,z,y,x), centered on a grid of the median extent; borders go on outside.

    Each has mean 0 and standard deviation 1; one without contrast is 0.
    """
    extent = np.median([volume.extent for volume in volumes], axis=0)
    step = float(extent.max()) / STEPS
    size = np.maximum(np.round(extent / step), 1).astype(int)
    target = extent / size
    return np.stack([_standardized(_sampled(v.array, v.spacing_zyx, size, target)) for v in volumes])


def shifted_onto_mean(volumes: np.ndarray) -> np.ndarray:
    """Volumes (N,z,y,x), each shifted by whole voxels to where it correlates most with the mean of all."""
    moved = volumes
    for _ in range(ROUNDS):
        mean = moved.mean(0)
        offsets = [best_shift(volume, mean) for volume in volumes]
        pairs = zip(volumes, offsets, strict=True)
        moved = np.stack([shift(volume, offset, order=0, mode="nearest") for volume, offset in pairs])
    return moved


def best_shift(moving: np.ndarray, fixed: np.ndarray) -> tuple[int, ...]:
    """By how many voxels (z,y,x) `moving` is to be shifted to correlate most with `fixed`; the least wins."""
    shape = np.array(fixed.shape)
    padded = [int(2 * size) for size in shape]  # what leaves on one side must not come in on the other
    spectrum = np.fft.rfftn(fixed, padded, AXES) * np.conj(np.fft.rfftn(moving, padded, AXES))
    correlation = np.fft.irfftn(spectrum, padded, AXES)
    farthest = np.floor(shape * LARGEST_SHIFT).astype(int)
    window = [np.arange(-most, most + 1) for most in farthest]
    near = correlation[np.ix_(*window)]
    length = sum(np.abs(axis) for axis in np.meshgrid(*window, indexing="ij"))
    best = near >= near.max() - 1e-6 * max(abs(float(near.max())), 1.0)
    index = np.unravel_index(np.argmin(np.where(best, length, np.inf)), near.shape)
    return tuple(int(axis[at]) for axis, at in zip(window, index, strict=True))


def _averaged(array: np.ndarray, spacing: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of blocks half as large as a voxel of `target` mm, and their spacing: a CT in a second.

    What is left over at the borders is cut off evenly, so the center moves by half a voxel at most.
    """
    sides = np.maximum((target / spacing / 2).astype(int), 1)
    counts = np.array(array.shape) // sides
    starts = (np.array(array.shape) - counts * sides) // 2
    cut = array[tuple(slice(at, at + n * side) for at, n, side in zip(starts, counts, sides, strict=True))]
    shape = [part for n, side in zip(counts, sides, strict=True) for part in (n, side)]
    return cut.reshape(shape).mean((1, 3, 5), dtype=np.float32), spacing * sides


def _sampled(
    array: np.ndarray, spacing: Sequence[float], size: Sequence[int], target: Sequence[float]
) -> np.ndarray:
    """`array` on a grid of `size` voxels of `target` mm with the same center, float32."""
    ratio = np.array(target, float) / np.array(spacing, float)
    sigma = np.where(ratio > 1, BLUR * ratio, 0.0)
    smooth = gaussian_filter(np.asarray(array, np.float32), sigma, mode="nearest")
    axes = [
        (np.arange(count) - (count - 1) / 2) * step + (old - 1) / 2
        for count, step, old in zip(size, ratio, array.shape, strict=True)
    ]
    return map_coordinates(smooth, np.meshgrid(*axes, indexing="ij"), order=1, mode="nearest")


def _standardized(array: np.ndarray) -> np.ndarray:
    centered = array - array.mean(dtype=np.float64)
    deviation = float(np.sqrt((centered**2).mean()))
    return (centered / deviation if deviation > 1e-6 else np.zeros_like(centered)).astype(np.float32)
