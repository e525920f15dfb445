"""Where editing is allowed, and which other segments give way."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets

from Testing.bed.ctk.ranges import ctkRangeWidget

_NODE = slicer.vtkMRMLSegmentationNode
MASK_MODES = {
    "Everywhere": _NODE.EditAllowedEverywhere,
    "Inside all segments": _NODE.EditAllowedInsideAllSegments,
    "Inside all visible segments": _NODE.EditAllowedInsideVisibleSegments,
    "Outside all segments": _NODE.EditAllowedOutsideAllSegments,
    "Outside all visible segments": _NODE.EditAllowedOutsideVisibleSegments,
}
_EDITOR = slicer.vtkMRMLSegmentEditorNode
OVERWRITE_MODES = {
    "All segments": _EDITOR.OverwriteAllSegments,
    "Visible segments": _EDITOR.OverwriteVisibleSegments,
    "Allow overlap": _EDITOR.OverwriteNone,
}


class MaskingBox(QtWidgets.QGroupBox):
    """Controls of the segment editor node's masking."""

    def __init__(self) -> None:
        super().__init__("Masking", objectName="MaskingGroupBox")
        self._node: Any = None
        self._mask = _combo("MaskModeComboBox", MASK_MODES)
        self._overwrite = _combo("OverwriteModeComboBox", OVERWRITE_MODES)
        self._limited = QtWidgets.QCheckBox(objectName="EnableSourceVolumeIntensityMaskCheckBox")
        self._range = ctkRangeWidget()
        form = QtWidgets.QFormLayout(self)
        form.addRow("Editable area:", self._mask)
        form.addRow("Editable intensity range:", self._limited)
        form.addRow(self._range)
        form.addRow("Modify other segments:", self._overwrite)
        self._mask.activated.connect(lambda _: self._node.SetMaskMode(self._mask.currentData()))
        self._overwrite.activated.connect(
            lambda _: self._node.SetOverwriteMode(self._overwrite.currentData())
        )
        self._limited.clicked.connect(lambda on: self._node.SetSourceVolumeIntensityMask(on))
        self._range.valuesChanged.connect(self._on_range)

    def _on_range(self, low: float, high: float) -> None:
        if self._node is not None and not self.signalsBlocked():
            self._node.SetSourceVolumeIntensityMaskRange(low, high)

    def show_node(self, node: Any) -> None:
        """Show what the node says."""
        self._node = node
        if node is None:
            return
        self.blockSignals(True)
        self._mask.setCurrentIndex(self._mask.findData(node.GetMaskMode()))
        self._overwrite.setCurrentIndex(self._overwrite.findData(node.GetOverwriteMode()))
        self._limited.setChecked(bool(node.GetSourceVolumeIntensityMask()))
        self._range.setVisible(bool(node.GetSourceVolumeIntensityMask()))
        source = node.GetSourceVolumeNode()
        if source is not None and source.GetImageData() is not None:
            self._range.setRange(*source.GetImageData().GetScalarRange())
            self._range.setValues(*node.GetSourceVolumeIntensityMaskRange())
        self.blockSignals(False)


def _combo(name: str, choices: dict[str, int]) -> QtWidgets.QComboBox:
    box = QtWidgets.QComboBox(objectName=name)
    for text, value in choices.items():
        box.addItem(text, value)
    return box
