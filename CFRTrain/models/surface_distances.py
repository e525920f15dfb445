"""Distances between the surfaces of two masks, by Euclidean distance transforms on the cropped masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt


@dataclass(frozen=True)
class SurfaceDistances:
    """Distance of every surface voxel to the other surface, in the unit of the spacing that made them.

    from_prediction: float (n,), of each voxel on the prediction's surface to the reference's surface;
    from_reference: float (m,), the other direction. Neither is empty.
    """

    from_prediction: np.ndarray
    from_reference: np.ndarray

    @property
    def asd(self) -> float:
        """Mean distance from the prediction's surface to the reference's: one direction only."""
        return float(self.from_prediction.mean())

    @property
    def assd(self) -> float:
        """Mean over the surface voxels of both masks together: symmetric."""
        return float(np.concatenate([self.from_prediction, self.from_reference]).mean())

    @property
    def hd95(self) -> float:
        """The larger of the two directed 95th percentiles: symmetric."""
        return float(max(np.percentile(self.from_prediction, 95), np.percentile(self.from_reference, 95)))

    @property
    def hd95_of_union(self) -> float:
        """The 95th percentile of both directions' distances taken together: symmetric."""
        return float(np.percentile(np.concatenate([self.from_prediction, self.from_reference]), 95))


def surface(mask: np.ndarray) -> np.ndarray:
    """Voxels of a boolean `mask` with a face neighbor outside it; beyond the array is outside."""
    return mask & ~binary_erosion(mask)


def surface_distances(
    prediction: np.ndarray, reference: np.ndarray, spacing_zyx: Sequence[float]
) -> SurfaceDistances:
    """Distances between the surfaces of two non-empty boolean masks (z,y,x), voxel center to voxel center.

    spacing_zyx: mm per voxel, or ones for distances in voxels. Raises ValueError for an empty mask.
    """
    if not (prediction.any() and reference.any()):
        raise ValueError("an empty mask has no surface")
    box = _bounding_box(prediction | reference)
    predicted, referenced = surface(prediction[box]), surface(reference[box])
    to_reference = distance_transform_edt(~referenced, sampling=spacing_zyx)
    to_prediction = distance_transform_edt(~predicted, sampling=spacing_zyx)
    return SurfaceDistances(to_reference[predicted], to_prediction[referenced])


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """Smallest slices that hold every true voxel."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        inside = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return tuple(box)
