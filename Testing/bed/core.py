"""Slicer's scene and module logics out of slicer-core, started as the application does it. No Qt here."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import slicer
import vtk

from Testing.bed import terminology_files

# Module name and class of its logic, in the order in which Slicer would start them.
MODULE_LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Data": "vtkSlicerDataModuleLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Sequences": "vtkSlicerSequencesLogic",
}


class SlicerCore:
    """One scene with its logics; `slicer.mrmlScene` is this scene while the application runs."""

    _retired: ClassVar[list[SlicerCore]] = []

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slicer-bed-"))
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self.application_logic = self._start_application_logic()
        self.logics: dict[str, Any] = {"Colors": self.application_logic.GetColorLogic()}
        self.application_logic.SetModuleLogic("Colors", self.logics["Colors"])
        for name, class_name in MODULE_LOGICS.items():
            self._start_logic(name, class_name)
        self.layout_logic = self._start_layout_logic()
        self._start_remote_io()
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self.scene)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)

    def _start_application_logic(self) -> Any:
        """Colors, selection, interaction, crosshair; the factories of displayable managers know the logic."""
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        logic = slicer.vtkSlicerApplicationLogic()
        logic.SetTemporaryPath(str(self.folder))
        logic.SetMRMLScene(self.scene)
        logic.GetColorLogic().SetMRMLScene(self.scene)
        logic.GetColorLogic().AddDefaultColorNodes()
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(logic)
        slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(logic)
        return logic

    def _start_logic(self, name: str, class_name: str) -> None:
        logic = getattr(slicer, class_name)()
        if name == "Terminologies":
            logic.SetModuleShareDirectory(str(terminology_files.write(self.folder / "Terminologies")))
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        self.application_logic.SetModuleLogic(name, logic)
        self.logics[name] = logic

    def _start_layout_logic(self) -> Any:
        """Slicer's own layout logic: it holds the descriptions of all layouts and makes their view nodes."""
        logic = slicer.vtkMRMLLayoutLogic()
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        return logic

    def _start_remote_io(self) -> None:
        """Reading an MRB needs a cache folder, although nothing is remote."""
        cache = self.folder / "RemoteIO"
        cache.mkdir()
        self.remote_io = slicer.vtkMRMLRemoteIOLogic()
        self.remote_io.SetMRMLApplicationLogic(self.application_logic)
        self.remote_io.SetMRMLScene(self.scene)
        self.remote_io.GetCacheManager().SetRemoteCacheDirectory(str(cache))
        self.data_io = slicer.vtkDataIOManagerLogic()
        self.data_io.SetMRMLApplicationLogic(self.application_logic)
        self.data_io.SetMRMLScene(self.scene)
        self.data_io.SetAndObserveDataIOManager(self.remote_io.GetDataIOManager())
        self.remote_io.AddDataIOToScene()

    def retire(self) -> None:
        """Empty the scene and remove the temporary folder. The objects stay until the process ends.

        Slicer has one scene per process; taking the logics of a second one away from it crashes.
        """
        self.scene.Clear(0)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._retired.append(self)
