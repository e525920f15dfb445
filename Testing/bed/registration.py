"""Makes the stand-ins known: to module code as classes of `slicer`, to the .ui loader by their names."""

from __future__ import annotations

import sys
import types

import slicer

from Testing.bed import pythonqt
from Testing.bed.application import qSlicerApplication
from Testing.bed.dicom_database import ctkDICOMDatabase
from Testing.bed.main_window import qSlicerMainWindow, qSlicerModulePanel, qSlicerModuleSelectorToolBar
from Testing.bed.modules import (
    qSlicerAbstractModule,
    qSlicerLoadableModule,
    qSlicerModuleFactoryManager,
    qSlicerModuleManager,
)
from Testing.bed.mrml_widgets.base import qMRMLWidget, qSlicerWidget
from Testing.bed.mrml_widgets.module_widget import (
    qSlicerAbstractModuleWidget,
    qSlicerScriptedLoadableModuleWidget,
)
from Testing.bed.mrml_widgets.node_combo_box import qMRMLCheckableNodeComboBox, qMRMLNodeComboBox
from Testing.bed.mrml_widgets.numbers import (
    qMRMLCollapsibleButton,
    qMRMLCoordinatesWidget,
    qMRMLRangeWidget,
    qMRMLSliderWidget,
    qMRMLSpinBox,
)
from Testing.bed.mrml_widgets.segments_table import qMRMLSegmentsTableView
from Testing.bed.mrml_widgets.show3d_button import qMRMLSegmentationShow3DButton
from Testing.bed.mrml_widgets.subject_hierarchy_views import (
    qMRMLSubjectHierarchyComboBox,
    qMRMLSubjectHierarchyTreeView,
)
from Testing.bed.mrml_widgets.terminology_navigator import qSlicerTerminologyNavigatorWidget
from Testing.bed.scripted_loader import qSlicerScriptedLoadableModule
from Testing.bed.segment_editor.editor_widget import qMRMLSegmentEditorWidget
from Testing.bed.segment_editor.effect import qSlicerSegmentEditorAbstractEffect
from Testing.bed.views.layout_manager import qSlicerLayoutManager
from Testing.bed.views.slice_view import qMRMLSliceView
from Testing.bed.views.slice_widget import qMRMLSliceControllerWidget, qMRMLSliceWidget
from Testing.bed.views.threed_widget import (
    qMRMLThreeDView,
    qMRMLThreeDViewControllerWidget,
    qMRMLThreeDWidget,
)

STAND_INS = (
    qSlicerApplication,
    qSlicerMainWindow,
    qSlicerModulePanel,
    qSlicerModuleSelectorToolBar,
    qSlicerAbstractModule,
    qSlicerLoadableModule,
    qSlicerModuleFactoryManager,
    qSlicerModuleManager,
    qSlicerScriptedLoadableModule,
    qSlicerLayoutManager,
    qMRMLSliceView,
    qMRMLSliceWidget,
    qMRMLSliceControllerWidget,
    qMRMLThreeDView,
    qMRMLThreeDWidget,
    qMRMLThreeDViewControllerWidget,
    qMRMLWidget,
    qSlicerWidget,
    qSlicerAbstractModuleWidget,
    qSlicerScriptedLoadableModuleWidget,
    qMRMLNodeComboBox,
    qMRMLCheckableNodeComboBox,
    qMRMLSegmentsTableView,
    qMRMLSegmentationShow3DButton,
    qMRMLSegmentEditorWidget,
    qSlicerSegmentEditorAbstractEffect,
    qMRMLCollapsibleButton,
    qMRMLCoordinatesWidget,
    qMRMLRangeWidget,
    qMRMLSliderWidget,
    qMRMLSpinBox,
    qMRMLSubjectHierarchyComboBox,
    qMRMLSubjectHierarchyTreeView,
    ctkDICOMDatabase,
    qSlicerTerminologyNavigatorWidget,
)


COMPILED_MODULES = (
    "qMRMLWidgetsPythonQt",
    "qSlicerBaseQTCorePythonQt",
    "qSlicerBaseQTGUIPythonQt",
    "qSlicerSegmentationsModuleWidgetsPythonQt",
    "qSlicerSubjectHierarchyModuleWidgetsPythonQt",
)


def register_stand_ins() -> None:
    """Register all, also under the names of Slicer's compiled modules; a second call changes nothing."""
    compiled = [types.ModuleType(name) for name in COMPILED_MODULES]
    for stand_in in STAND_INS:
        pythonqt.register(stand_in, slicer, *compiled)
    sys.modules.update({module.__name__: module for module in compiled})
