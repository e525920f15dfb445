"""The cohort's labels as files and as segmentation nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.grids import gridOf
from CFRSegmentLib.scene.label_arrays import LabelArray, fillSegments, labelArray
from CFRSegmentLib.scene.label_files import readLabels, writeLabels
from CFRSegmentLib.scene.node_roles import Role, requireInScene
from CFRSegmentLib.scene.segmentations import createSegmentation


@dataclass(frozen=True)
class SaveReport:
    """What was written, by class name, and what a user should know about it."""

    voxels: dict[str, int]
    empty: tuple[str, ...] = ()
    overlaps: tuple[tuple[str, str, int], ...] = ()  # kept class, class that lost the voxels, how many
    ignored: tuple[str, ...] = ()  # segments that are no class, not written
    outside: int = 0  # voxels beyond the volume, not written
    resampled: bool = False  # the segmentation had other voxels than the volume; the nearest were taken


def saveSegmentation(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    path: Path,
) -> SaveReport:
    """Write the classes' segments as a plain label map over the image's whole grid; no node is changed.

    Where segments overlap, the first class in order gets the voxel. `path` ends in .seg.nrrd: give the
    cohort's `newLabelFile`, then commit it. Written beside it under another name and renamed, so that a
    kill leaves no half file. Raises CohortError: no_classes, node_deleted, not_a_label_map, resized,
    not_written.
    """
    if not classes:
        raise CohortError(
            "no_classes", _("The cohort has no classes."), _("Add a class, then save the label.")
        )
    found = _labelsOf(segmentationNode, volumeNode, classes)
    writeLabels(path, found.values, volumeNode, classes)
    return _report(found, classes)


def loadSegmentation(
    path: Path,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    name: str,
    caseId: str = "",
    role: Role = Role.LABEL,
) -> slicer.vtkMRMLSegmentationNode:
    """The label map in a file as an editable segmentation with the cohort's classes.

    `path`: .seg.nrrd, .nrrd or .nii.gz. Names, colors, order and terminology come from `classes`, voxels
    from the file. Under the volume's parent transform, reference volume set, no storage node. Nothing is
    added to the scene when it fails, with CohortError: missing, unreadable, other_grid, label_values,
    resized.
    """
    labels = readLabels(path, volumeNode, classes)
    node = createSegmentation(volumeNode, classes, name, caseId, role)
    fillSegments(node.GetSegmentation(), classes, labels, gridOf(volumeNode))
    return node


def changedVoxels(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    referencePath: Path,
) -> int:
    """How many voxels have another class than in the file `referencePath`. Raises as save and load."""
    found = _labelsOf(segmentationNode, volumeNode, classes)
    return int(np.count_nonzero(found.values != readLabels(referencePath, volumeNode, classes)))


def _labelsOf(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
) -> LabelArray:
    requireInScene(volumeNode, _("The volume of this case"))
    requireInScene(segmentationNode, _("The segmentation of this case"))
    return labelArray(segmentationNode, volumeNode, classes)


def _report(found: LabelArray, classes: Sequence[SegmentClass]) -> SaveReport:
    nameOf = {item.value: item.name for item in classes}
    counts = np.bincount(found.values.ravel(), minlength=256)
    voxels = {item.name: int(counts[item.value]) for item in classes}
    overlaps = tuple((nameOf[kept], nameOf[lost], n) for (kept, lost), n in sorted(found.overlaps.items()))
    empty = tuple(name for name, count in voxels.items() if count == 0)
    return SaveReport(voxels, empty, overlaps, found.ignored, found.outside, found.resampled)
