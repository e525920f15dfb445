"""A slice view with its controller bar, as qMRMLSliceWidget has them."""

from __future__ import annotations

from typing import Any

import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.views.slice_view import qMRMLSliceView
from Testing.bed.views.view_bar import ViewBar

STEPS_PER_MM = 100


class qMRMLSliceControllerWidget(ViewBar):
    """The bar above a slice view: the view's letter and color, the offset slider with its value in mm."""

    def __init__(self, view: qMRMLSliceView, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(view.mrmlSliceNode(), parent)
        self._view = view
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, objectName="SliceOffsetSlider")
        self._slider.valueChanged.connect(lambda value: self.setSliceOffsetValue(value / STEPS_PER_MM))
        self._value = QtWidgets.QLabel(
            "0.0 mm", minimumWidth=70, alignment=QtCore.Qt.AlignmentFlag.AlignRight
        )
        self.layout().addWidget(self._slider, 1)
        self.layout().addWidget(self._value)
        view.slice_logic().AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show_offset())

    def _show_offset(self) -> None:
        """Slider and text follow the slice node; the range is that of the volumes shown."""
        logic = self._view.slice_logic()
        bounds, spacing = [0.0] * 6, logic.GetLowestVolumeSliceSpacing()
        logic.GetLowestVolumeSliceBounds(bounds)
        offset = logic.GetSliceOffset()
        with QtCore.QSignalBlocker(self._slider):
            self._slider.setSingleStep(max(1, round(spacing[2] * STEPS_PER_MM)))
            self._slider.setRange(round(bounds[4] * STEPS_PER_MM), round(bounds[5] * STEPS_PER_MM))
            self._slider.setValue(round(offset * STEPS_PER_MM))
        self._value.setText(f"{offset:.1f} mm")

    def sliceLogic(self) -> Any:
        return self._view.slice_logic()

    def mrmlSliceNode(self) -> Any:
        return self._view.mrmlSliceNode()

    @QtCore.Slot()
    def fitSliceToBackground(self) -> None:
        """Zoom and center so that the background volume fills the view."""
        self._view.fit_size()
        self._view.slice_logic().FitSliceToBackground()
        self._view.mrmlSliceNode().UpdateMatrices()

    @QtCore.Slot(bool)
    def setSliceVisible(self, visible: bool) -> None:
        """Show the slice in the 3D views."""
        self._view.mrmlSliceNode().SetSliceVisible(visible)

    @QtCore.Slot(float)
    def setSliceOffsetValue(self, offset: float) -> None:
        """Move to an offset in mm along the slice normal."""
        logic = self._view.slice_logic()
        logic.StartSliceOffsetInteraction()
        logic.SetSliceOffset(offset)
        logic.EndSliceOffsetInteraction()

    @QtCore.Slot(bool)
    def setSliceLink(self, linked: bool) -> None:
        """Link the views, so that they change together."""
        self._view.slice_logic().GetSliceCompositeNode().SetLinkedControl(linked)


class qMRMLSliceWidget(QtWidgets.QFrame):
    """A slice view below its controller."""

    def __init__(self, application_logic: Any, node: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, objectName=f"qMRMLSliceWidget{node.GetLayoutName()}")
        self._view = qMRMLSliceView(application_logic, node, self)
        self._controller = qMRMLSliceControllerWidget(self._view, self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._controller)
        layout.addWidget(self._view, 1)

    sliceViewName = QtCore.Property(str, lambda self: self._view.mrmlSliceNode().GetLayoutName())
    sliceViewLabel = QtCore.Property(str, lambda self: self._view.mrmlSliceNode().GetLayoutLabel())
    sliceOrientation = QtCore.Property(
        str,
        lambda self: self._view.mrmlSliceNode().GetOrientation(),
        lambda self, name: self._view.mrmlSliceNode().SetOrientation(name),
    )

    def inner_view(self) -> qMRMLSliceView:
        """The view itself."""
        return self._view

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def viewWidget(self) -> qMRMLSliceView:
        return self._view

    def sliceController(self) -> qMRMLSliceControllerWidget:
        return self._controller

    def sliceLogic(self) -> Any:
        return self._view.slice_logic()

    def mrmlSliceNode(self) -> Any:
        return self._view.mrmlSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._view.slice_logic().GetSliceCompositeNode()

    def interactorStyle(self) -> Any:
        return self._view.sliceViewInteractorStyle()

    @QtCore.Slot()
    def fitSliceToBackground(self) -> None:
        """Zoom and center so that the background volume fills the view."""
        self._controller.fitSliceToBackground()

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        QtCore.QTimer.singleShot(0, self._view, self._view.fit_size)
