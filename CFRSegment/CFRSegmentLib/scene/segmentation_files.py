"""Segmentations as .seg.nrrd files that are plain label maps: one layer, label values = class values,
whole grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer
from CFRSegmentLib.cohort.classes import SegmentClass


@dataclass(frozen=True)
class SaveReport:
    """What was written, by class name, and what a user should know about it."""

    voxels: dict[str, int]
    empty: tuple[str, ...] = ()
    overlaps: tuple[tuple[str, str, int], ...] = ()  # kept class, class that lost the voxels, how many
    ignored: tuple[str, ...] = ()  # segments that are no class, not written


def saveSegmentation(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    path: Path,
) -> SaveReport:
    """Write the classes' segments onto the volume's whole grid; the node is not changed.

    Where segments overlap, the first class in order gets the voxel. `path` ends in .seg.nrrd: give the
    cohort's `newLabelFile`, then commit it. Written beside it under another name and renamed, so a kill
    leaves no half file. Raises CohortError: node_deleted, resized (the volume was cropped or resampled),
    not_written.
    """
    raise NotImplementedError


def loadSegmentation(
    path: Path,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    name: str,
    caseId: str = "",
) -> slicer.vtkMRMLSegmentationNode:
    """The label map in `path` (.seg.nrrd, .nrrd, .nii.gz) as an editable segmentation with the cohort's
    classes.

    Names, colors, order and terminology come from `classes`, voxels from the file. Under the volume's
    parent transform, reference volume set, no storage node. CohortError: missing, unreadable,
    other_grid, label_values.
    """
    raise NotImplementedError


def changedVoxels(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    referencePath: Path,
) -> int:
    """How many voxels of the volume have another class than in the label map `referencePath`. Errors as
    above.
    """
    raise NotImplementedError
