"""The segmentation of a volume by a model, ready to be looked at, edited and exported as DICOM SEG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.hierarchy import setItemAttribute
from CFRSegmentLib.scene.node_roles import Role, requireInScene
from CFRSegmentLib.scene.segmentation_files import loadSegmentation
from CFRSegmentLib.scene.segments import segmentIds

# What DICOM SEG export reads from the segments and the volume; a segment without the first counts as
# drawn by hand.
ALGORITHM_TYPE, AUTOMATIC = "DICOM.SegmentAlgorithmType", "AUTOMATIC"
ALGORITHM_NAME = "DICOM.SegmentAlgorithmName"
INSTANCES = "DICOM.instanceUIDs"


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
    requireInScene(volumeNode, _("The volume that was segmented"))
    node = loadSegmentation(path, volumeNode, classes, name, caseId, Role.RESULT)
    segmentation = node.GetSegmentation()
    for segmentId in segmentIds(segmentation):
        segmentation.GetSegment(segmentId).SetTag(ALGORITHM_TYPE, AUTOMATIC)
        segmentation.GetSegment(segmentId).SetTag(ALGORITHM_NAME, algorithm)
    instances = volumeNode.GetAttribute(INSTANCES)
    if instances:
        constants = slicer.vtkMRMLSubjectHierarchyConstants
        setItemAttribute(node, constants.GetDICOMReferencedInstanceUIDsAttributeName(), instances)
    return node
