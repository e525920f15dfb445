"""qMRMLSegmentEditorWidget: edits the segments of a segmentation, with Slicer's own editor logic."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from Testing.bed import pythonqt
from Testing.bed.ctk.stored import stored
from Testing.bed.mrml_widgets.observations import Observations
from Testing.bed.mrml_widgets.setters import setter_slots
from Testing.bed.segment_editor.editor_nodes import SegmentEditorNodes
from Testing.bed.segment_editor.effect import qSlicerSegmentEditorAbstractEffect
from Testing.bed.segment_editor.parts import EditorParts
from Testing.bed.segment_editor.shortcuts import Shortcuts
from Testing.bed.segment_editor.view_events import ViewEvents

REFERENCE_VOLUME = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()


@setter_slots(
    "segmentationNodeSelectorVisible",
    "sourceVolumeNodeSelectorVisible",
    "autoShowSourceVolumeNode",
    "maskingSectionVisible",
    "specifyGeometryButtonVisible",
    "show3DButtonVisible",
    "addRemoveSegmentButtonsVisible",
    "switchToSegmentationsButtonVisible",
    "undoEnabled",
    "maximumNumberOfUndoStates",
    "readOnly",
    "effectButtonStyle",
    "effectColumnCount",
    "unorderedEffectsVisible",
    "jumpToSelectedSegmentEnabled",
    "defaultTerminologyEntry",
    "defaultTerminologyEntrySettingsKey",
)
class qMRMLSegmentEditorWidget(SegmentEditorNodes):
    """Works when it has a scene, a segment editor node, a segmentation and a source volume, in this order."""

    unorderedEffectsVisible = stored(bool, True, lambda self: self.setEffectNameOrder(self.effectNameOrder()))
    maximumNumberOfUndoStates = QtCore.Property(
        int,
        lambda self: self._logic.GetMaximumNumberOfUndoStates(),
        lambda self, count: self._logic.SetMaximumNumberOfUndoStates(count),
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._segmentation: Any = None
        self._source: Any = None
        self._segment, self._effect, self._last_effect = "", "", ""
        self._segmentation_observations = Observations(self)
        self._events = ViewEvents(self._on_view_event)
        self.destroyed.connect(self._events.stop)
        self._parts = EditorParts(self, self._logic)
        self._keys = Shortcuts(
            {
                "effect": self._on_effect_key,
                "segment": self.selectSegmentAtOffset,
                "undo": lambda _: self.undo(),
                "redo": lambda _: self.redo(),
                "mask": lambda _: self._logic.ToggleSourceVolumeIntensityMask(),
            }
        )
        self._connect_parts()

    def _connect_parts(self) -> None:
        parts = self._parts
        self.mrmlSceneChanged.connect(parts.segmentation.setMRMLScene)
        self.mrmlSceneChanged.connect(parts.source.setMRMLScene)
        parts.segmentation.currentNodeChanged.connect(self.setSegmentationNode)
        parts.source.currentNodeChanged.connect(self.setSourceVolumeNode)
        parts.table.selectionChanged.connect(self._on_selection)
        parts.add.clicked.connect(lambda: self._logic.AddEmptySegment())
        parts.remove.clicked.connect(lambda: self._logic.RemoveSelectedSegment())
        parts.undo.clicked.connect(self.undo)
        parts.redo.clicked.connect(self.redo)
        parts.effects.chosen.connect(self.setActiveEffectByName)
        changed = self._logic.SegmentationHistoryChangedEvent
        self._logic.AddObserver(changed, lambda *_: self._show_undo())

    def _show_undo(self) -> None:
        self._parts.show_undo(self._logic.CanUndo(), self._logic.CanRedo())

    def _on_selection(self, *_: Any) -> None:
        selected = self._parts.table.selectedSegmentIDs()
        if not self._updating:
            self.setCurrentSegmentID(selected[0] if selected else "")

    def set_defaults(self) -> None:
        for effect in self._parts.effects.effects.values():
            effect.set_defaults()

    def update_options(self) -> None:
        for effect in self._parts.effects.effects.values():
            effect.update_options()

    @QtCore.Slot()
    def updateWidgetFromMRML(self) -> None:
        """Follow the nodes, and tell what has changed."""
        node = self.mrmlSegmentEditorNode()
        if self._updating or self._scene is None or node is None or self._scene.IsBatchProcessing():
            return
        self._updating = True
        try:
            signals = self._follow_segmentation(node) + self._follow_source(node)
            self._parts.show_visibility(self)
            self._parts.show_nodes(node, self.readOnly)
            self._follow_effect(node.GetActiveEffectName() or "")
            self._parts.masking.setVisible(bool(self._effect) and self.maskingSectionVisible)
        finally:
            self._updating = False
        for signal, argument in signals:
            signal.emit(argument)
        if self._segment != self.currentSegmentID():
            self._segment = self.currentSegmentID()
            self.currentSegmentIDChanged.emit(self._segment)

    def _follow_segmentation(self, node: Any) -> list[tuple[Any, Any]]:
        segmentation = node.GetSegmentationNode()
        if segmentation is self._segmentation:
            return []
        self._segmentation = segmentation
        self._segmentation_observations.clear()
        if segmentation is not None:
            events = slicer.vtkSegmentation
            for event in (events.SegmentAdded, events.SegmentRemoved):
                self._segmentation_observations.add(segmentation, event, self._on_segments_changed)
            self._logic.SetSourceVolumeNode(segmentation.GetNodeReference(REFERENCE_VOLUME))
            segmentation.CreateDefaultDisplayNodes()
            self._logic.SelectFirstSegment(False)
        return [(self.segmentationNodeChanged, segmentation)]

    def _on_segments_changed(self) -> None:
        """Keep a segment selected as long as there is one."""
        ids = self._segmentation.GetSegmentation().GetSegmentIDs() if self._segmentation else ()
        if self.currentSegmentID() not in ids:
            self.mrmlSegmentEditorNode().SetSelectedSegmentID(ids[0] if ids else None)
        self.updateWidgetFromMRML()

    def _follow_source(self, node: Any) -> list[tuple[Any, Any]]:
        source = node.GetSourceVolumeNode()
        if source is self._source or node.GetSegmentationNode() is None:
            return []
        self._source = source
        if source is not None and self.autoShowSourceVolumeNode:
            self.showSourceVolumeInSliceViewers()
        return [(self.sourceVolumeNodeChanged, source), (self.masterVolumeNodeChanged, source)]

    @QtCore.Slot(bool, bool)
    def showSourceVolumeInSliceViewers(self, force: bool = False, fit: bool = False) -> None:
        """Make the source volume the background of the slice views that do not show it yet."""
        source = self.sourceVolumeNode()
        logics = pythonqt.unwrap(slicer.app).applicationLogic().GetSliceLogics()
        for index in range(logics.GetNumberOfItems() if source is not None else 0):
            logic = logics.GetItemAsObject(index)
            composite = logic.GetSliceCompositeNode()
            shown = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
            if force or source.GetID() not in shown:
                composite.SetBackgroundVolumeID(source.GetID())
                composite.SetForegroundVolumeID(None)
                composite.SetLabelVolumeID(None)
            if fit:
                logic.FitSliceToBackground(True)

    def _follow_effect(self, name: str) -> None:
        name = name if name in self._parts.effects.effects else ""
        if name == self._effect:
            return
        if self._effect:
            self._parts.effects.effects[self._effect].deactivate()
            self._last_effect = self._effect
        self._effect = name
        if name and self._logic.SetSourceRepresentationToBinaryLabelMap():
            self.setupViewObservations()
            self._parts.effects.effects[name].activate()
        else:
            self.removeViewObservations()

    def activeEffect(self) -> qSlicerSegmentEditorAbstractEffect | None:
        return self._parts.effects.effects.get(self._effect)

    def effectByName(self, name: str) -> qSlicerSegmentEditorAbstractEffect | None:
        return self._parts.effects.effects.get(name)

    def availableEffectNames(self) -> list[str]:
        return list(self._parts.effects.effects)

    def effectNameOrder(self) -> list[str]:
        return self._parts.effects.order

    def setEffectNameOrder(self, names: list[str]) -> None:
        """Set which effects come first; the others are hidden where `unorderedEffectsVisible` is false."""
        self._parts.effects.set_order(names, self.unorderedEffectsVisible)
        self.updateWidgetFromMRML()

    def setActiveEffect(self, effect: Any) -> None:
        self.setActiveEffectByName(effect.objectName() if effect else "")

    @QtCore.Slot(str)
    def setActiveEffectByName(self, name: str) -> None:
        """Choose an effect, or none by an empty name."""
        if self._require_node():
            self.mrmlSegmentEditorNode().SetActiveEffectName(name or "")

    def _on_effect_key(self, index: int) -> None:
        """1, 2, ... choose or leave an effect, 0 leaves it, -1 leaves it or takes the last one again."""
        names = self._parts.effects.names()
        chosen = ""
        if index < 0 and not self._effect:
            chosen = self._last_effect
        elif 0 < index <= len(names) and names[index - 1] != self._effect:
            chosen = names[index - 1]
        if self._parts.effects.buttons_box.isEnabled():
            self.setActiveEffectByName(chosen)

    def _on_view_event(self, event: str, interactor: Any, widget: Any) -> bool:
        effect = self.activeEffect()
        return effect is not None and effect.process_interaction(event, interactor, widget)

    @QtCore.Slot()
    def setupViewObservations(self) -> None:
        """Receive mouse events of the slice views; done whenever an effect is chosen."""
        layout_manager = pythonqt.unwrap(slicer.app).layoutManager()
        if layout_manager is not None:
            self._events.start(layout_manager)

    @QtCore.Slot()
    def removeViewObservations(self) -> None:
        """Leave the events to the views."""
        self._events.stop()

    @QtCore.Slot()
    def saveStateForUndo(self) -> None:
        """Changes from now on are one step for undo."""
        if self.undoEnabled:
            self._logic.SaveStateForUndo()

    @QtCore.Slot()
    def undo(self) -> None:
        """Go back one step."""
        self._logic.Undo()

    @QtCore.Slot()
    def redo(self) -> None:
        """Take the last undo back."""
        self._logic.Redo()

    @QtCore.Slot()
    def rotateSliceViewsToSegmentation(self) -> None:
        """Align the slice views with the segmentation's axes."""
        logics = pythonqt.unwrap(slicer.app).applicationLogic().GetSliceLogics()
        for index in range(logics.GetNumberOfItems() if self._source is not None else 0):
            logics.GetItemAsObject(index).RotateSliceToLowestVolumeAxes()

    def installKeyboardShortcuts(self, parent: QtWidgets.QWidget | None = None) -> None:
        """Install the editor's keys, by default on the main window."""
        self._keys.install(parent or pythonqt.unwrap(slicer.app).mainWindow())

    def uninstallKeyboardShortcuts(self) -> None:
        """Remove the editor's keys."""
        self._keys.uninstall()
