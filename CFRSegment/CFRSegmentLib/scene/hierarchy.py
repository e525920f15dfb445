"""Places in the subject hierarchy: one folder per case, results beside their volume."""

from __future__ import annotations

import slicer


def caseFolder(caseId: str, title: str) -> int:
    """The subject hierarchy folder of the case, made when it is not there yet; a renamed folder is found
    again.
    """
    raise NotImplementedError


def placeInFolder(node: slicer.vtkMRMLNode, folder: int) -> int:
    """Move the node into a folder of the subject hierarchy; returns the node's item."""
    raise NotImplementedError


def placeBeside(node: slicer.vtkMRMLNode, other: slicer.vtkMRMLNode) -> int:
    """Move the node to where `other` is: its folder, or the study of a DICOM volume; returns the node's
    item.
    """
    raise NotImplementedError
