"""What the slice views show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer
import vtk

from CFRSegmentLib.scene.node_roles import nodesOfClass, roleOf


def showVolume(volumeNode: slicer.vtkMRMLVolumeNode, fit: bool = True) -> None:
    """Put the volume into the background of all slice views, nothing in front of it.

    With `fit` the whole volume is in view, and the views turn to the planes of an oblique volume, so that
    painting follows the voxels.
    """
    slicer.util.setSliceViewerLayers(background=volumeNode, foreground=None, label=None)
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveVolumeID(volumeNode.GetID())
    if fit:
        logic.FitSliceToBackground()


def showSegmentation(segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
    """Show this segmentation, and hide the other ones of this module; the user's own stay as they are."""
    for node in nodesOfClass("vtkMRMLSegmentationNode"):
        if roleOf(node) is not None and node is not segmentationNode:
            node.SetDisplayVisibility(False)
    segmentationNode.SetDisplayVisibility(True)


@contextmanager
def viewsKept() -> Iterator[None]:
    """Afterwards the slice views show the volumes that they showed before, fitted where that has changed.

    Slicer's DICOM reader puts what it loads into the views.
    """
    selection = slicer.app.applicationLogic().GetSelectionNode()
    before = [(node, _layers(node)) for node in nodesOfClass("vtkMRMLSliceCompositeNode")]
    active = selection.GetActiveVolumeID()
    try:
        yield
    finally:
        changed = [(node, layers) for node, layers in before if _layers(node) != layers]
        for node, (background, foreground, label) in changed:
            node.SetBackgroundVolumeID(background)
            node.SetForegroundVolumeID(foreground)
            node.SetLabelVolumeID(label)
        if changed:
            selection.SetActiveVolumeID(active)
            slicer.app.applicationLogic().FitSliceToBackground()


def _layers(node: slicer.vtkMRMLSliceCompositeNode) -> tuple[str | None, str | None, str | None]:
    return node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetLabelVolumeID()


def showPoint(volumeNode: slicer.vtkMRMLVolumeNode, pointLps: tuple[float, float, float]) -> None:
    """Move the slices of all views through a point of the volume's file, LPS in mm; nothing is panned."""
    point = [-pointLps[0], -pointLps[1], pointLps[2]]
    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volumeNode.GetParentTransformNode(), None, toWorld)
    world = toWorld.TransformPoint(point)
    jump = slicer.vtkMRMLSliceNode.OffsetJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, jump)
