"""What the slice views show."""

from __future__ import annotations

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


def showPoint(volumeNode: slicer.vtkMRMLVolumeNode, pointLps: tuple[float, float, float]) -> None:
    """Move the slices of all views through a point of the volume's file, LPS in mm; nothing is panned."""
    point = [-pointLps[0], -pointLps[1], pointLps[2]]
    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volumeNode.GetParentTransformNode(), None, toWorld)
    world = toWorld.TransformPoint(point)
    jump = slicer.vtkMRMLSliceNode.OffsetJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, jump)
