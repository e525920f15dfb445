"""qMRMLSegmentsTableView: the segments of a segmentation with visibility, color and name."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.ctk.stored import stored
from Testing.bed.mrml_widgets.base import qMRMLWidget
from Testing.bed.mrml_widgets.observations import Observations
from Testing.bed.mrml_widgets.setters import setter_slots

VISIBLE, COLOR, NAME = range(3)
PATCH_SIZE = 16
SEGMENT_ID = QtCore.Qt.ItemDataRole.UserRole


def _apply_columns(view: Any) -> None:
    view.apply_columns()


@setter_slots(
    "selectionMode",
    "headerVisible",
    "visibilityColumnVisible",
    "colorColumnVisible",
    "opacityColumnVisible",
    "statusColumnVisible",
    "layerColumnVisible",
    "readOnly",
    "filterBarVisible",
    "jumpToSelectedSegmentEnabled",
    "textFilter",
)
class qMRMLSegmentsTableView(qMRMLWidget):
    """A row for each segment; the check box hides and shows it, a double click on the name edits that."""

    selectionChanged = QtCore.Signal(QtCore.QItemSelection, QtCore.QItemSelection)
    segmentAboutToBeModified = QtCore.Signal(str)

    headerVisible = stored(bool, True, _apply_columns)
    visibilityColumnVisible = stored(bool, True, _apply_columns)
    colorColumnVisible = stored(bool, True, _apply_columns)
    opacityColumnVisible = stored(bool, True)
    statusColumnVisible = stored(bool, False)
    layerColumnVisible = stored(bool, False)
    filterBarVisible = stored(bool, False)
    jumpToSelectedSegmentEnabled = stored(bool, False)
    readOnly = stored(bool, False, _apply_columns)
    selectionMode = stored(int, 3, _apply_columns)
    textFilter = stored(str, "", lambda self: self.update_rows())
    segmentCount = QtCore.Property(int, lambda self: self._table.rowCount())

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._observations = Observations(self)
        self._filling = False
        self._table = QtWidgets.QTableWidget(0, 3, self, objectName="SegmentsTable")
        self._table.setHorizontalHeaderLabels(["", "", "Name"])
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setStretchLastSection(True)
        for column in (VISIBLE, COLOR):
            self._table.setColumnWidth(column, 32)
        self._table.itemChanged.connect(self._on_item_changed)
        self._table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self.apply_columns()

    def apply_columns(self) -> None:
        """Show what the properties say."""
        self._table.horizontalHeader().setVisible(self.headerVisible)
        self._table.setColumnHidden(VISIBLE, not self.visibilityColumnVisible)
        self._table.setColumnHidden(COLOR, not self.colorColumnVisible)
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(self.selectionMode))
        triggers = QtWidgets.QAbstractItemView.EditTrigger
        self._table.setEditTriggers(triggers.NoEditTriggers if self.readOnly else triggers.DoubleClicked)

    def setSegmentationNode(self, node: Any) -> None:
        """Show the segments of a node, or none."""
        self._observations.clear()
        self._node = node
        if node is not None:
            events = slicer.vtkSegmentation
            for event in (events.SegmentAdded, events.SegmentRemoved, events.SegmentModified):
                self._observations.add(node, event, self.update_rows)
            self._observations.add(node, events.SegmentsOrderModified, self.update_rows)
            self._observations.add(node, node.DisplayModifiedEvent, self.update_rows)
        self.update_rows()

    def segmentationNode(self) -> Any:
        return self._node

    def tableWidget(self) -> QtWidgets.QTableWidget:
        return self._table

    def _segments(self) -> list[tuple[str, Any]]:
        segmentation = self._node.GetSegmentation() if self._node else None
        if segmentation is None:
            return []
        pairs = [(item, segmentation.GetSegment(item)) for item in segmentation.GetSegmentIDs()]
        return [
            (item, segment) for item, segment in pairs if self.textFilter.lower() in segment.GetName().lower()
        ]

    def update_rows(self) -> None:
        """Show the segments as they are now; the selection stays with its segments."""
        selected = self.selectedSegmentIDs()
        segments = self._segments()
        self._filling = True
        same = [item for item, _ in segments] == self.displayedSegmentIDs()
        if not same:
            self._table.setRowCount(0)
            self._table.setRowCount(len(segments))
        for row, (segment_id, segment) in enumerate(segments):
            self._show(row, segment_id, segment)
        self._filling = False
        if not same:
            self.setSelectedSegmentIDs([item for item in selected if item in self.displayedSegmentIDs()])

    def _show(self, row: int, segment_id: str, segment: Any) -> None:
        for column in (VISIBLE, COLOR, NAME):
            if self._table.item(row, column) is None:
                self._table.setItem(row, column, QtWidgets.QTableWidgetItem())
                self._table.item(row, column).setData(SEGMENT_ID, segment_id)
        display = self._node.GetDisplayNode()
        shown = display is None or display.GetSegmentVisibility(segment_id)
        states = QtCore.Qt.CheckState
        self._table.item(row, VISIBLE).setCheckState(states.Checked if shown else states.Unchecked)
        patch = _patch(segment.GetColor())
        self._table.item(row, COLOR).setData(QtCore.Qt.ItemDataRole.DecorationRole, patch)
        self._table.item(row, NAME).setText(segment.GetName())

    def _on_item_changed(self, item: QtWidgets.QTableWidgetItem) -> None:
        if self._filling or self._node is None:
            return
        segment_id = item.data(SEGMENT_ID)
        if item.column() == VISIBLE and self._node.GetDisplayNode() is not None:
            shown = item.checkState() == QtCore.Qt.CheckState.Checked
            self._node.GetDisplayNode().SetSegmentVisibility(segment_id, shown)
        elif item.column() == NAME:
            self.segmentAboutToBeModified.emit(segment_id)
            self._node.GetSegmentation().GetSegment(segment_id).SetName(item.text())

    def _on_selection_changed(self, now: QtCore.QItemSelection, before: QtCore.QItemSelection) -> None:
        if not self._filling:
            self.selectionChanged.emit(now, before)

    def displayedSegmentIDs(self) -> list[str]:
        items = [self._table.item(row, NAME) for row in range(self._table.rowCount())]
        return [item.data(SEGMENT_ID) for item in items if item is not None]

    def selectedSegmentIDs(self) -> list[str]:
        rows = sorted(index.row() for index in self._table.selectionModel().selectedRows(NAME))
        return [self.segmentIDForRow(row) for row in rows]

    @QtCore.Slot("QStringList")
    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        """Select segments, and only them."""
        model, flags = self._table.model(), QtCore.QItemSelectionModel.SelectionFlag
        selection = QtCore.QItemSelection()
        for segment_id in segment_ids:
            row = self.rowForSegmentID(segment_id)
            if row >= 0:
                selection.select(model.index(row, 0), model.index(row, NAME))
        self._table.selectionModel().select(selection, flags.ClearAndSelect)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def rowForSegmentID(self, segment_id: str) -> int:
        """The row of a segment, -1 where it is not shown."""
        shown = self.displayedSegmentIDs()
        return shown.index(segment_id) if segment_id in shown else -1

    def segmentIDForRow(self, row: int) -> str:
        item = self._table.item(row, NAME)
        return item.data(SEGMENT_ID) if item is not None else ""


def _patch(color: tuple[float, float, float]) -> QtGui.QIcon:
    """A patch of color; unlike a background, a selected row does not cover it, nor tints it."""
    pixmap = QtGui.QPixmap(PATCH_SIZE, PATCH_SIZE)
    pixmap.fill(QtGui.QColor.fromRgbF(*color))
    icon = QtGui.QIcon(pixmap)
    icon.addPixmap(pixmap, QtGui.QIcon.Mode.Selected)
    return icon
