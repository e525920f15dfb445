"""Pseudo-labels to look at and to correct, and the uncertainty of the model over the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer
from CFRSegmentLib.cohort.classes import SegmentClass


def loadPseudoLabel(
    path: Path,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    name: str,
    parentFolder: int | None = None,
    caseId: str = "",
) -> slicer.vtkMRMLSegmentationNode:
    """The pseudo-label as an editable segmentation node "<name> pseudo-label" in the case's folder.

    `name` is the case's title; `parentFolder` a subject hierarchy item, by default the volume's own
    folder. The file is only read. Errors as `loadSegmentation`.
    """
    raise NotImplementedError


def showUncertainty(
    path: Path, volumeNode: slicer.vtkMRMLVolumeNode, opacity: float = 0.5, caseId: str = ""
) -> slicer.vtkMRMLScalarVolumeNode:
    """The uncertainty map (0 sure to 100 a guess) over the image in all slice views, sure voxels
    transparent.

    One overlay at a time: the one shown before is removed. Errors as `loadVolume`, and other_grid.
    """
    raise NotImplementedError


def hideUncertainty() -> None:
    """Take the overlay away again and remove its nodes; nothing happens when none is shown."""
    raise NotImplementedError
