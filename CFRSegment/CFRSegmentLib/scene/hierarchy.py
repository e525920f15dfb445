"""Places in the subject hierarchy: one folder per case, results beside their volume."""

from __future__ import annotations

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
    tree, items = _tree(), vtk.vtkIdList()
    tree.GetItemChildren(tree.GetSceneItemID(), items, True)
    everything = (items.GetId(index) for index in range(items.GetNumberOfIds()))
    return next((item for item in everything if tree.GetItemAttribute(item, CASE_ATTRIBUTE) == caseId), None)


def removeFolderIfEmpty(caseId: str) -> None:
    """Remove the folder of the case unless a user has put something into it."""
    tree, folder = _tree(), findCaseFolder(caseId)
    if folder is not None and tree.GetNumberOfItemChildren(folder) == 0:
        tree.RemoveItem(folder)


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


def _tree() -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
