"""What the slice views show."""

from __future__ import annotations

import slicer


def showVolume(volumeNode: slicer.vtkMRMLVolumeNode, fit: bool = True) -> None:
    """Put the volume into the background of all slice views, nothing else in front of it.

    Oblique volumes turn the views to their own planes, so that painting follows the voxels. `fit` also
    zooms.
    """
    raise NotImplementedError


def showSegmentation(segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
    """Show this segmentation and hide those of other cases."""
    raise NotImplementedError
