"""Drawing by hand: strokes of the mouse in the axial view, where given voxels are."""

from __future__ import annotations

import numpy as np
from PySide6 import QtWidgets

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events
from Testing.gui.window import Window

NAME_COLUMN = 2
ROW_STEP = 2  # voxels between the rows of a stroke
BRUSH = 2.4  # millimeters; covers the rows between


class Hand:
    """Draws in the open case. Volumes must have axial slices, voxels of about 1 mm and no rotation."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._slice = window.bed.layoutManager.sliceWidget("Red")
        self._area = self._slice.sliceView().VTKWidget()

    def choose(self, effect: str, value: int) -> None:
        """Click the segment of a class, then the effect."""
        window = self._window
        editor = unwrap(window.annotate.host.editor)
        table = editor.findChild(QtWidgets.QTableWidget, "SegmentsTable")
        row = [item.value for item in window.session.cohort.classes].index(value)
        window.user.click_cell(table, row, NAME_COLUMN)
        window.user.click(editor.findChild(QtWidgets.QToolButton, effect))
        active = window.annotate.host.editor.activeEffect()
        active.setCommonParameter("BrushDiameterIsRelative", 0)
        active.setCommonParameter("BrushAbsoluteDiameter", BRUSH)

    def draw(self, voxels: np.ndarray) -> int:
        """One stroke in each axial slice that has voxels (z, y, x); gives how many strokes."""
        slices = np.flatnonzero(voxels.any(axis=(1, 2)))
        for k in slices:
            self.go_to_slice(int(k))
            self._window.user.drag(self._area, [self._pixel(i, j, int(k)) for i, j in rows_of(voxels[k])])
        return len(slices)

    def go_to_slice(self, k: int) -> None:
        """Turn the wheel until the slice is shown."""
        wanted = self._ras(0, 0, k)[2]
        for _turn in range(3):
            node, logic = self._slice.mrmlSliceNode(), self._slice.sliceLogic()
            steps = round((wanted - node.GetSliceOffset()) / logic.GetLowestVolumeSliceSpacing()[2])
            if steps == 0:
                return
            self._window.user.wheel(self._area, steps)
            process_events()
        raise AssertionError(f"The wheel did not bring slice {k}.")

    def _pixel(self, i: int, j: int, k: int) -> tuple[int, int]:
        """Where a voxel is in the view, in pixels from its upper left corner."""
        import vtk

        to_view = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._slice.mrmlSliceNode().GetXYToRAS(), to_view)
        x, y, _, _ = to_view.MultiplyPoint((*self._ras(i, j, k), 1.0))
        return round(x), self._area.height() - 1 - round(y)

    def _ras(self, i: int, j: int, k: int) -> tuple[float, float, float]:
        import vtk

        to_ras = vtk.vtkMatrix4x4()
        self._window.session.case.volumeNode.GetIJKToRASMatrix(to_ras)
        return to_ras.MultiplyPoint((i, j, k, 1.0))[:3]


def rows_of(area: np.ndarray) -> list[tuple[int, int]]:
    """A path (i, j) over the voxels of a slice (y, x): to and fro, a row and the next but one."""
    path: list[tuple[int, int]] = []
    for number, j in enumerate(np.flatnonzero(area.any(axis=1))[::ROW_STEP]):
        inside = np.flatnonzero(area[j])
        ends = [(int(inside[0]), int(j)), (int(inside[-1]), int(j))]
        path += ends if number % 2 == 0 else ends[::-1]
    return path
