"""A scripted module for the tests of the bed, written as modules for Slicer are."""

from enum import Enum
from typing import Annotated

import qt
import slicer
import vtk
from BedSampleLib.counting import countVoxels
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class Mode(Enum):
    Above = "above"
    Below = "below"


@parameterNodeWrapper
class BedSampleParameterNode:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0, 200)] = 80.0
    title: str = "voxels"
    active: bool = True
    mode: Mode = Mode.Above


class BedSample(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Bed sample")
        parent.categories = ["Testing"]
        parent.helpText = _("Counts voxels.")


class BedSampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.calls = []
        self.parameterNode = None
        self.guiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/BedSample.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = BedSampleLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.countButton.connect("clicked(bool)", self.onCount)
        self.initializeParameterNode()
        self.calls.append("setup")

    def cleanup(self):
        self.calls.append("cleanup")
        self.removeObservers()

    def enter(self):
        self.calls.append("enter")
        self.initializeParameterNode()

    def exit(self):
        self.calls.append("exit")
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        if self.parameterNode:
            self.parameterNode.disconnectGui(self.guiTag)
            self.removeObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self.checkCanCount)
        self.parameterNode = parameterNode
        if self.parameterNode:
            self.guiTag = self.parameterNode.connectGui(self.ui)
            self.addObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self.checkCanCount)
            self.checkCanCount()

    def checkCanCount(self, caller=None, event=None):
        self.ui.countButton.enabled = self.parameterNode.inputVolume is not None

    def onCount(self):
        with slicer.util.tryWithErrorDisplay(_("Counting failed.")):
            count = self.logic.count(self.parameterNode)
            self.ui.result.text = _("{count} {title}").format(count=count, title=self.parameterNode.title)
            qt.QSettings().setValue("BedSample/LastCount", count)


class BedSampleLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return BedSampleParameterNode(super().getParameterNode())

    def count(self, parameterNode):
        array = slicer.util.arrayFromVolume(parameterNode.inputVolume)
        return countVoxels(array, parameterNode.threshold, parameterNode.mode == Mode.Above)


class BedSampleTest(ScriptedLoadableModuleTest):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_count(self):
        import numpy as np

        node = slicer.util.addVolumeFromArray(np.full((2, 3, 4), 90, np.uint8))
        parameterNode = BedSampleLogic().getParameterNode()
        parameterNode.inputVolume = node
        self.assertEqual(BedSampleLogic().count(parameterNode), 24)
