"""The segmentation of a volume by a model, ready to be looked at, edited and exported as DICOM SEG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer
from CFRSegmentLib.cohort.classes import SegmentClass


def importResult(
    path: Path,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    name: str,
    algorithm: str = "CFRSegment",
    caseId: str = "",
) -> slicer.vtkMRMLSegmentationNode:
    """The engine's label map of `exportVolume(volumeNode, ...)` as a segmentation over that volume.

    Under the same parent transform and in the same place of the subject hierarchy (the DICOM study, if
    any), with reference volume, terminology, referenced instances and the algorithm's name, as DICOM SEG
    export asks for. Raises CohortError: missing, unreadable, other_grid, label_values, node_deleted.
    """
    raise NotImplementedError
