"""qMRMLNodeComboBox: selects a node of the scene, and makes, renames and removes nodes."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.stored import stored
from Testing.bed.mrml_widgets.base import qMRMLWidget
from Testing.bed.mrml_widgets.observations import Observations

NOTHING = ""
ACTION = QtCore.Qt.ItemDataRole.UserRole + 1
NODE_ID = QtCore.Qt.ItemDataRole.UserRole


def _refill(box: Any) -> None:
    box.refill_list()


class qMRMLNodeComboBox(qMRMLWidget):
    """A list of the nodes of some classes; disabled until it has a scene."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeAdded = QtCore.Signal(object)
    currentNodeRenamed = QtCore.Signal(str)
    CPP_SIGNALS = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeChanged",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded",
    }

    nodeTypes = stored("QStringList", [], _refill)
    hideChildNodeTypes = stored("QStringList", [], _refill)
    showHidden = stored(bool, False, _refill)
    showChildNodeTypes = stored(bool, True, _refill)
    noneEnabled = stored(bool, False, _refill)
    addEnabled = stored(bool, True, _refill)
    removeEnabled = stored(bool, True, _refill)
    renameEnabled = stored(bool, False, _refill)
    editEnabled = stored(bool, False, _refill)
    selectNodeUponCreation = stored(bool, True)
    noneDisplay = stored(str, "None", _refill)
    baseName = stored(str, "")
    interactionNodeSingletonTag = stored(str, "")
    sizeAdjustPolicy = stored(int, 0)
    currentNodeID = QtCore.Property(
        str, lambda self: self._current, lambda self, node_id: self.setCurrentNodeID(node_id)
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._current = NOTHING
        self._requested = NOTHING
        self._attributes: dict[tuple[str, str], Any] = {}
        self._labels: dict[str, str] = {}
        self._observations = Observations(self)
        self._names = Observations(self)
        self._box = QtWidgets.QComboBox(self)
        self._box.setSizeAdjustPolicy(
            QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._box.activated.connect(self._on_activated)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self.setEnabled(False)

    def setMRMLScene(self, scene: Any) -> None:
        """List the nodes of a scene; a node that was set before is selected now."""
        if scene is self._scene:
            return
        self._observations.clear()
        self._observations.add_scene(scene, self.refill_list)
        super().setMRMLScene(scene)
        self.setEnabled(scene is not None)
        self.refill_list()
        if self._requested:
            self.setCurrentNodeID(self._requested)

    def listed_nodes(self) -> list[Any]:
        """The nodes that are listed, in the order of the scene."""
        if self._scene is None:
            return []
        every = (self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes()))
        return [node for node in every if self._fits(node)]

    def _fits(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if any(node.IsA(name) for name in self.hideChildNodeTypes):
            return False
        for (kind, attribute), value in self._attributes.items():
            found = node.GetAttribute(attribute)
            if node.IsA(kind) and (found is None or (value is not None and found != str(value))):
                return False
        inherits = node.IsA if self.showChildNodeTypes else node.GetClassName().__eq__
        return any(inherits(name) for name in self.nodeTypes)

    def refill_list(self) -> None:
        """Show what the scene has now; a selected node that is gone is replaced."""
        nodes = self.listed_nodes()
        self._names.clear()
        with QtCore.QSignalBlocker(self._box):
            self._box.clear()
            if self.noneEnabled:
                self._box.addItem(self.noneDisplay, NOTHING)
            for node in nodes:
                self._box.addItem(node.GetName() or node.GetID(), node.GetID())
                self._names.add_modified(node, self._rename_items)
            self._add_actions()
        ids = [node.GetID() for node in nodes]
        if self._current not in ids:
            fallback = NOTHING if self.noneEnabled or not ids else ids[-1]
            self._select(fallback)
        self._show_current()

    def _rename_items(self) -> None:
        for index in range(self._box.count()):
            node = self._scene.GetNodeByID(self._box.itemData(index, NODE_ID) or "")
            if node is not None and self._box.itemText(index) != node.GetName():
                self._box.setItemText(index, node.GetName())
                if node.GetID() == self._current:
                    self.currentNodeRenamed.emit(node.GetName())

    def _add_actions(self) -> None:
        """Entries below the nodes that do something."""
        if self._scene is None:
            return
        label = self.nodeTypeLabel(self.nodeTypes[0]) if self.nodeTypes else ""
        wanted = [
            (self.addEnabled and label, f"Create new {label}", self.create_node),
            (self.renameEnabled and self._current, f"Rename current {label}...", self.renameCurrentNode),
            (self.removeEnabled and self._current, f"Delete current {label}", self.removeCurrentNode),
        ]
        if any(condition for condition, *_ in wanted):
            self._box.insertSeparator(self._box.count())
        for condition, text, action in wanted:
            if condition:
                self._box.addItem(text)
                self._box.setItemData(self._box.count() - 1, action, ACTION)

    def _show_current(self) -> None:
        with QtCore.QSignalBlocker(self._box):
            listed = self._current or self.noneEnabled
            self._box.setCurrentIndex(self._box.findData(self._current, NODE_ID) if listed else -1)

    def _on_activated(self, index: int) -> None:
        action = self._box.itemData(index, ACTION)
        if action is not None:
            self._show_current()
            action()
            return
        self._select(self._box.itemData(index, NODE_ID) or NOTHING)
        self.nodeActivated.emit(self.currentNode())

    def _select(self, node_id: str) -> None:
        if node_id == self._current:
            return
        self._current = node_id
        self.currentNodeChanged.emit(self.currentNode())
        self.currentNodeIDChanged.emit(node_id)

    def addAttribute(self, nodeType: str, attributeName: str, attributeValue: Any = None) -> None:
        """List only nodes with an attribute, or with a value of it."""
        self._attributes[nodeType, attributeName] = attributeValue
        self.refill_list()

    def removeAttribute(self, nodeType: str, attributeName: str) -> None:
        """End such a filter."""
        self._attributes.pop((nodeType, attributeName), None)
        self.refill_list()

    def setNodeTypeLabel(self, label: str, nodeType: str) -> None:
        """What nodes of a class are called in the list."""
        self._labels[nodeType] = label

    def nodeTypeLabel(self, nodeType: str) -> str:
        """What nodes of a class are called in the list."""
        node_class = getattr(slicer, nodeType, None)
        return self._labels.get(nodeType) or (node_class().GetNodeTagName() if node_class else nodeType)

    def nodeCount(self) -> int:
        return len(self.listed_nodes())

    def nodeFromIndex(self, index: int) -> Any:
        """The node at a place in the list, or None."""
        nodes = self.listed_nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    @QtCore.Slot(object)
    def setCurrentNode(self, node: Any) -> None:
        """Select a node or none; a text is taken for the id of a node."""
        self.setCurrentNodeID(node if isinstance(node, str) else NOTHING if node is None else node.GetID())

    @QtCore.Slot(str)
    def setCurrentNodeID(self, node_id: str) -> None:
        """Select a node by its id; one that is not listed selects none."""
        node_id = node_id or NOTHING
        if self._scene is None:
            self._requested = node_id
            return
        listed = node_id in [node.GetID() for node in self.listed_nodes()]
        self._select(node_id if listed else NOTHING)
        self._show_current()

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    def addNode(self, nodeType: str = "") -> Any:
        """Make a node of the first class, or of the given one."""
        nodeType = nodeType or self.nodeTypes[0]
        name = self.baseName or self.nodeTypeLabel(nodeType)
        node = self._scene.AddNewNodeByClass(nodeType, self._scene.GenerateUniqueName(name))
        for (kind, attribute), value in self._attributes.items():
            if node.IsA(kind):
                node.SetAttribute(attribute, "1" if value is None else str(value))
        self.refill_list()
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def create_node(self) -> None:
        """Make a node and select it, as its entry in the list does."""
        self.setCurrentNode(self.addNode())

    @QtCore.Slot()
    def removeCurrentNode(self) -> None:
        """Remove the selected node from the scene."""
        if self.currentNode() is not None:
            self._scene.RemoveNode(self.currentNode())

    @QtCore.Slot()
    def renameCurrentNode(self) -> None:
        """Ask for a new name of the selected node."""
        node = self.currentNode()
        if node is not None:
            name, accepted = QtWidgets.QInputDialog.getText(self, "Rename", "New name:", text=node.GetName())
            if accepted:
                node.SetName(name)


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Known by name only: nodes cannot be checked."""
