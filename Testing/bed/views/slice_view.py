"""A slice view: vtkMRMLSliceLogic's image, the displayable managers above it, MRML's interactor style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.mrml_widgets.observations import Observations
from Testing.bed.views.displayable_managers import managers_for_slices
from Testing.bed.views.render_widget import ctkVTKAbstractView


class qMRMLSliceView(ctkVTKAbstractView):
    """Shows one slice node. The light box of CTK is replaced by one image mapper."""

    def __init__(self, application_logic: Any, node: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node = node
        self._style: Any = None
        self._add_image_actor()
        self._managers = managers_for_slices(self._renderer)
        self._logic = self._start_logic(application_logic, node)
        self._managers.SetMRMLDisplayableNode(node)
        self.interactor().SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(self._logic)
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(self.interactor())
        self._managers.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender())
        self._observations = Observations(self)
        scene = node.GetScene()
        self._observations.add(scene, scene.EndBatchProcessEvent, self._renew_soon)
        self.start_interaction()
        self._on_logic_modified()

    def _add_image_actor(self) -> None:
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self._actor.VisibilityOff()
        self._renderer.AddViewProp(self._actor)

    def _start_logic(self, application_logic: Any, node: Any) -> Any:
        logic = application_logic.GetSliceLogic(node)
        if logic is None:
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(application_logic)
            application_logic.GetSliceLogics().AddItem(logic)
            logic.SetMRMLScene(node.GetScene())
            logic.SetSliceNode(node)
        logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_logic_modified)
        return logic

    def _on_logic_modified(self, *_: Any) -> None:
        connection = self._logic.GetImageDataConnection()
        self._mapper.SetInputConnection(connection)
        self._actor.SetVisibility(connection is not None)
        self.scheduleRender()

    def slice_logic(self) -> Any:
        """The slice logic."""
        return self._logic

    def fit_size(self) -> None:
        """Tell the slice node how many pixels the view has."""
        self._logic.ResizeSliceNode(*self.renderWindow().GetSize())
        self.scheduleRender()

    def _renew_soon(self) -> None:
        """After all who hear of the end of a batch: the order of observers is that of their creation."""
        QtCore.QTimer.singleShot(0, self, self._renew)

    def _renew(self) -> None:
        """Set the view anew after a scene was loaded or closed, as qMRMLSliceWidget does.

        Displayable managers only note that something is new; they draw it when their slice node changes.
        """
        self.fit_size()
        self._node.Modified()

    def release_window(self) -> None:
        """Give the render window back; the scene may still be closed after that."""
        self._observations.clear()
        super().release_window()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        QtCore.QTimer.singleShot(0, self, self.fit_size)

    def mrmlSliceNode(self) -> Any:
        return self._node

    def sliceViewInteractorStyle(self) -> Any:
        return self._style

    def interactorObserver(self) -> Any:
        return self._style

    def displayableManagerByClassName(self, name: str) -> Any:
        return self._managers.GetDisplayableManagerByClassName(name)

    def convertDeviceToXYZ(self, xy: Sequence[int]) -> list[float]:
        """Pixels from the lower left corner to slice coordinates; there is one light box cell."""
        return [float(xy[0]), float(xy[1]), 0.0]

    def convertXYZToRAS(self, xyz: Sequence[float]) -> list[float]:
        """Slice coordinates to world coordinates in mm."""
        return list(self._node.GetXYToRAS().MultiplyPoint((*xyz, 1.0))[:3])

    def convertRASToXYZ(self, ras: Sequence[float]) -> list[float]:
        """World coordinates in mm to slice coordinates."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._node.GetXYToRAS(), inverse)
        return list(inverse.MultiplyPoint((*ras, 1.0))[:3])
