"""A Qt widget with a VTK render window whose renderings are coalesced."""

from __future__ import annotations

from typing import Any

import shiboken6
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtkmodules.qt.QVTKRenderWindowInteractor import QVTKRenderWindowInteractor

LONGEST_DELAY_MS = 15


class _InteractorWidget(QVTKRenderWindowInteractor):
    """VTK's widget; it changes its cursor a turn of the event loop later, and may be gone by then."""

    def ShowCursor(self) -> None:
        """Show the cursor that VTK has set."""
        if shiboken6.isValid(self):
            super().ShowCursor()


class ctkVTKAbstractView(QtWidgets.QWidget):
    """What slice and 3D views share: render window, interactor, renderer, one rendering per 15 ms."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._vtk_widget = _InteractorWidget(self)
        self._vtk_widget.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._vtk_widget)
        self._renderer = vtk.vtkRenderer()
        self.renderWindow().AddRenderer(self._renderer)
        self._paused = 0
        self._wanted_while_paused = False
        self._timer = QtCore.QTimer(self, singleShot=True, interval=LONGEST_DELAY_MS)
        self._timer.timeout.connect(self.forceRender)

    def start_interaction(self) -> None:
        """Let the interactor receive events; the interactor style must be in place."""
        self._vtk_widget.Initialize()

    def VTKWidget(self) -> QtWidgets.QWidget:
        return self._vtk_widget

    def renderWindow(self) -> Any:
        return self._vtk_widget.GetRenderWindow()

    def interactor(self) -> Any:
        return self.renderWindow().GetInteractor()

    def renderer(self) -> Any:
        return self._renderer

    @QtCore.Slot()
    def scheduleRender(self) -> None:
        """Render soon; calls until then ask for the same rendering."""
        if self._paused:
            self._wanted_while_paused = True
        elif not self._timer.isActive():
            self._timer.start()

    @QtCore.Slot()
    def forceRender(self) -> None:
        """Render now, unless the view is hidden."""
        self._timer.stop()
        if self._vtk_widget.isVisible():
            self.renderWindow().Render()

    def pauseRender(self) -> None:
        """Do not render until `resumeRender` was called as often."""
        self._paused += 1

    def resumeRender(self) -> None:
        """End one `pauseRender`; what was asked for meanwhile is rendered."""
        self._paused = max(0, self._paused - 1)
        if not self._paused and self._wanted_while_paused:
            self._wanted_while_paused = False
            self.scheduleRender()

    def setViewCursor(self, cursor: QtGui.QCursor) -> None:
        self._vtk_widget.setCursor(cursor)

    def unsetViewCursor(self) -> None:
        self._vtk_widget.unsetCursor()

    def release_window(self) -> None:
        """Give the render window back before the widget is deleted."""
        self._timer.stop()
        self._paused += 1
        self._vtk_widget.Finalize()
