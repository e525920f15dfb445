"""A 3D view with its controller bar."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from Testing.bed.views.displayable_managers import managers_for_3d
from Testing.bed.views.render_widget import ctkVTKAbstractView
from Testing.bed.views.view_bar import ViewBar


class qMRMLThreeDView(ctkVTKAbstractView):
    """Shows one view node with the displayable managers of 3D views."""

    def __init__(self, application_logic: Any, node: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node = node
        self._renderer.GradientBackgroundOn()
        self._managers = managers_for_3d(self._renderer)
        self._logic = application_logic.GetViewLogic(node) or self._new_logic(application_logic, node)
        self._managers.SetMRMLDisplayableNode(node)
        self.interactor().SetInteractorStyle(vtk.vtkInteractorStyle3D())
        self._style = slicer.vtkMRMLThreeDViewInteractorStyle()
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(self.interactor())
        self._managers.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender())
        self.start_interaction()

    def _new_logic(self, application_logic: Any, node: Any) -> Any:
        logic = slicer.vtkMRMLViewLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetViewLogics().AddItem(logic)
        logic.SetMRMLScene(node.GetScene())
        logic.AddViewNode(node.GetLayoutName())
        return logic

    def mrmlViewNode(self) -> Any:
        return self._node

    def cameraNode(self) -> Any:
        return slicer.modules.cameras.logic().GetViewActiveCameraNode(self._node)

    def interactorObserver(self) -> Any:
        return self._style

    def displayableManagerByClassName(self, name: str) -> Any:
        return self._managers.GetDisplayableManagerByClassName(name)

    @QtCore.Slot()
    def resetFocalPoint(self) -> None:
        """Look at the center of what is shown; box and axis labels do not count."""
        boxes = self._node.GetBoxVisible(), self._node.GetAxisLabelsVisible()
        self._node.SetBoxVisible(False)
        self._node.SetAxisLabelsVisible(False)
        self._renderer.ResetCamera()
        self._node.SetBoxVisible(boxes[0])
        self._node.SetAxisLabelsVisible(boxes[1])
        self._node.InvokeEvent(slicer.vtkMRMLViewNode.ResetFocalPointRequestedEvent)
        self._renderer.ResetCameraClippingRange()
        self.scheduleRender()

    @QtCore.Slot()
    def resetCamera(self, rotation: bool = True, translation: bool = True, distance: bool = True) -> None:
        """Bring the camera back to where all is seen."""
        camera = self.cameraNode()
        if camera is not None:
            camera.Reset(rotation, translation, distance, self._renderer)


class qMRMLThreeDViewControllerWidget(ViewBar):
    """The bar above a 3D view."""

    def __init__(self, view: qMRMLThreeDView, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(view.mrmlViewNode(), parent)
        self._view = view
        self.layout().addStretch(1)

    @QtCore.Slot()
    def resetFocalPoint(self) -> None:
        """Look at the center of what is shown."""
        self._view.resetFocalPoint()


class qMRMLThreeDWidget(QtWidgets.QFrame):
    """A 3D view below its controller."""

    def __init__(self, application_logic: Any, node: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, objectName=f"ThreeDWidget{node.GetLayoutName()}")
        self._view = qMRMLThreeDView(application_logic, node, self)
        self._controller = qMRMLThreeDViewControllerWidget(self._view, self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._controller)
        layout.addWidget(self._view, 1)

    def inner_view(self) -> qMRMLThreeDView:
        """The view itself."""
        return self._view

    def threeDView(self) -> qMRMLThreeDView:
        return self._view

    def viewWidget(self) -> qMRMLThreeDView:
        return self._view

    def threeDController(self) -> qMRMLThreeDViewControllerWidget:
        return self._controller

    def mrmlViewNode(self) -> Any:
        return self._view.mrmlViewNode()
