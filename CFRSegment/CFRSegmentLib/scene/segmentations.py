"""Segmentation nodes with exactly the cohort's classes, in their order, with their names, colors and
terminology.
"""

from __future__ import annotations

from collections.abc import Sequence

import slicer
from CFRSegmentLib.cohort.classes import SegmentClass


def createSegmentation(
    volumeNode: slicer.vtkMRMLVolumeNode, classes: Sequence[SegmentClass], name: str, caseId: str = ""
) -> slicer.vtkMRMLSegmentationNode:
    """An empty segmentation over the volume's whole grid, under its parent transform, marked as the
    case's label.

    Segment ids are "class_<value>" and stay when a user renames a segment.
    """
    raise NotImplementedError


def applyClasses(
    segmentationNode: slicer.vtkMRMLSegmentationNode, classes: Sequence[SegmentClass]
) -> tuple[str, ...]:
    """Give a segmentation of the user the cohort's classes: matched by id, then by name; missing ones
    are added.

    Voxels are kept. Returns the names of segments that are no class; they stay, after the classes, and
    are not saved.
    """
    raise NotImplementedError
