"""Which node of the scene belongs to which case, and as what: two attributes that a saved scene keeps."""

from __future__ import annotations

from enum import StrEnum

import slicer

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _

CASE_ATTRIBUTE = "CFRSegment.Case"
ROLE_ATTRIBUTE = "CFRSegment.Role"
ADOPTED_ATTRIBUTE = "CFRSegment.LoadedByUser"


class Role(StrEnum):
    """What a node is to its case."""

    IMAGE = "image"
    LABEL = "label"
    PSEUDO_LABEL = "pseudo-label"
    UNCERTAINTY = "uncertainty"
    RESULT = "result"


def markNode(node: slicer.vtkMRMLNode, caseId: str, role: Role) -> None:
    """Write on `node` that it is the `role` of the case; `caseId` is any text, unique in the scene."""
    node.SetAttribute(CASE_ATTRIBUTE, caseId)
    node.SetAttribute(ROLE_ATTRIBUTE, role.value)


def unmarkNode(node: slicer.vtkMRMLNode) -> None:
    """Make the node one that has nothing to do with any case."""
    for name in (CASE_ATTRIBUTE, ROLE_ATTRIBUTE, ADOPTED_ATTRIBUTE):
        node.RemoveAttribute(name)


def caseIdOf(node: slicer.vtkMRMLNode | None) -> str | None:
    """The case that `node` belongs to, None for foreign nodes."""
    return (node.GetAttribute(CASE_ATTRIBUTE) or None) if node is not None else None


def roleOf(node: slicer.vtkMRMLNode | None) -> Role | None:
    """What `node` is, None for nodes that are not of this module. Results need not belong to a case."""
    text = node.GetAttribute(ROLE_ATTRIBUTE) if node is not None else None
    return Role(text) if text in tuple(Role) else None


def caseNode(caseId: str, role: Role) -> slicer.vtkMRMLNode | None:
    """The node that is the `role` of the case, also after the scene was saved and loaded again."""
    return next((node for node in caseNodes(caseId) if roleOf(node) is role), None)


def caseNodes(caseId: str | None = None) -> tuple[slicer.vtkMRMLNode, ...]:
    """The nodes of one case, of all cases without `caseId`; not the copies that a user made of them."""
    found: dict[tuple, slicer.vtkMRMLNode] = {}
    for node in nodesOfClass("vtkMRMLDisplayableNode"):
        itsCase, role = caseIdOf(node), roleOf(node)
        if itsCase and caseId in (None, itsCase):
            # Slicer copies attributes with a node, so the second of a kind is a copy; results may be many.
            found.setdefault((itsCase, role, node.GetID() if role is Role.RESULT else ""), node)
    return tuple(found.values())


def isCopy(node: slicer.vtkMRMLNode) -> bool:
    """Whether a user copied this node from one of a case, with all that is written on it."""
    caseId = caseIdOf(node)
    return caseId is not None and node not in caseNodes(caseId) and isInScene(node)


def nodesOfClass(className: str) -> tuple[slicer.vtkMRMLNode, ...]:
    """All nodes of the scene of a class and the classes below it, in the order they were added."""
    scene = slicer.mrmlScene
    count = scene.GetNumberOfNodesByClass(className)
    return tuple(scene.GetNthNodeByClass(index, className) for index in range(count))


def isInScene(node: slicer.vtkMRMLNode | None) -> bool:
    """Whether the node is still there: users delete nodes in the Data module."""
    return node is not None and bool(slicer.mrmlScene.IsNodePresent(node))


def requireInScene(node: slicer.vtkMRMLNode | None, what: str) -> None:
    """CohortError (node_deleted) naming `what`, "The segmentation of this case", when the node is gone."""
    if not isInScene(node):
        raise CohortError(
            "node_deleted",
            _("{what} was deleted from the scene.").format(what=what),
            _("Select the case again to load it; what was saved before is kept."),
        )
