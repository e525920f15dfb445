"""The nodes a Segment Editor works on: scene, editor node, segmentation, source volume, selected segment."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from Testing.bed import pythonqt
from Testing.bed.ctk.stored import stored
from Testing.bed.errors import slot_errors
from Testing.bed.mrml_widgets.base import qMRMLWidget
from Testing.bed.mrml_widgets.observations import Observations


def _update(widget: Any) -> None:
    widget.updateWidgetFromMRML()


class SegmentEditorNodes(qMRMLWidget):
    """The part of the editor that holds its nodes; what follows from them is in `editor_widget`."""

    segmentationNodeChanged = QtCore.Signal(object)
    sourceVolumeNodeChanged = QtCore.Signal(object)
    masterVolumeNodeChanged = QtCore.Signal(object)
    currentSegmentIDChanged = QtCore.Signal(str)
    CPP_SIGNALS = {
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)": "segmentationNodeChanged",
        "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)": "sourceVolumeNodeChanged",
        "masterVolumeNodeChanged(vtkMRMLVolumeNode*)": "masterVolumeNodeChanged",
    }

    segmentationNodeSelectorVisible = stored(bool, True, _update)
    sourceVolumeNodeSelectorVisible = stored(bool, True, _update)
    addRemoveSegmentButtonsVisible = stored(bool, True, _update)
    show3DButtonVisible = stored(bool, True, _update)
    maskingSectionVisible = stored(bool, True, _update)
    undoEnabled = stored(bool, True, _update)
    readOnly = stored(bool, False, _update)
    switchToSegmentationsButtonVisible = stored(bool, True)
    specifyGeometryButtonVisible = stored(bool, True)
    autoShowSourceVolumeNode = stored(bool, True)
    jumpToSelectedSegmentEnabled = stored(bool, False)
    defaultTerminologyEntry = stored(str, "")
    defaultTerminologyEntrySettingsKey = stored(str, "")
    effectColumnCount = stored(int, 2)
    effectButtonStyle = stored(int, 0)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetVerbose(True)
        self._logic.SetSegmentationHistory(slicer.vtkSegmentationHistory())
        self._logic.SetMaximumNumberOfUndoStates(10)
        self._node_observations = Observations(self)
        self._scene_observations = Observations(self)
        self._updating = False

    def updateWidgetFromMRML(self) -> None:
        """Follow the nodes; the widget itself does it."""

    def set_defaults(self) -> None:
        """Give a new editor node the parameters of the effects."""

    def update_options(self) -> None:
        """Show changed parameters of the effects."""

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene; the selectors list its nodes."""
        if scene is self._scene:
            return
        self._scene_observations.clear()
        self._updating = True
        super().setMRMLScene(scene)
        self._updating = False
        self._logic.SetMRMLApplicationLogic(pythonqt.unwrap(slicer.app).applicationLogic())
        self._logic.SetMRMLScene(scene)
        if scene is not None:
            self._scene_observations.add(scene, scene.EndCloseEvent, self._on_scene_closed)
            self._scene_observations.add(scene, scene.EndBatchProcessEvent, self.updateWidgetFromMRML)
        self.updateWidgetFromMRML()

    def _on_scene_closed(self) -> None:
        if self.mrmlSegmentEditorNode() is not None:
            self.set_defaults()
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._logic.GetSegmentEditorNode()

    @QtCore.Slot(object)
    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        """Set the node that holds the editor's state."""
        if node is self.mrmlSegmentEditorNode():
            return
        self._node_observations.clear()
        self._logic.SetSegmentEditorNode(node)
        self._node_observations.add_modified(node, self.updateWidgetFromMRML)
        if node is not None:
            self._node_observations.add(node, node.EffectParameterModified, self.update_options)
            self.set_defaults()
        self.updateWidgetFromMRML()

    def _require_node(self) -> bool:
        """Whether there is an editor node; Slicer prints an error where there is none."""
        if self.mrmlSegmentEditorNode() is not None:
            return True
        slot_errors.add(
            "qMRMLSegmentEditorWidget: set a segment editor node first (setMRMLSegmentEditorNode)."
        )
        return False

    def segmentationNode(self) -> Any:
        return self._logic.GetSegmentationNode()

    @QtCore.Slot(object)
    def setSegmentationNode(self, node: Any) -> None:
        """Edit a segmentation; the active effect is left."""
        if self._updating or node is self.segmentationNode() or not self._require_node():
            return
        self._logic.SetSegmentationNode(node)
        self.mrmlSegmentEditorNode().SetActiveEffectName("")

    def sourceVolumeNode(self) -> Any:
        return self._logic.GetSourceVolumeNode()

    @QtCore.Slot(object)
    def setSourceVolumeNode(self, node: Any) -> None:
        """Set the volume that gives intensities and, for a new segmentation, the geometry."""
        if not self._updating and self._require_node():
            self._logic.SetSourceVolumeNode(node)

    def setMasterVolumeNode(self, node: Any) -> None:
        self.setSourceVolumeNode(node)

    def setSegmentationNodeID(self, node_id: str) -> None:
        self.setSegmentationNode(self._scene.GetNodeByID(node_id))

    def setSourceVolumeNodeID(self, node_id: str) -> None:
        self.setSourceVolumeNode(self._scene.GetNodeByID(node_id))

    def segmentationNodeID(self) -> str:
        return self.segmentationNode().GetID() if self.segmentationNode() else ""

    def sourceVolumeNodeID(self) -> str:
        return self.sourceVolumeNode().GetID() if self.sourceVolumeNode() else ""

    def currentSegmentID(self) -> str:
        node = self.mrmlSegmentEditorNode()
        return (node.GetSelectedSegmentID() if node else "") or ""

    @QtCore.Slot(str)
    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Select the segment that is edited."""
        if self._require_node():
            self.mrmlSegmentEditorNode().SetSelectedSegmentID(segment_id or None)

    @QtCore.Slot(int)
    def selectSegmentAtOffset(self, offset: int) -> None:
        """Select a segment that comes before or after the selected one, in a circle."""
        self._logic.SelectSegmentAtOffset(offset, True)

    @QtCore.Slot()
    def selectNextSegment(self) -> None:
        self.selectSegmentAtOffset(1)

    @QtCore.Slot()
    def selectPreviousSegment(self) -> None:
        self.selectSegmentAtOffset(-1)

    def segmentationNodeSelectorAddAttribute(self, kind: str, name: str, value: Any = None) -> None:
        """List only segmentations with an attribute."""
        self.findChild(QtWidgets.QWidget, "SegmentationNodeComboBox").addAttribute(kind, name, value)

    def sourceVolumeNodeSelectorAddAttribute(self, kind: str, name: str, value: Any = None) -> None:
        """List only volumes with an attribute."""
        self.findChild(QtWidgets.QWidget, "SourceVolumeNodeComboBox").addAttribute(kind, name, value)
