"""Pseudo-labels to look at and to correct, and the uncertainty of the model over the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.files import readVolumeNode
from CFRSegmentLib.scene.grids import fileGridOf, gridOf
from CFRSegmentLib.scene.hierarchy import placeBeside, placeInFolder
from CFRSegmentLib.scene.node_roles import Role, nodesOfClass, roleOf
from CFRSegmentLib.scene.segmentation_files import loadSegmentation
from CFRSegmentLib.scene.volumes import addVolume

COLORS_NAME = "CFRSegment uncertainty colors"
SHOWN_FROM = 10  # percent; below it the image is seen as it is
BEFORE_ROLE = "CFRSegment.ForegroundBefore"
OPACITY_ATTRIBUTE = "CFRSegment.OpacityBefore"
# Pale yellow over orange to dark red: as on a map of rainfall, more color is more doubt.
_STOPS = ((1.0, 0.93, 0.63), (1.0, 0.70, 0.30), (0.99, 0.31, 0.16), (0.74, 0.0, 0.15))


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
    folder. The file is only read. Raises as `loadSegmentation`.
    """
    title = _("{case} pseudo-label").format(case=name)
    node = loadSegmentation(path, volumeNode, classes, title, caseId, Role.PSEUDO_LABEL)
    if parentFolder is not None:
        placeInFolder(node, parentFolder)
    return node


def showUncertainty(
    path: Path, volumeNode: slicer.vtkMRMLVolumeNode, opacity: float = 0.5, caseId: str = ""
) -> slicer.vtkMRMLScalarVolumeNode:
    """The uncertainty map (0 sure to 100 a guess) over the image in all slice views.

    Sure voxels are transparent. One overlay at a time: one shown before is removed. Raises as
    `loadVolume`, and other_grid.
    """
    title = _("{case} uncertainty").format(case=volumeNode.GetName())
    read = readVolumeNode(path, title)
    if not gridOf(read).isSame(fileGridOf(volumeNode)[0]):
        raise CohortError(
            "other_grid",
            _("The uncertainty map does not lie on the voxels of {name}.").format(name=volumeNode.GetName()),
            _("Train again to make a new one."),
        )
    hideUncertainty()
    node = addVolume(read, title, caseId, Role.UNCERTAINTY)
    node.SetIJKToRASMatrix(gridOf(volumeNode).vtkMatrix())
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    placeBeside(node, volumeNode)
    _color(node)
    _remember(node)
    slicer.util.setSliceViewerLayers(foreground=node, foregroundOpacity=opacity)
    return node


def hideUncertainty() -> None:
    """Take the overlay away, with its nodes, and bring back what was there before; nothing without one."""
    for node in nodesOfClass("vtkMRMLScalarVolumeNode"):
        if roleOf(node) is Role.UNCERTAINTY:
            before = node.GetNodeReference(BEFORE_ROLE)
            opacity = float(node.GetAttribute(OPACITY_ATTRIBUTE) or 0.0)
            slicer.util.setSliceViewerLayers(foreground=before, foregroundOpacity=opacity)
            slicer.mrmlScene.RemoveNode(node)
    for node in nodesOfClass("vtkMRMLColorTableNode"):
        if node.GetName() == COLORS_NAME:
            slicer.mrmlScene.RemoveNode(node)


def _color(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    colors = slicer.vtkMRMLColorTableNode()
    colors.SetName(COLORS_NAME)
    colors.SetTypeToUser()
    colors.SetHideFromEditors(True)
    colors.SetNumberOfColors(101)
    for percent in range(101):
        colors.SetColor(percent, f"{percent} %", *uncertaintyColor(percent / 100), 1.0)
    slicer.mrmlScene.AddNode(colors)
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 100)
    display.SetAutoThreshold(False)
    display.SetThreshold(SHOWN_FROM, 100)
    display.SetApplyThreshold(True)
    display.SetInterpolate(False)


def uncertaintyColor(fraction: float) -> tuple[float, float, float]:
    """Red, green, blue (0 to 1) of a doubt of 0 to 1, for the overlay and for its legend."""
    position = fraction * (len(_STOPS) - 1)
    first = min(int(position), len(_STOPS) - 2)
    part = position - first
    return tuple(a + (b - a) * part for a, b in zip(_STOPS[first], _STOPS[first + 1], strict=True))


def _remember(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Keep what the first slice view has in its foreground, for `hideUncertainty`."""
    for composite in nodesOfClass("vtkMRMLSliceCompositeNode")[:1]:
        node.SetNodeReferenceID(BEFORE_ROLE, composite.GetForegroundVolumeID())
        node.SetAttribute(OPACITY_ATTRIBUTE, str(composite.GetForegroundOpacity()))
