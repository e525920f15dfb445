"""Paint and Erase: brush strokes in slice views, applied when the mouse button is released."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6 import QtWidgets

from Testing.bed.ctk.numbers import ctkSliderWidget
from Testing.bed.segment_editor.brush import Brush, paint, stroke_points
from Testing.bed.segment_editor.brush_outline import BrushOutline
from Testing.bed.segment_editor.effect import qSlicerSegmentEditorAbstractEffect

WHEEL_FACTORS = {"MouseWheelForwardEvent": 1.2, "MouseWheelBackwardEvent": 0.8}
POINTS_PER_DIAMETER = 5


class PaintEffect(qSlicerSegmentEditorAbstractEffect):
    """Adds what the brush covers to the selected segment."""

    title_text = "Paint"
    help_text = "Paint with a round brush. Shift + mouse wheel: brush size."
    modes = (qSlicerSegmentEditorAbstractEffect.ModificationModeAdd,) * 2
    common_defaults = {
        "BrushMinimumAbsoluteDiameter": 0.01,
        "BrushMaximumAbsoluteDiameter": 100.0,
        "BrushAbsoluteDiameter": 5.0,
        "BrushRelativeDiameter": 3.0,
        "BrushDiameterIsRelative": 1,
        "BrushSphere": 0,
        "EditIn3DViews": 0,
        "BrushPixelMode": 0,
    }
    own_defaults = {"ColorSmudge": 0, "EraseAllSegments": 0}

    def __init__(self, name: str, logic: Any, parent: Any) -> None:
        super().__init__(name, logic, parent)
        self._points: list[np.ndarray] = []
        self._outlines: dict[Any, BrushOutline] = {}

    def fill_options(self, form: QtWidgets.QFormLayout) -> None:
        """Diameter in mm or as part of the screen's height, and the shape of the brush."""
        self._diameter = ctkSliderWidget()
        self._relative = QtWidgets.QCheckBox("relative to the screen")
        self._sphere = QtWidgets.QCheckBox("sphere brush")
        form.addRow("Diameter:", self._diameter)
        form.addRow("", self._relative)
        form.addRow("", self._sphere)
        self._diameter.valueChanged.connect(self._on_diameter)
        self._relative.toggled.connect(lambda on: self._on_flag("BrushDiameterIsRelative", on))
        self._sphere.toggled.connect(lambda on: self._on_flag("BrushSphere", on))

    def show_options(self) -> None:
        """The diameter has the unit that is chosen."""
        relative = bool(self.integerParameter("BrushDiameterIsRelative"))
        self._relative.setChecked(relative)
        self._sphere.setChecked(bool(self.integerParameter("BrushSphere")))
        self._diameter.suffix = " %" if relative else " mm"
        self._diameter.maximum = 30.0 if relative else 100.0
        self._diameter.value = self.doubleParameter(self._diameter_name())

    def _diameter_name(self) -> str:
        relative = self.integerParameter("BrushDiameterIsRelative")
        return "BrushRelativeDiameter" if relative else "BrushAbsoluteDiameter"

    def _on_diameter(self, value: float) -> None:
        if not self._updating:
            self.setCommonParameter(self._diameter_name(), value)

    def _on_flag(self, name: str, on: bool) -> None:
        if not self._updating:
            self.setCommonParameter(name, int(on))
            self.update_options()

    def deactivate(self) -> None:
        """Take the outlines out of the views; a stroke that was not finished is dropped."""
        self._points.clear()
        for outline in self._outlines.values():
            outline.remove()
        self._outlines.clear()

    def brush(self, widget: Any) -> Brush:
        """The brush in a slice view; a relative diameter becomes an absolute one here."""
        node = widget.mrmlSliceNode()
        to_slice, to_ras = node.GetXYToSlice(), node.GetSliceToRAS()
        if self.integerParameter("BrushDiameterIsRelative"):
            mm_per_pixel = np.linalg.norm([to_slice.GetElement(row, 1) for row in range(3)])
            height = widget.sliceView().renderWindow().GetScreenSize()[1]
            diameter = self.doubleParameter("BrushRelativeDiameter") / 100 * height * mm_per_pixel
            self.setCommonParameter("BrushAbsoluteDiameter", diameter)
        normal = tuple(to_ras.GetElement(row, 2) for row in range(3))
        thickness = None if self.integerParameter("BrushSphere") else self._logic.GetSliceSpacing(node) / 2
        return Brush(self.doubleParameter("BrushAbsoluteDiameter") / 2, normal, thickness)

    def process_interaction(self, event: str, interactor: Any, widget: Any) -> bool:
        """Left button and mouse moves draw a stroke; shift and the wheel change the brush."""
        if event in WHEEL_FACTORS and interactor.GetShiftKey():
            name = self._diameter_name()
            self.setCommonParameter(name, self.doubleParameter(name) * WHEEL_FACTORS[event])
            self.update_options()
            return True
        view = widget.sliceView()
        point = view.convertXYZToRAS(view.convertDeviceToXYZ(interactor.GetEventPosition()))
        modifiers = interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey()
        painting = bool(self._points)
        if event == "LeftButtonPressEvent" and not modifiers:
            self._points = stroke_points(None, point, 1.0)
            painting = True
        elif event == "MouseMoveEvent" and painting:
            self._add(point, widget)
        elif event == "LeftButtonReleaseEvent" and painting:
            self._add(point, widget)
            self.paintApply(widget)
        self._show_outline(event, point, widget)
        return painting

    def _add(self, point: list[float], widget: Any) -> None:
        step = max(self.brush(widget).radius * 2 / POINTS_PER_DIAMETER, 0.01)
        self._points += stroke_points(self._points[-1], point, step)

    def _show_outline(self, event: str, point: list[float], widget: Any) -> None:
        if widget not in self._outlines:
            self._outlines[widget] = BrushOutline(widget.sliceView())
        if event == "LeaveEvent":
            self._outlines[widget].hide()
        else:
            self._outlines[widget].show(self.brush(widget).radius, point, self._points)

    def paintApply(self, widget: Any) -> None:
        """Change the segment by the stroke; one step for undo."""
        points, self._points = self._points, []
        labelmap = self.defaultModifierLabelmap()
        if labelmap is None or not self.parameterSetNode().GetSelectedSegmentID():
            return
        self.saveStateForUndo()
        paint(labelmap, self.parameterSetNode().GetSegmentationNode(), self.brush(widget), points)
        mode = self.modes[self.integerParameter("EraseAllSegments")]
        self.modifySelectedSegmentByLabelmap(labelmap, mode)


class EraseEffect(PaintEffect):
    """Removes what the brush covers from the selected segment, or from all."""

    title_text = "Erase"
    help_text = "Erase with a round brush. Shift + mouse wheel: brush size."
    modes = (
        qSlicerSegmentEditorAbstractEffect.ModificationModeRemove,
        qSlicerSegmentEditorAbstractEffect.ModificationModeRemoveAll,
    )

    def fill_options(self, form: QtWidgets.QFormLayout) -> None:
        """As for Paint, and whether all segments are erased."""
        super().fill_options(form)
        self._all = QtWidgets.QCheckBox("erase all segments")
        self._all.toggled.connect(self._on_all)
        form.addRow("", self._all)

    def show_options(self) -> None:
        super().show_options()
        self._all.setChecked(bool(self.integerParameter("EraseAllSegments")))

    def _on_all(self, on: bool) -> None:
        if not self._updating:
            self.setParameter("EraseAllSegments", int(on))
