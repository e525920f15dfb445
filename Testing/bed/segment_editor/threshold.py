"""Threshold: the segment becomes what lies between two intensities of the source volume."""

from __future__ import annotations

import vtk
from PySide6 import QtWidgets

from Testing.bed.ctk.ranges import ctkRangeWidget
from Testing.bed.segment_editor.effect import qSlicerSegmentEditorAbstractEffect


class ThresholdEffect(qSlicerSegmentEditorAbstractEffect):
    """Sets the selected segment, or the mask that other effects respect."""

    title_text = "Threshold"
    help_text = "Fill the segment by an intensity range of the source volume, or edit only inside the range."
    own_defaults = {"MinimumThreshold": 0.0, "MaximumThreshold": 0.0}

    def fill_options(self, form: QtWidgets.QFormLayout) -> None:
        """The range and its two uses."""
        self._range = ctkRangeWidget()
        self._apply = QtWidgets.QPushButton("Apply", objectName="ApplyButton")
        self._mask = QtWidgets.QPushButton("Use for masking", objectName="UseForPaintButton")
        form.addRow("Range:", self._range)
        form.addRow(self._mask)
        form.addRow(self._apply)
        self._range.valuesChanged.connect(self._on_range)
        self._apply.clicked.connect(self.onApply)
        self._mask.clicked.connect(self.onUseForPaint)

    def activate(self) -> None:
        """The first time, the range is the upper half of the source volume's intensities."""
        source = self._logic.GetSourceVolumeNode()
        if source is not None and source.GetImageData() is not None:
            low, high = source.GetImageData().GetScalarRange()
            self._updating = True
            self._range.setRange(low, high)
            self._updating = False
            if self.doubleParameter("MinimumThreshold") == self.doubleParameter("MaximumThreshold"):
                self.setParameter("MinimumThreshold", (low + high) / 2)
                self.setParameter("MaximumThreshold", high)
        super().activate()

    def show_options(self) -> None:
        """The slider shows the two thresholds."""
        self._range.setValues(*self._limits())

    def _limits(self) -> tuple[float, float]:
        return self.doubleParameter("MinimumThreshold"), self.doubleParameter("MaximumThreshold")

    def _on_range(self, low: float, high: float) -> None:
        if not self._updating:
            self.setParameter("MinimumThreshold", low)
            self.setParameter("MaximumThreshold", high)

    def onApply(self) -> None:
        """Set the segment; one step for undo. The effect is left then, as in Slicer."""
        labelmap = self.defaultModifierLabelmap()
        if labelmap is None or not self._logic.UpdateAlignedSourceVolume():
            return
        threshold = vtk.vtkImageThreshold()
        threshold.SetInputData(self._logic.GetAlignedSourceVolume())
        threshold.ThresholdBetween(*self._limits())
        threshold.SetInValue(1)
        threshold.SetOutValue(0)
        threshold.SetOutputScalarType(labelmap.GetScalarType())
        threshold.Update()
        matrix = vtk.vtkMatrix4x4()
        labelmap.GetImageToWorldMatrix(matrix)
        labelmap.DeepCopy(threshold.GetOutput())
        labelmap.SetGeometryFromImageToWorldMatrix(matrix)
        self.saveStateForUndo()
        self.modifySelectedSegmentByLabelmap(labelmap, self.ModificationModeSet)
        self.selectEffect("")

    def onUseForPaint(self) -> None:
        """Let other effects change only voxels inside the range."""
        node = self.parameterSetNode()
        node.SourceVolumeIntensityMaskOn()
        node.SetSourceVolumeIntensityMaskRange(*self._limits())
        self.selectEffect("Paint")
