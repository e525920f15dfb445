"""The cases that can be segmented together, each with a check mark and, later, how it went."""

from __future__ import annotations

from collections.abc import Sequence

import qt

from ..cohort import Case
from ..i18n import _
from .batch_segmenter import BatchResult
from .signals import Signal

TITLE, RESULT = range(2)
ID_ROLE = qt.Qt.UserRole


class BatchList:
    """Shows cases in a tree view. changed(): other check marks. opened(case id): a double click on a row."""

    def __init__(self, view: qt.QTreeView) -> None:
        self.changed = Signal()
        self.opened = Signal()
        self._rows: dict[str, int] = {}
        self._isFilling = False
        self._view = view
        self._model = qt.QStandardItemModel(0, 2)
        self._model.setHorizontalHeaderLabels([_("Case"), _("Result")])
        self._model.connect("itemChanged(QStandardItem*)", self._onItemChanged)
        view.setModel(self._model)
        header = view.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(TITLE, qt.QHeaderView.Stretch)
        header.resizeSection(RESULT, view.fontMetrics().boundingRect(_("Segmented")).width() + 60)
        view.connect("doubleClicked(QModelIndex)", self._onOpened)

    def fill(self, cases: Sequence[Case]) -> None:
        """Show these cases; those that were there keep their check marks and results."""
        ids = [case.id for case in cases]
        if ids == list(self._rows):
            return
        checked = set(self.checkedIds())
        self._isFilling = True
        self._model.setRowCount(0)
        self._rows = {caseId: row for row, caseId in enumerate(ids)}
        for row, case in enumerate(cases):
            title = qt.QStandardItem(case.title)
            title.setData(case.id, ID_ROLE)
            title.setToolTip(case.title)
            title.setCheckable(True)
            title.setCheckState(qt.Qt.Checked if case.id in checked else qt.Qt.Unchecked)
            self._model.setItem(row, TITLE, title)
            self._model.setItem(row, RESULT, qt.QStandardItem(""))
        self._isFilling = False
        self.changed.emit()

    def checkedIds(self) -> tuple[str, ...]:
        """Ids of the ticked cases, in the order of the list."""
        return tuple(
            caseId
            for caseId, row in self._rows.items()
            if self._model.item(row, TITLE).checkState() == qt.Qt.Checked
        )

    def checkAll(self, isChecked: bool) -> None:
        """Tick all cases, or none."""
        self._isFilling = True
        for row in self._rows.values():
            self._model.item(row, TITLE).setCheckState(qt.Qt.Checked if isChecked else qt.Qt.Unchecked)
        self._isFilling = False
        self.changed.emit()

    def showResult(self, caseId: str, result: BatchResult | None) -> None:
        """Write how a case went; None for not yet."""
        row = self._rows.get(caseId)
        if row is None:
            return
        self._isFilling = True
        item = self._model.item(row, RESULT)
        if result is None:
            item.setText("")
            item.setToolTip("")
        elif result.file is not None:
            item.setText(_("✓ {seconds} s").format(seconds=f"{result.seconds:.1f}"))
            item.setToolTip(_("A double click shows it."))
        else:
            item.setText(_("✕ Failed"))
            item.setToolTip(result.problem)
        self._isFilling = False

    def _onItemChanged(self, _item: qt.QStandardItem) -> None:
        if not self._isFilling:
            self.changed.emit()

    def _onOpened(self, index: qt.QModelIndex) -> None:
        self.opened.emit(str(self._model.index(index.row(), TITLE).data(ID_ROLE)))
