"""CFRSegment: a segmentation network from one to a few labeled volumes. The module as 3D Slicer loads it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from CFRSegmentLib.cohort import Case, Cohort, CohortError, SegmentClass, Status
from CFRSegmentLib.panels.close_guard import CloseGuard
from CFRSegmentLib.panels.scene_volumes import addSceneVolume
from CFRSegmentLib.panels.sections import Sections
from CFRSegmentLib.panels.segmenting import segmentNow
from CFRSegmentLib.panels.session import Session
from CFRSegmentLib.panels.ui_files import resource
from CFRSegmentLib.panels.unsaved_guard import askAboutEdits
from CFRSegmentLib.parameters import CFRSegmentParameterNode
from CFRSegmentLib.scene import SaveReport

SAMPLES = "https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/"
BRAIN_1 = "998cb522173839c78657f4bc0ea907cea09fd04e44601f17c82ea27927937b95"
BRAIN_2 = "1a64f3f422eb3d1c9b093d1a18da354b13bcf307907c66317e2463ee530b7a97"


class CFRSegment(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CFRSegment")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Terminologies"]
        parent.contributors = ["CFRSegment maintainers"]
        parent.helpText = _(
            "Label one to a few volumes, train in the background, review the pseudo-labels of the others, "
            "and segment new volumes with one click. Nothing leaves this computer. For research, not a "
            "medical device."
        )
        parent.acknowledgementText = _(
            "Follows CFR: Concatenate, Fine-tune, Re-train. Uses Segment Anything (Apache License 2.0) where "
            "its weights are installed, MONAI, PyTorch and SimpleITK."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Offer two MR volumes of Slicer's own sample data under the name of this module."""
    import SampleData

    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    register(
        category="CFRSegment",
        sampleName="CFRSegmentBrainPair",
        thumbnailFileName=resource("Icons/CFRSegment.png"),
        uris=[SAMPLES + BRAIN_1, SAMPLES + BRAIN_2],
        fileNames=["RegLib_C01_1.nrrd", "RegLib_C01_2.nrrd"],
        nodeNames=["BrainMR1", "BrainMR2"],
        checksums=[f"SHA256:{BRAIN_1}", f"SHA256:{BRAIN_2}"],
    )


class CFRSegmentWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The window of the module: five sections over one session."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._isShown = False

    def setup(self) -> None:
        """Called when the module is opened for the first time. Installs, downloads and imports nothing."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/CFRSegment.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = CFRSegmentLogic()
        self.session = self.logic.session
        self.session.case.ask = askAboutEdits
        self._closeGuard = CloseGuard(self.session.closeQuestions)
        self.sections = Sections(self.ui, self.session)
        self.sections.setup()
        self.session.inView.start()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the module is unloaded, at the end of the application or before a reload."""
        self.removeObservers()
        self._closeGuard.remove()
        self.session.setParameters(None)
        self.sections.tell("cleanup")
        self.session.cleanup()

    def enter(self) -> None:
        """Called each time the module is shown."""
        self._isShown = True
        self.initializeParameterNode()
        self.sections.tell("enter")

    def exit(self) -> None:
        """Called each time another module is shown. Unsaved edits stay as they are, in the scene."""
        self._isShown = False
        self.sections.tell("exit")

    def onSceneStartClose(self, _caller: object, _event: object) -> None:
        """Called before the scene is emptied, which cannot be stopped: edits are saved now or never."""
        shown = slicer.util.tryWithErrorDisplay(_("The label could not be saved."))  # which raises it again
        with suppress(CohortError), shown:
            self.session.case.leave(canStay=False)
        self.session.case.forget()
        self.session.setParameters(None)

    def onSceneEndClose(self, _caller: object, _event: object) -> None:
        """Called after the scene was emptied; the cohort stays open."""
        if self._isShown:
            self.initializeParameterNode()

    def onSceneEndImport(self, _caller: object, _event: object) -> None:
        """Called after a scene was loaded: its state is shown."""
        self.session.setParameters(None)
        self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Take over the state of the scene, made where there is none."""
        if self.session.parameters is None:
            self.session.setParameters(self.logic.getParameterNode())

    def onReload(self) -> None:
        """Developers: the library is read again, too."""
        for name in [name for name in sys.modules if name.split(".")[0] == "CFRSegmentLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class CFRSegmentLogic(ScriptedLoadableModuleLogic):
    """The module for scripts, without its window.

        logic = CFRSegmentLogic()
        logic.createCohort(folder, "Left atrium", [SegmentClass(1, "left atrium", (200, 60, 60))])
        case = logic.addVolume(volumeNode)
        segmentationNode = logic.openCase(case.id)     # draw into it
        logic.saveLabel()

    Each method raises CohortError, which says what happened and what to do.
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.session = Session()

    def getParameterNode(self) -> CFRSegmentParameterNode:
        """The state of the module in the scene."""
        return CFRSegmentParameterNode(super().getParameterNode())

    def createCohort(self, folder: Path | str, name: str, classes: Sequence[SegmentClass]) -> Cohort | None:
        """Make and open a cohort; None while a label with unsaved edits is open."""
        return self.session.createCohort(Path(folder), name, classes)

    def openCohort(self, folder: Path | str) -> Cohort | None:
        """Open a cohort; None while a label with unsaved edits is open."""
        return self.session.openCohort(Path(folder))

    def addVolume(self, volumeNode: slicer.vtkMRMLScalarVolumeNode, title: str = "") -> Case:
        """Make a volume of the scene a case of the open cohort; the same volume twice is one case."""
        return addSceneVolume(self.session.requireCohort(), volumeNode, title)

    def openCase(self, caseId: str) -> slicer.vtkMRMLSegmentationNode | None:
        """Show a case; gives its segmentation, None while another one has unsaved edits."""
        return self.session.case.segmentationNode if self.session.case.open(caseId) else None

    def saveLabel(self) -> SaveReport:
        """Save the label of the open case."""
        return self.session.case.save()

    def segmentVolume(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, model: Path | str, device: str = "auto"
    ) -> slicer.vtkMRMLSegmentationNode:
        """Segment a volume with a model file; returns when it is done."""
        return segmentNow(self.session, volumeNode, Path(model), device)


