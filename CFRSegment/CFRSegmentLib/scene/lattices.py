"""Where the voxels of one image lie among those of another, through the parent transforms of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.files import gridOfImage, orientedImage, voxelsOf
from CFRSegmentLib.scene.grids import Grid, elements

WHOLE_VOXELS = 0.01  # so far from whole voxels two grids may be shifted and still count as one lattice


@dataclass(frozen=True)
class Placement:
    """voxels: all of the image, never negative. inside: those on the grid, which lie at `where`."""

    voxels: np.ndarray
    inside: np.ndarray
    where: tuple[slice, slice, slice]
    resampled: bool


def placeOnGrid(
    image: slicer.vtkOrientedImageData, grid: Grid, toGrid: vtk.vtkAbstractTransform | None
) -> Placement:
    """An image among the voxels of a grid: shifted by whole voxels if that is all, else the nearest ones.

    `toGrid` leads from the image's coordinates to the grid's, None where they are the same. CohortError
    "not_resampled" when that is impossible.
    """
    start = _wholeShift(gridOfImage(image), grid, toGrid)
    resampled = start is None
    if start is None:
        image, start = _resampled(image, grid, toGrid), np.zeros(3, int)
    voxels = voxelsOf(image)
    if voxels.dtype.kind != "u":
        voxels = np.maximum(voxels, 0).astype(np.int64)
    low = np.minimum(np.maximum(start, 0), grid.shape)
    high = np.maximum(np.minimum(start + voxels.shape, grid.shape), low)
    inside = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
    where = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Placement(voxels, voxels[inside], where, resampled)


def transformBetween(
    source: slicer.vtkMRMLTransformableNode, target: slicer.vtkMRMLTransformableNode
) -> vtk.vtkAbstractTransform | None:
    """From one node's own coordinates to the other's; None where both are under the same transform."""
    first, second = source.GetParentTransformNode(), target.GetParentTransformNode()
    if first == second:
        return None
    transform, linear = vtk.vtkGeneralTransform(), vtk.vtkTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(first, second, transform)
    isLinear = slicer.vtkMRMLTransformNode.IsGeneralTransformLinear(transform, linear)
    return linear if isLinear else transform


def _wholeShift(image: Grid, grid: Grid, toGrid: vtk.vtkAbstractTransform | None) -> np.ndarray | None:
    """How many voxels (k, j, i) the image begins behind the grid's first one; None for other lattices."""
    linear = np.eye(4)
    if toGrid is not None:
        if not isinstance(toGrid, vtk.vtkHomogeneousTransform):
            return None
        linear = np.array(elements(toGrid.GetMatrix())).reshape(4, 4)
    between = np.linalg.solve(grid.matrix, linear @ image.matrix)
    shift = np.round(between[:3, 3])
    drift = (np.abs(between[:3, :3] - np.eye(3)) * np.array(image.size)).max()
    if drift > WHOLE_VOXELS or np.abs(between[:3, 3] - shift).max() > WHOLE_VOXELS:
        return None
    return shift.astype(int)[::-1]


def _resampled(
    image: slicer.vtkOrientedImageData, grid: Grid, toGrid: vtk.vtkAbstractTransform | None
) -> slicer.vtkOrientedImageData:
    reference, result = orientedImage(np.zeros(grid.shape, np.uint8), grid), slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(image, reference, result, False, False, toGrid):
        raise CohortError(
            "not_resampled",
            _("The segmentation cannot be brought onto the voxels of its volume."),
            _("Put both under the same transform, then save again."),
        )
    return result
