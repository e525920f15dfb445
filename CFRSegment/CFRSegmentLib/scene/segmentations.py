"""Segmentation nodes with exactly the cohort's classes, in order, with names, colors and terminology."""

from __future__ import annotations

from collections.abc import Sequence

import slicer

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.scene.hierarchy import placeBeside
from CFRSegmentLib.scene.node_roles import Role, markNode
from CFRSegmentLib.scene.segments import LABEL_MAP, addClasses, matchSegments


def createSegmentation(
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
    name: str,
    caseId: str = "",
    role: Role = Role.LABEL,
) -> slicer.vtkMRMLSegmentationNode:
    """An empty segmentation over the volume's whole grid, under its transform and beside it in the tree.

    Segment ids are "class_<value>" and stay when a user renames a segment. Marked as `role` of the case.
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    markNode(node, caseId, role)
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().SetSourceRepresentationName(LABEL_MAP)
    # the transform first: the grid of a volume under another transform would be turned by it, and the strokes
    # of the editor would lie between the voxels of the volume
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    addClasses(node.GetSegmentation(), classes)
    placeBeside(node, volumeNode)
    return node


def applyClasses(
    segmentationNode: slicer.vtkMRMLSegmentationNode, classes: Sequence[SegmentClass]
) -> tuple[str, ...]:
    """Give a segmentation the cohort's classes: matched by id, then by name; missing ones come empty.

    Voxels are kept. Returns the names of segments that are no class: they stay behind the classes and
    are not saved.
    """
    segmentation = segmentationNode.GetSegmentation()
    addClasses(segmentation, classes)
    return matchSegments(segmentation, classes)[1]
