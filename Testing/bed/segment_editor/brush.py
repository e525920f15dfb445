"""Which voxels a brush covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy


@dataclass(frozen=True)
class Brush:
    """A disc as thick as a slice, or a sphere. Lengths in mm of the world.

    normal: unit vector across the slice; half_thickness: None for a sphere.
    """

    radius: float
    normal: tuple[float, float, float]
    half_thickness: float | None


def voxels_of(labelmap: Any) -> np.ndarray:
    """The voxels of a vtkOrientedImageData as an array, axes zyx; writing into it changes the image."""
    array = vtk_to_numpy(labelmap.GetPointData().GetScalars())
    return array.reshape(labelmap.GetDimensions()[::-1])


def ijk_to_world(labelmap: Any, node: Any) -> np.ndarray:
    """Matrix 4 x 4 from voxel indices of a segmentation's label map to the world, with parent transforms."""
    matrix, parent = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    transform = node.GetParentTransformNode()
    if transform is not None:
        transform.GetMatrixTransformToWorld(parent)
    return _array(parent) @ _array(matrix)


def _array(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def paint(labelmap: Any, node: Any, brush: Brush, points: Sequence[Sequence[float]]) -> None:
    """Set the voxels to 1 that the brush covers at points of the world; the voxel below a point always."""
    voxels, extent = voxels_of(labelmap), labelmap.GetExtent()
    matrix = ijk_to_world(labelmap, node)
    inverse = np.linalg.inv(matrix)
    first, last = np.array(extent[::2]), np.array(extent[1::2])
    reach = brush.radius * np.linalg.norm(inverse[:3, :3], axis=1)
    for point in np.asarray(points, float):
        center = inverse[:3, :3] @ point + inverse[:3, 3]
        low = np.maximum(np.floor(center - reach).astype(int), first)
        high = np.minimum(np.ceil(center + reach).astype(int), last)
        if np.any(low > high):
            continue
        axes = [np.arange(low[axis], high[axis] + 1) for axis in range(3)]
        indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        covered = _covers(brush, indices @ matrix[:3, :3].T + matrix[:3, 3] - point)
        covered |= np.all(indices == np.rint(center).astype(int), axis=-1)
        i, j, k = (indices[covered] - first).T
        voxels[k, j, i] = 1
    labelmap.Modified()


def _covers(brush: Brush, offsets: np.ndarray) -> np.ndarray:
    """Whether points at these offsets from the brush's center are inside."""
    squared = np.sum(offsets**2, axis=-1)
    if brush.half_thickness is None:
        return squared <= brush.radius**2
    across = offsets @ np.asarray(brush.normal)
    thin = (across >= -brush.half_thickness) & (across < brush.half_thickness)
    return thin & (squared - across**2 <= brush.radius**2)


def stroke_points(start: Sequence[float] | None, end: Sequence[float], step: float) -> list[np.ndarray]:
    """Points from `start` to `end`, no farther apart than `step`; `end` is the last, `start` is left out."""
    if start is None:
        return [np.asarray(end, float)]
    first, last = np.asarray(start, float), np.asarray(end, float)
    count = max(1, int(np.ceil(np.linalg.norm(last - first) / step)))
    return [first + (last - first) * index / count for index in range(1, count + 1)]
