"""The subject hierarchy as a tree and as a list to choose from."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.stored import stored
from Testing.bed.mrml_widgets.base import qMRMLWidget
from Testing.bed.mrml_widgets.observations import Observations

ITEM = QtCore.Qt.ItemDataRole.UserRole
NO_ITEM = 0
CHANGES = (
    "SubjectHierarchyItemAddedEvent",
    "SubjectHierarchyItemRemovedEvent",
    "SubjectHierarchyItemModifiedEvent",
    "SubjectHierarchyItemReparentedEvent",
)


def children_of(hierarchy: Any, item: int) -> list[int]:
    """The items directly below an item."""
    ids = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, ids, False)
    return [ids.GetId(index) for index in range(ids.GetNumberOfIds())]


class _SubjectHierarchyView(qMRMLWidget):
    """What tree and list share: following the hierarchy, the current item, the filter by node class."""

    currentItemChanged = QtCore.Signal(int)
    currentNodeChanged = QtCore.Signal(object)
    CPP_SIGNALS = {
        "currentItemChanged(vtkIdType)": "currentItemChanged",
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
    }
    nodeTypes = stored("QStringList", [], lambda self: self._refill())
    noneEnabled = stored(bool, False, lambda self: self._refill())
    noneDisplay = stored(str, "None")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._current = NO_ITEM
        self._scene_observations, self._observations = Observations(self), Observations(self)
        QtWidgets.QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)

    def setMRMLScene(self, scene: Any) -> None:
        """Show the hierarchy of a scene."""
        self._scene_observations.clear()
        super().setMRMLScene(scene)
        self._scene_observations.add_scene(scene, self._follow)
        self._follow()

    def subjectHierarchyNode(self) -> Any:
        return self._scene.GetSubjectHierarchyNode() if self._scene else None

    def _follow(self) -> None:
        """Observe the hierarchy node, which is another one after the scene was closed."""
        self._observations.clear()
        node = self.subjectHierarchyNode()
        for name in CHANGES:
            self._observations.add(node, getattr(slicer.vtkMRMLSubjectHierarchyNode, name), self._refill)
        self._refill()

    def _refill(self) -> None:
        """Show what the hierarchy has now."""

    def _shown(self, hierarchy: Any, item: int) -> bool:
        node = hierarchy.GetItemDataNode(item)
        if not self.nodeTypes:
            return True
        inside = any(self._shown(hierarchy, child) for child in children_of(hierarchy, item))
        return inside or (node is not None and any(node.IsA(name) for name in self.nodeTypes))

    def currentItem(self) -> int:
        return self._current

    def currentNode(self) -> Any:
        hierarchy = self.subjectHierarchyNode()
        return hierarchy.GetItemDataNode(self._current) if hierarchy and self._current else None

    def setCurrentItem(self, item: int) -> None:
        """Select an item, or none by 0."""
        if item != self._current:
            self._current = item
            self._refill()
            self.currentItemChanged.emit(item)
            self.currentNodeChanged.emit(self.currentNode())

    def setCurrentNode(self, node: Any) -> None:
        """Select the item of a node."""
        hierarchy = self.subjectHierarchyNode()
        self.setCurrentItem(hierarchy.GetItemByDataNode(node) if hierarchy and node else NO_ITEM)

    def clearSelection(self) -> None:
        self.setCurrentItem(NO_ITEM)


class qMRMLSubjectHierarchyTreeView(_SubjectHierarchyView):
    """The hierarchy as a tree of names."""

    contextMenuEnabled = stored(bool, True)
    editMenuActionVisible = stored(bool, True)
    multiSelection = stored(bool, False)
    showRootItem = stored(bool, False)
    visibilityColumnVisible = stored(bool, True)
    idColumnVisible = stored(bool, False)
    colorColumnVisible = stored(bool, True)
    transformColumnVisible = stored(bool, True)
    descriptionColumnVisible = stored(bool, False)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._tree = QtWidgets.QTreeWidget(headerHidden=True)
        self._tree.itemClicked.connect(lambda row: self.setCurrentItem(row.data(0, ITEM)))
        self.layout().addWidget(self._tree)

    def _refill(self) -> None:
        hierarchy = self.subjectHierarchyNode()
        self._tree.clear()
        if hierarchy is not None:
            self._add(hierarchy, hierarchy.GetSceneItemID(), self._tree.invisibleRootItem())
        self._tree.expandAll()

    def _add(self, hierarchy: Any, parent: int, row: QtWidgets.QTreeWidgetItem) -> None:
        for item in children_of(hierarchy, parent):
            if self._shown(hierarchy, item):
                child = QtWidgets.QTreeWidgetItem(row, [hierarchy.GetItemName(item)])
                child.setData(0, ITEM, item)
                child.setSelected(item == self._current)
                self._add(hierarchy, item, child)


class qMRMLSubjectHierarchyComboBox(_SubjectHierarchyView):
    """The hierarchy as an indented list to choose from."""

    showRootItem = stored(bool, False)
    showCurrentItemParents = stored(bool, True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QComboBox()
        self._box.activated.connect(lambda _: self.setCurrentItem(self._box.currentData()))
        self.layout().addWidget(self._box)

    def _refill(self) -> None:
        hierarchy = self.subjectHierarchyNode()
        with QtCore.QSignalBlocker(self._box):
            self._box.clear()
            if self.noneEnabled:
                self._box.addItem(self.noneDisplay, NO_ITEM)
            if hierarchy is not None:
                self._add(hierarchy, hierarchy.GetSceneItemID(), 0)
            self._box.setCurrentIndex(self._box.findData(self._current))

    def _add(self, hierarchy: Any, parent: int, depth: int) -> None:
        for item in children_of(hierarchy, parent):
            if self._shown(hierarchy, item):
                self._box.addItem("  " * depth + hierarchy.GetItemName(item), item)
                self._add(hierarchy, item, depth + 1)
