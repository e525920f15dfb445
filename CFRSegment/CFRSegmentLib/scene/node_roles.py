"""Which node of the scene belongs to which case, and as what: two node attributes that survive scene
save and load.
"""

from __future__ import annotations

from enum import StrEnum

import slicer

CASE_ATTRIBUTE = "CFRSegment.Case"
ROLE_ATTRIBUTE = "CFRSegment.Role"


class Role(StrEnum):
    """What a node is to its case."""

    IMAGE = "image"
    LABEL = "label"
    PSEUDO_LABEL = "pseudo-label"
    UNCERTAINTY = "uncertainty"
    RESULT = "result"


def markNode(node: slicer.vtkMRMLNode, caseId: str, role: Role) -> None:
    """Write on `node` that it is the `role` of the case; `caseId` is any text that is unique in the
    scene.
    """
    raise NotImplementedError


def caseIdOf(node: slicer.vtkMRMLNode | None) -> str | None:
    """The case that `node` belongs to, None for foreign nodes."""
    raise NotImplementedError


def roleOf(node: slicer.vtkMRMLNode | None) -> Role | None:
    """What `node` is to its case, None for foreign nodes."""
    raise NotImplementedError


def caseNode(caseId: str, role: Role) -> slicer.vtkMRMLNode | None:
    """The node of the scene that is the `role` of the case, also after the scene was saved and loaded
    again.
    """
    raise NotImplementedError


def caseNodes(caseId: str | None = None) -> tuple[slicer.vtkMRMLNode, ...]:
    """All marked nodes of one case; of all cases without `caseId`."""
    raise NotImplementedError


def isInScene(node: slicer.vtkMRMLNode | None) -> bool:
    """Whether the node is still there: users delete nodes in the Data module."""
    raise NotImplementedError


def requireInScene(node: slicer.vtkMRMLNode | None, what: str) -> None:
    """CohortError "node_deleted" naming `what` ("The segmentation of case_0001") when the node is
    gone.
    """
    raise NotImplementedError
