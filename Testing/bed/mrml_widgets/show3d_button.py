"""qMRMLSegmentationShow3DButton: makes the closed surfaces of a segmentation and shows them."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from Testing.bed.mrml_widgets.observations import Observations

SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


class qMRMLSegmentationShow3DButton(QtWidgets.QPushButton):
    """Checked while the segmentation has closed surfaces."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._node: Any = None
        self._observations = Observations(self)
        self.setText(self.text() or "Show 3D")
        self.setCheckable(True)
        self.setEnabled(False)
        self.toggled.connect(self._on_toggled)

    def segmentationNode(self) -> Any:
        return self._node

    @QtCore.Slot(object)
    def setSegmentationNode(self, node: Any) -> None:
        """Set the segmentation, or none."""
        self._observations.clear()
        self._node = node
        if node is not None:
            events = slicer.vtkSegmentation
            changes = (
                events.ContainedRepresentationNamesModified,
                events.SegmentAdded,
                events.SegmentRemoved,
            )
            for event in changes:
                self._observations.add(node, event, self._update)
        self._update()

    def _update(self) -> None:
        segmentation = self._node.GetSegmentation() if self._node else None
        has_segments = segmentation is not None and segmentation.GetNumberOfSegments() > 0
        self.setEnabled(has_segments)
        with QtCore.QSignalBlocker(self):
            self.setChecked(has_segments and segmentation.ContainsRepresentation(SURFACE))

    def _on_toggled(self, on: bool) -> None:
        if self._node is None:
            return
        if not on:
            self._node.RemoveClosedSurfaceRepresentation()
            return
        self._node.CreateClosedSurfaceRepresentation()
        self._node.CreateDefaultDisplayNodes()
        display = self._node.GetDisplayNode()
        display.SetPreferredDisplayRepresentationName3D(SURFACE)
        display.SetVisibility3D(True)
