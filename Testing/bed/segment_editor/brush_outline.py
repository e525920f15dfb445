"""The circle at the mouse and the stroke being drawn, in a slice view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import vtk

CORNERS = 24
COLOR = (1.0, 0.9, 0.1)


class BrushOutline:
    """Two 2D actors of one view."""

    def __init__(self, view: Any) -> None:
        self._view = view
        self._circle, self._stroke = vtk.vtkPolyData(), vtk.vtkPolyData()
        self._actors = [self._actor(self._circle, 1.0), self._actor(self._stroke, 0.3)]

    def _actor(self, data: vtk.vtkPolyData, opacity: float) -> vtk.vtkActor2D:
        mapper, actor = vtk.vtkPolyDataMapper2D(), vtk.vtkActor2D()
        mapper.SetInputData(data)
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(*COLOR)
        actor.GetProperty().SetOpacity(opacity)
        actor.VisibilityOff()
        self._view.renderer().AddViewProp(actor)
        return actor

    def show(self, radius: float, point: Sequence[float], stroke: Sequence[Sequence[float]]) -> None:
        """Show the brush of a radius in mm at a point of the world, and the points of a stroke."""
        to_slice = self._view.mrmlSliceNode().GetXYToSlice()
        pixels = radius / np.linalg.norm([to_slice.GetElement(row, 1) for row in range(3)])
        discs = [self._view.convertRASToXYZ(item)[:2] for item in stroke]
        _set_circles(self._circle, [self._view.convertRASToXYZ(point)[:2]], pixels, filled=False)
        _set_circles(self._stroke, discs, pixels, filled=True)
        self._actors[0].VisibilityOn()
        self._actors[1].SetVisibility(bool(discs))
        self._view.scheduleRender()

    def hide(self) -> None:
        """Show nothing."""
        for actor in self._actors:
            actor.VisibilityOff()
        self._view.scheduleRender()

    def remove(self) -> None:
        """Take the actors out of the view."""
        for actor in self._actors:
            self._view.renderer().RemoveViewProp(actor)
        self._view.scheduleRender()


def _set_circles(data: vtk.vtkPolyData, centers: list[list[float]], radius: float, filled: bool) -> None:
    angles = np.arange(CORNERS) * 2 * np.pi / CORNERS
    ring = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
    for center in centers:
        ids = [points.InsertNextPoint(*corner, 0.0) for corner in ring + center]
        ids += [] if filled else ids[:1]
        cells.InsertNextCell(len(ids), ids)
    data.Initialize()
    data.SetPoints(points)
    (data.SetPolys if filled else data.SetLines)(cells)
