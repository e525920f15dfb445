"""The classes of the cohort: color, name, terminology and label value, changed where they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import qt
import slicer

from ..cohort import CohortError, SegmentClass
from ..i18n import _
from ..scene import describeTerminology
from .class_looks import defaultName, newClass
from .message_line import MessageLine
from .session import Session
from .terminology_dialog import chooseTerminology, isAvailable

COLOR, NAME, TERM, VALUE = range(4)
MAX_ROWS_SHOWN = 6


class ClassesTable:
    """The table of classes with its buttons."""

    def __init__(self, session: Session, ui: Any, messages: MessageLine) -> None:
        self._session = session
        self._table = ui.classesTable
        self._addButton = ui.addClassButton
        self._removeButton = ui.removeClassButton
        self._messages = messages
        self._isFilling = False

    def setup(self) -> None:
        """Connect the widgets."""
        table = self._table
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels(["", _("Name"), _("Terminology"), _("Value")])
        header = table.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
        header.resizeSection(COLOR, 28)
        header.resizeSection(TERM, 130)
        header.resizeSection(VALUE, table.fontMetrics().boundingRect(_("Value")).width() + 18)
        header.highlightSections = False
        table.wordWrap = False
        table.verticalHeader().hide()
        table.connect("itemChanged(QTableWidgetItem*)", self._onEdited)
        table.connect("cellDoubleClicked(int,int)", self._onDoubleClicked)
        table.connect("itemSelectionChanged()", self._refreshButtons)
        self._addButton.connect("clicked()", self._add)
        self._removeButton.connect("clicked()", self._remove)

    def refresh(self) -> None:
        """Show the classes as they are now."""
        classes = self._classes()
        self._isFilling = True
        row = self._table.currentRow()
        self._table.setRowCount(len(classes))
        for index, item in enumerate(classes):
            self._fillRow(index, item)
        if 0 <= row < len(classes):
            self._table.setCurrentCell(row, NAME)
        self._isFilling = False
        rows = min(max(len(classes), 1), MAX_ROWS_SHOWN)
        height = self._table.verticalHeader().defaultSectionSize * rows
        self._table.setFixedHeight(height + self._table.horizontalHeader().height + 4)
        self._refreshButtons()

    def _classes(self) -> tuple[SegmentClass, ...]:
        cohort = self._session.cohort
        return cohort.classes if cohort is not None else ()

    def _fillRow(self, row: int, item: SegmentClass) -> None:
        term = describeTerminology(item.terminology)
        shortTerm = term.split(", ", 1)[-1]  # without its category, which many terms share
        texts = ["", item.name, shortTerm or _("none"), str(item.value)]
        tips = [
            _("Double-click to choose another color."),
            _("Double-click to rename."),
            term or _("Double-click to choose a coded term, which DICOM export needs."),
            _("The value of this class in label files. Double-click to change it while nothing is labeled."),
        ]
        for column, (text, tip) in enumerate(zip(texts, tips, strict=True)):
            cell = qt.QTableWidgetItem(text)
            cell.setToolTip(tip)
            flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
            if column in (NAME, VALUE) and not self._isReadOnly():
                flags |= qt.Qt.ItemIsEditable
            cell.setFlags(flags)
            if column == COLOR:
                cell.setIcon(_swatch(item.color))
            self._table.setItem(row, column, cell)

    def _refreshButtons(self) -> None:
        reason = _("The cohort is read-only.") if self._isReadOnly() else ""
        self._addButton.enabled = not reason
        self._addButton.toolTip = reason or _("One more structure to segment.")
        row = self._table.currentRow()
        if not reason and not 0 <= row < len(self._classes()):
            reason = _("Select a class in the table.")
        self._removeButton.enabled = not reason
        self._removeButton.toolTip = reason or _("Remove the selected class, while nothing is labeled.")

    def _isReadOnly(self) -> bool:
        cohort = self._session.cohort
        return cohort is None or cohort.readOnly

    def _onEdited(self, cell: qt.QTableWidgetItem) -> None:
        """A name or a value was typed."""
        if self._isFilling:
            return
        text = cell.text().strip()
        if cell.column() == NAME:
            self._change(cell.row(), lambda item: replace(item, name=text))
        elif text.isdecimal():
            self._change(cell.row(), lambda item: replace(item, value=int(text)))
        else:
            self._messages.error(_("The value must be a whole number from 1 to 254."))
            self.refresh()

    def _onDoubleClicked(self, row: int, column: int) -> None:
        if self._isReadOnly() or column not in (COLOR, TERM):
            return
        item = self._classes()[row]
        if column == COLOR:
            title = _("Color of {name}").format(name=item.name)
            color = qt.QColorDialog.getColor(qt.QColor(*item.color), slicer.util.mainWindow(), title)
            if color.isValid():
                self._change(row, lambda item: replace(item, color=_parts(color)))
        elif isAvailable():
            self._chooseTerm(row, item)
        else:
            self._messages.info(_("This Slicer has no terminology selector."))

    def _chooseTerm(self, row: int, item: SegmentClass) -> None:
        """A class that the user has not named yet is named like its term."""
        found = chooseTerminology(_("Terminology of {name}").format(name=item.name), item.terminology)
        if found is None:
            return
        terminology, term = found
        isUnnamed = item.name == defaultName(item.value)
        name = term if isUnnamed and term else item.name
        self._change(row, lambda item: replace(item, terminology=terminology, name=name))

    def _add(self) -> None:
        classes = self._classes()
        if self._set((*classes, newClass(classes))):
            self._table.setCurrentCell(len(classes), NAME)
            self._table.editItem(self._table.item(len(classes), NAME))

    def _remove(self) -> None:
        row = self._table.currentRow()
        classes = self._classes()
        self._set((*classes[:row], *classes[row + 1 :]))

    def _change(self, row: int, change: Callable[[SegmentClass], SegmentClass]) -> None:
        classes = list(self._classes())
        classes[row] = change(classes[row])
        self._set(classes)

    def _set(self, classes: Sequence[SegmentClass]) -> bool:
        """Store the classes; what speaks against it is said in a line, and the table shows the old ones."""
        try:
            self._session.requireCohort().setClasses(classes)
        except CohortError as error:
            self._messages.error(str(error))
            self.refresh()
            return False
        self._messages.clear()
        self._session.cohortChanged.emit()
        return True


def _parts(color: qt.QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()


def _swatch(color: tuple[int, int, int]) -> qt.QIcon:
    pixmap = qt.QPixmap(16, 16)
    pixmap.fill(qt.QColor(*color))
    icon = qt.QIcon(pixmap)
    icon.addPixmap(pixmap, qt.QIcon.Selected)  # else a selected row tints it: another color than in the views
    return icon
