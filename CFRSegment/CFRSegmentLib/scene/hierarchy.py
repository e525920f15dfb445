"""Places in the subject hierarchy: one folder per case, results beside their volume."""

from __future__ import annotations

from collections.abc import Collection

import slicer
import vtk

from CFRSegmentLib.scene.node_roles import CASE_ATTRIBUTE


def caseFolder(caseId: str, title: str) -> int:
    """The subject hierarchy folder of the case, made when it is not there; found again when renamed."""
    tree = _tree()
    found = findCaseFolder(caseId)
    if found is not None:
        return found
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), title)
    tree.SetItemAttribute(folder, CASE_ATTRIBUTE, caseId)
    return folder


def findCaseFolder(caseId: str) -> int | None:
    """The folder of the case, None where there is none."""
    tree = _tree()
    return next((item for item in _items() if tree.GetItemAttribute(item, CASE_ATTRIBUTE) == caseId), None)


def removeFolderIfEmpty(caseId: str) -> None:
    """Remove the folder of the case unless a user has put something into it."""
    tree, folder = _tree(), findCaseFolder(caseId)
    if folder is not None and tree.GetNumberOfItemChildren(folder) == 0:
        tree.RemoveItem(folder)


def folders() -> tuple[int, ...]:
    """All folders, patients and studies, each before those in it."""
    tree, constants = _tree(), slicer.vtkMRMLSubjectHierarchyConstants
    levels = (
        constants.GetSubjectHierarchyLevelFolder(),
        constants.GetDICOMLevelPatient(),
        constants.GetDICOMLevelStudy(),
    )
    return tuple(item for item in _items() if tree.GetItemLevel(item) in levels)


def removeEmptyFolders(exceptFor: Collection[int]) -> None:
    """Remove folders, patients and studies that hold nothing, innermost first."""
    tree = _tree()
    for item in reversed(folders()):
        if item not in exceptFor and tree.GetNumberOfItemChildren(item) == 0:
            tree.RemoveItem(item)


def placeInFolder(node: slicer.vtkMRMLNode, folder: int) -> int:
    """Move the node into a folder of the subject hierarchy; returns the node's item."""
    tree = _tree()
    item = tree.GetItemByDataNode(node)
    if item == tree.GetInvalidItemID():
        return tree.CreateItem(folder, node)
    tree.SetItemParent(item, folder)
    return item


def placeBeside(node: slicer.vtkMRMLNode, other: slicer.vtkMRMLNode) -> int:
    """Move the node to where `other` is, its folder or its DICOM study; returns the node's item."""
    tree = _tree()
    item = tree.GetItemByDataNode(other)
    known = item != tree.GetInvalidItemID()
    return placeInFolder(node, tree.GetItemParent(item) if known else tree.GetSceneItemID())


def setItemAttribute(node: slicer.vtkMRMLNode, name: str, value: str) -> None:
    """Write an attribute on the node's item."""
    tree = _tree()
    tree.SetItemAttribute(tree.GetItemByDataNode(node), name, value)


def _items() -> tuple[int, ...]:
    """Everything in the tree, parents before children."""
    tree, items = _tree(), vtk.vtkIdList()
    tree.GetItemChildren(tree.GetSceneItemID(), items, True)
    return tuple(items.GetId(index) for index in range(items.GetNumberOfIds()))


def _tree() -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
