"""The widgets inside the Segment Editor."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.bed.mrml_widgets.node_combo_box import qMRMLNodeComboBox
from Testing.bed.mrml_widgets.segments_table import qMRMLSegmentsTableView
from Testing.bed.mrml_widgets.show3d_button import qMRMLSegmentationShow3DButton
from Testing.bed.segment_editor.effects_box import EffectsBox
from Testing.bed.segment_editor.masking import MaskingBox

ROWS_SHOWN = 5


class EditorParts:
    """Selectors, buttons, table, effects, masking and undo, named as in Slicer."""

    def __init__(self, parent: QtWidgets.QWidget, logic: Any) -> None:
        self.segmentation = self._selector("SegmentationNodeComboBox", "vtkMRMLSegmentationNode", True)
        self.source = self._selector("SourceVolumeNodeComboBox", "vtkMRMLScalarVolumeNode", False)
        self.add = QtWidgets.QPushButton("Add", objectName="AddSegmentButton")
        self.remove = QtWidgets.QPushButton("Remove", objectName="RemoveSegmentButton")
        self.show3d = qMRMLSegmentationShow3DButton("Show 3D")
        self.show3d.setObjectName("Show3DButton")
        self.table = qMRMLSegmentsTableView()
        self.table.setObjectName("SegmentsTableView")
        self.table.setFixedHeight(30 * (ROWS_SHOWN + 1))
        self.table.tableWidget().setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.effects = EffectsBox(logic)
        self.masking = MaskingBox()
        self.undo = QtWidgets.QPushButton("Undo", objectName="UndoButton", enabled=False)
        self.redo = QtWidgets.QPushButton("Redo", objectName="RedoButton", enabled=False)
        self._labels = [QtWidgets.QLabel("Segmentation:"), QtWidgets.QLabel("Source volume:")]
        self._lay_out(parent)

    def _selector(self, name: str, kind: str, none: bool) -> qMRMLNodeComboBox:
        box = qMRMLNodeComboBox()
        box.setObjectName(name)
        box.nodeTypes = [kind]
        box.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"] if kind == "vtkMRMLScalarVolumeNode" else []
        box.noneEnabled = True
        box.addEnabled = none
        return box

    def _lay_out(self, parent: QtWidgets.QWidget) -> None:
        layout = QtWidgets.QVBoxLayout(parent)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QtWidgets.QGridLayout()
        for row, (label, box) in enumerate(zip(self._labels, (self.segmentation, self.source), strict=True)):
            form.addWidget(label, row, 0)
            form.addWidget(box, row, 1)
        layout.addLayout(form)
        buttons = QtWidgets.QHBoxLayout()
        for button in (self.add, self.remove, self.show3d):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        for widget in (self.table, self.effects, self.masking):
            layout.addWidget(widget)
        history = QtWidgets.QHBoxLayout()
        history.addWidget(self.undo)
        history.addWidget(self.redo)
        layout.addLayout(history)
        layout.addStretch(1)

    def show_visibility(self, editor: Any) -> None:
        """Show and hide what the editor's properties say."""
        pairs = ((self.segmentation, editor.segmentationNodeSelectorVisible),)
        pairs += ((self.source, editor.sourceVolumeNodeSelectorVisible),)
        for label, (box, visible) in zip(self._labels, pairs, strict=True):
            label.setVisible(visible)
            box.setVisible(visible)
        self.add.setVisible(editor.addRemoveSegmentButtonsVisible)
        self.remove.setVisible(editor.addRemoveSegmentButtonsVisible)
        self.show3d.setVisible(editor.show3DButtonVisible)
        self.undo.setVisible(editor.undoEnabled)
        self.redo.setVisible(editor.undoEnabled)

    def show_nodes(self, node: Any, read_only: bool) -> None:
        """Show the nodes, the selected segment and what can be done with them."""
        segmentation, source = node.GetSegmentationNode(), node.GetSourceVolumeNode()
        self.segmentation.setCurrentNode(segmentation)
        self.source.setCurrentNode(source)
        if self.table.segmentationNode() is not segmentation:
            self.table.setSegmentationNode(segmentation)
            self.show3d.setSegmentationNode(segmentation)
        self.table.readOnly = read_only
        selected = node.GetSelectedSegmentID() or ""
        if self.table.selectedSegmentIDs() != ([selected] if selected else []):
            with QtCore.QSignalBlocker(self.table):
                self.table.setSelectedSegmentIDs([selected] if selected else [])
        self.add.setEnabled(segmentation is not None and not read_only)
        self.remove.setEnabled(bool(selected) and not read_only)
        editable = segmentation is not None and source is not None and not read_only
        self.effects.show_state(node.GetActiveEffectName() or "", editable, bool(selected))
        self.masking.show_node(node)

    def show_undo(self, can_undo: bool, can_redo: bool) -> None:
        """Enable the buttons for which there is a step."""
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)