class CFRSegmentTest(ScriptedLoadableModuleTest):
    """Slicer's own self test (Reload and Test): a small cohort, without network and without PyTorch."""

    def setUp(self) -> None:
        """An empty scene and a cohort with two classes in a temporary folder."""
        slicer.mrmlScene.Clear()
        self._folder = tempfile.TemporaryDirectory(prefix="CFRSegment", ignore_cleanup_errors=True)
        self._logic = CFRSegmentLogic()
        classes = [SegmentClass(1, "large", (220, 60, 60)), SegmentClass(4, "small", (60, 120, 220))]
        self._cohort = self._logic.createCohort(Path(self._folder.name) / "cohort", "Boxes", classes)

    def tearDown(self) -> None:
        """Leave nothing behind."""
        self._logic.session.cleanup()
        slicer.mrmlScene.Clear()
        self._folder.cleanup()

    def test_aLabelIsSavedAndReadBackVoxelForVoxel(self) -> None:
        """The label of one class reloads identical; the other class stays empty."""
        case = self._logic.addVolume(_box())
        drawn = np.zeros((8, 12, 10), np.uint8)
        drawn[2:5, 3:9, 2:7] = 1
        node = self._logic.openCase(case.id)
        slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, node, "class_1", self._volume())
        self.assertTrue(self._logic.session.case.isModified)
        report = self._logic.saveLabel()
        self.assertEqual(report.voxels, {"large": 90, "small": 0})
        self.assertIs(self._cohort.case(case.id).status, Status.LABELED)
        self._logic.session.case.close()
        node = self._logic.openCase(case.id)
        found = slicer.util.arrayFromSegmentBinaryLabelmap(node, "class_1", self._volume())
        self.assertTrue(np.array_equal(found, drawn))

    def test_theSameVolumeTwiceIsOneCase(self) -> None:
        """A volume of the scene is known again."""
        volumeNode = _box()
        self.assertEqual(self._logic.addVolume(volumeNode).id, self._logic.addVolume(volumeNode).id)
        self.assertEqual(len(self._cohort.cases()), 1)

    def test_nothingHeavyIsImported(self) -> None:
        """PyTorch belongs to the engine's process."""
        self.assertNotIn("torch", sys.modules)

    def _volume(self) -> slicer.vtkMRMLScalarVolumeNode:
        return self._logic.session.case.volumeNode


def _box() -> slicer.vtkMRMLScalarVolumeNode:
    """A volume with a bright box in it, 10 x 12 x 8 voxels."""
    voxels = np.zeros((8, 12, 10), np.int16)
    voxels[2:5, 3:9, 2:7] = 100
    return slicer.util.addVolumeFromArray(voxels, name="box")
