"""The nodes of a case in the scene: loaded from the cohort, or found again in a scene that was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer

from .. import scene
from ..cohort import Case, CohortError, SegmentClass, Status
from ..i18n import _
from ..scene import Role
from ..scene.segments import segmentIdOf, segmentIds

CLASS_PREFIX = "class_"
Nodes = tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]


def shownFile(case: Case) -> tuple[Path | None, Role]:
    """The file that opening the case shows, and what it is; None for an empty segmentation."""
    if case.label is not None or case.draft is not None:
        return case.label or case.draft, Role.LABEL
    if case.status is Status.PSEUDO_LABELED:
        return case.pseudoLabel, Role.PSEUDO_LABEL
    return None, Role.LABEL


def loadNodes(case: Case, classes: Sequence[SegmentClass]) -> Nodes:
    """Volume and segmentation of a case; a volume that is in the scene already is used.

    Raises CohortError; then the scene is as it was before.
    """
    with scene.temporaryNodes() as kept:
        volumeNode = scene.caseNode(case.id, Role.IMAGE) or scene.loadVolume(case.image, case.title, case.id)
        segmentationNode = _segmentation(case, volumeNode, classes)
        segmentationNode.CreateDefaultDisplayNodes()
        kept += [volumeNode, segmentationNode]
    return volumeNode, segmentationNode


def loadLabel(
    path: Path, case: Case, volumeNode: slicer.vtkMRMLScalarVolumeNode, classes: Sequence[SegmentClass]
) -> slicer.vtkMRMLSegmentationNode:
    """A label map as the label of the case. Raises CohortError; then the scene is as it was before."""
    return scene.loadSegmentation(path, volumeNode, classes, _labelName(case), case.id, Role.LABEL)


def findNodes(case: Case) -> Nodes | None:
    """The nodes of the case that are in the scene; None where the volume or the segmentation is missing."""
    volumeNode = scene.caseNode(case.id, Role.IMAGE)
    wanted = shownFile(case)[1]
    segmentationNode = scene.caseNode(case.id, wanted) or scene.caseNode(case.id, Role.LABEL)
    if volumeNode is None or segmentationNode is None:
        return None
    return volumeNode, segmentationNode


def wearClasses(segmentationNode: slicer.vtkMRMLSegmentationNode, classes: Sequence[SegmentClass]) -> None:
    """Give a segmentation the classes; the segment of a class that was taken away goes with it."""
    segmentation = segmentationNode.GetSegmentation()
    wanted = {segmentIdOf(item) for item in classes}
    for segmentId in segmentIds(segmentation):
        if segmentId.startswith(CLASS_PREFIX) and segmentId not in wanted:
            segmentation.RemoveSegment(segmentId)
    scene.applyClasses(segmentationNode, classes)


def makeLabel(segmentationNode: slicer.vtkMRMLSegmentationNode, case: Case) -> None:
    """A segmentation that was saved is the label of the case from now on, whatever it was before."""
    scene.markNode(segmentationNode, case.id, Role.LABEL)
    segmentationNode.SetName(_labelName(case))


def hasEdits(
    case: Case,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    classes: Sequence[SegmentClass],
) -> bool:
    """Whether the segmentation differs from what the cohort has saved."""
    saved = shownFile(case)[0]
    if saved is None:
        return not _isEmpty(segmentationNode)
    try:
        return scene.changedVoxels(segmentationNode, volumeNode, classes, saved) > 0
    except CohortError:
        return True


def _segmentation(
    case: Case, volumeNode: slicer.vtkMRMLScalarVolumeNode, classes: Sequence[SegmentClass]
) -> slicer.vtkMRMLSegmentationNode:
    path, role = shownFile(case)
    if path is None:
        return scene.createSegmentation(volumeNode, classes, _labelName(case), case.id, Role.LABEL)
    if role is Role.PSEUDO_LABEL:
        return scene.loadPseudoLabel(path, volumeNode, classes, case.title, caseId=case.id)
    return loadLabel(path, case, volumeNode, classes)


def _labelName(case: Case) -> str:
    return _("{case} label").format(case=case.title)


def _isEmpty(segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether no voxel of any segment is set."""
    segmentation = segmentationNode.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        segmentId = segmentation.GetNthSegmentID(index)
        labelMap = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
        if labelMap is not None and labelMap.GetNumberOfPoints() > 0 and labelMap.GetScalarRange()[1] > 0:
            return False
    return True
