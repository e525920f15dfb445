"""Slicer's Segment Editor inside the panel, on the segmentation of the open case and on nothing else."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .signals import Signal

EDITOR_NODE_TAG = "CFRSegment"  # a state of its own, beside that of the module Segment Editor
UNDO_STATES = 10


class EditorHost(VTKObservationMixin):
    """The editor in `parent`, whose layout it joins. toolChanged(name): another effect, "" for none."""

    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.toolChanged = Signal()
        self._tool = ""
        self.editor = slicer.qMRMLSegmentEditorWidget()
        self.editor.maximumNumberOfUndoStates = UNDO_STATES
        self.editor.undoEnabled = True
        self.editor.segmentationNodeSelectorVisible = False
        self.editor.sourceVolumeNodeSelectorVisible = False
        self.editor.switchToSegmentationsButtonVisible = False
        self.editor.addRemoveSegmentButtonsVisible = False
        self._useOwnNode()
        self.editor.setMRMLScene(slicer.mrmlScene)
        parent.layout().addWidget(self.editor)
        self._factory = None
        if hasattr(slicer, "qSlicerSegmentEditorEffectFactory"):
            # effects that are registered after this module was opened as the first one
            self._factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
            self._factory.connect("effectRegistered(QString)", self._onEffectRegistered)

    def edit(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode | None,
        segmentationNode: slicer.vtkMRMLSegmentationNode | None,
        readOnly: bool,
    ) -> None:
        """Edit this segmentation over this volume, a new one's first segment selected; None edits nothing.

        One that is edited already stays as it is, with the effect and the segment in use.
        """
        self._useOwnNode()
        wanted = (volumeNode, segmentationNode, readOnly)
        if wanted == (self.editor.sourceVolumeNode(), self.editor.segmentationNode(), self.editor.readOnly):
            return
        isSame = segmentationNode is self.editor.segmentationNode()
        self.editor.setActiveEffect(None)
        self.editor.setSegmentationNode(segmentationNode)
        self.editor.setSourceVolumeNode(volumeNode)
        self.editor.readOnly = readOnly
        if segmentationNode is not None and not isSame:
            first = segmentationNode.GetSegmentation().GetNthSegmentID(0)
            if first:
                self.editor.setCurrentSegmentID(first)

    def enter(self) -> None:
        """The module is shown: the keys of the editor work."""
        self._useOwnNode()
        self.editor.updateWidgetFromMRML()
        self.editor.installKeyboardShortcuts()

    def exit(self) -> None:
        """The module is left: no effect reacts to the mouse, no key is taken."""
        self.editor.setActiveEffect(None)
        self.editor.uninstallKeyboardShortcuts()
        self.editor.removeViewObservations()

    def cleanup(self) -> None:
        """The window goes."""
        self.exit()
        self.removeObservers()
        if self._factory is not None:
            self._factory.disconnect("effectRegistered(QString)", self._onEffectRegistered)

    def canUndo(self) -> bool:
        """Whether the editor has a stroke to take back."""
        button = slicer.util.findChild(self.editor, "UndoButton")
        return bool(button is not None and button.enabled)

    def _useOwnNode(self) -> None:
        """The node that holds the editor's choices; closing the scene takes it away."""
        node = slicer.mrmlScene.GetSingletonNode(EDITOR_NODE_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(EDITOR_NODE_TAG)
            node = slicer.mrmlScene.AddNode(node)
        if self.editor.mrmlSegmentEditorNode() is not node:
            self.editor.setMRMLSegmentEditorNode(node)
            self.removeObservers()
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onNode)

    def _onNode(self, node: slicer.vtkMRMLSegmentEditorNode, _event: object) -> None:
        tool = node.GetActiveEffectName() or ""
        if tool != self._tool:
            self._tool = tool
            self.toolChanged.emit(tool)

    def _onEffectRegistered(self, *_arguments: object) -> None:
        self.editor.updateEffectList()
