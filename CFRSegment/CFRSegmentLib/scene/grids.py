"""Where voxels lie: the grid of a volume, and the grid of the file it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.node_roles import caseIdOf, isCopy

SAME_GRID_VOXELS = 0.01
FILE_GRID_ATTRIBUTE = "CFRSegment.FileGrid"


@dataclass(frozen=True)
class Grid:
    """size: voxels along (i, j, k). ijkToRas: indices to millimeters, row by row, no parent transform."""

    size: tuple[int, int, int]
    ijkToRas: tuple[float, ...]

    @property
    def matrix(self) -> np.ndarray:
        """ijkToRas as a 4 x 4 array."""
        return np.array(self.ijkToRas, float).reshape(4, 4)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (k, j, i) of an array on this grid."""
        return self.size[::-1]

    def vtkMatrix(self) -> vtk.vtkMatrix4x4:
        """ijkToRas as VTK's matrix."""
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(self.ijkToRas)
        return matrix

    def isSame(self, other: Grid) -> bool:
        """Same size, and no corner voxel is further away than a hundredth of a voxel."""
        if self.size != other.size:
            return False
        corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], float).T
        corners[:3] *= np.array(self.size)[:, None] - 1.0
        moved = np.linalg.solve(self.matrix, other.matrix @ corners)
        return bool(np.abs(moved - corners).max() <= SAME_GRID_VOXELS)

    def isSheared(self) -> bool:
        """Whether the axes are not perpendicular, which files cannot say."""
        axes = self.matrix[:3, :3]
        axes = axes / np.linalg.norm(axes, axis=0)
        return bool(np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3)


def gridOf(volumeNode: slicer.vtkMRMLVolumeNode) -> Grid:
    """The grid of a volume as it is in the scene now."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return Grid(tuple(volumeNode.GetImageData().GetDimensions()), elements(matrix))


def elements(matrix: vtk.vtkMatrix4x4) -> tuple[float, ...]:
    """The 16 numbers of a matrix, row by row."""
    return tuple(matrix.GetElement(row, column) for row in range(4) for column in range(4))


def rememberFileGrid(volumeNode: slicer.vtkMRMLVolumeNode, grid: Grid, slicesReversed: bool) -> None:
    """Write the grid of its file on the volume node; the scene keeps it."""
    text = json.dumps({"size": grid.size, "ijkToRas": grid.ijkToRas, "slicesReversed": slicesReversed})
    volumeNode.SetAttribute(FILE_GRID_ATTRIBUTE, text)


def fileGridOf(volumeNode: slicer.vtkMRMLVolumeNode) -> tuple[Grid, bool]:
    """The grid that files of this volume have, and whether they hold the slices in reverse order.

    It is the grid of the image file even after a transform was hardened on the node: voxels keep their
    indices. Volumes of no case have their own grid, and so do copies that a user made of a case's volume.
    CohortError "resized" when a case's volume was cropped or resampled: its voxels are not the file's.
    """
    current, text = gridOf(volumeNode), volumeNode.GetAttribute(FILE_GRID_ATTRIBUTE)
    if not text or isCopy(volumeNode):
        return current, False
    saved = json.loads(text)
    grid = Grid(tuple(saved["size"]), tuple(saved["ijkToRas"]))
    if grid.size != current.size and caseIdOf(volumeNode) is None:
        return current, False
    if grid.size != current.size:
        raise CohortError(
            "resized",
            _("The volume {name} was cropped or resampled after it was added.").format(
                name=volumeNode.GetName()
            ),
            _("Undo that, or select the case again to get its volume back."),
        )
    return grid, bool(saved["slicesReversed"])


def inFileOrder(array: np.ndarray, slicesReversed: bool) -> np.ndarray:
    """An array (k, j, i) of the scene in the order of the file, or the other way round."""
    return array[::-1] if slicesReversed else array
