"""Nothing is left behind: temporary nodes go, and the nodes of a case go together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer

from CFRSegmentLib.scene.grids import FILE_GRID_ATTRIBUTE
from CFRSegmentLib.scene.hierarchy import folders, removeEmptyFolders, removeFolderIfEmpty
from CFRSegmentLib.scene.node_roles import (
    ADOPTED_ATTRIBUTE,
    Role,
    caseNodes,
    nodesOfClass,
    roleOf,
    unmarkNode,
)
from CFRSegmentLib.scene.review_nodes import hideUncertainty


def removeCaseNodes(caseId: str, keepImage: bool = False) -> int:
    """Remove the case's nodes with their display nodes, and its folder if it is empty then; says how many.

    A volume that the user loaded (see `adoptVolume`) stays and is only unmarked; so do copies that a user
    made of the case's nodes.
    """
    before = slicer.mrmlScene.GetNumberOfNodes()
    for node in caseNodes(caseId):
        if roleOf(node) is Role.UNCERTAINTY:
            hideUncertainty()
        elif node.GetAttribute(ADOPTED_ATTRIBUTE) and not keepImage:
            unmarkNode(node)
            node.RemoveAttribute(FILE_GRID_ATTRIBUTE)
        elif roleOf(node) is not Role.IMAGE or not keepImage:
            slicer.mrmlScene.RemoveNode(node)
    removeFolderIfEmpty(caseId)
    return before - slicer.mrmlScene.GetNumberOfNodes()


@contextmanager
def temporaryNodes() -> Iterator[list[slicer.vtkMRMLNode]]:
    """Every node that is added to the scene inside is removed at the end, also after an error.

    So are folders that are empty then: a DICOM reader makes some with the names of patient and study. Append
    a node to the list that is given to keep it, with its display and storage nodes. Singletons stay: they
    belong to the scene, not to who made them first.
    """
    foldersBefore = frozenset(folders())
    before = {node.GetID() for node in nodesOfClass("vtkMRMLNode")}
    kept: list[slicer.vtkMRMLNode] = []
    try:
        yield kept
    finally:
        stays = before | _withHelpers(kept)
        for node in reversed(nodesOfClass("vtkMRMLNode")):
            isNew = slicer.mrmlScene.IsNodePresent(node) and node.GetID() not in stays
            if isNew and not node.GetSingletonTag():
                slicer.mrmlScene.RemoveNode(node)
        removeEmptyFolders(exceptFor=foldersBefore)


def _withHelpers(nodes: list[slicer.vtkMRMLNode]) -> set[str]:
    """Ids of the nodes and of all nodes that they refer to."""
    ids: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node is not None and node.GetID() and node.GetID() not in ids:
            ids.add(node.GetID())
            waiting += _referenced(node)
    return ids


def _referenced(node: slicer.vtkMRMLNode) -> list[slicer.vtkMRMLNode]:
    roles: list[str] = []
    node.GetNodeReferenceRoles(roles)
    return [
        node.GetNthNodeReference(role, index)
        for role in roles
        for index in range(node.GetNumberOfNodeReferences(role))
    ]
