"""The list of cases: filled in portions, so that a thousand cases do not hold up the window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import qt

from ..cohort import Case, Status
from ..i18n import _
from .case_texts import caseToolTip, signedText, uncertaintyText
from .resize_filter import ResizeFilter
from .signals import Signal
from .status_looks import statusIcon, statusText

TITLE, MODALITY, STATUS, UNCERTAINTY, SIGNED = range(5)
ID_ROLE, SORT_ROLE, STATUS_ROLE = qt.Qt.UserRole, qt.Qt.UserRole + 1, qt.Qt.UserRole + 2
FIRST_PORTION, PORTION, ROWS_AT_ONCE = 150, 30, 5
FILL_MILLISECONDS = 5
CELL_PADDING, ICON_WIDTH, WIDEST_COLUMN, WIDEST_TITLE = 14, 20, 150, 240
GIVEN_UP_FOR_TITLES = (SIGNED, MODALITY, UNCERTAINTY)  # in this order; the tool tip has them, too


class CaseTable:
    """Shows cases in a tree view. opened(case id): double click or Enter. selectionChanged(): other rows."""

    def __init__(self, view: qt.QTreeView) -> None:
        self.opened = Signal()
        self.selectionChanged = Signal()
        self.view = view
        self._openId = ""
        self._waiting: list[Case] = []
        self._rowOf: dict[str, int] = {}
        self._icons = {status: statusIcon(status) for status in Status}
        self._wanted: set[int] = set()  # columns that say something of these cases
        self._widths: dict[int, int] = {}  # of each column but the titles', in pixels
        self._titleWidth = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(FILL_MILLISECONDS)
        self._timer.connect("timeout()", self._fillPortion)
        self._makeModels()
        self._setUpView()

    def fill(self, cases: Iterable[Case]) -> None:
        """Show these cases and no others; the first ones at once, the others as the window finds time."""
        cases, selected = list(cases), self.selectedIds()
        self._model.setRowCount(0)
        self._rowOf = {case.id: row for row, case in enumerate(cases)}
        self._model.setRowCount(len(cases))
        self._waiting = cases[FIRST_PORTION:]
        for case in cases[:FIRST_PORTION]:
            self._writeRow(case)
        self.showColumns(cases)
        if len(selected) == 1:
            self.select(selected[0])
        if self._waiting:
            self._timer.start()

    def show(self, cases: Sequence[Case]) -> None:
        """Show the present state of cases; new ones come at the end."""
        fresh = {case.id: case for case in cases}
        self._waiting = [case for case in self._waiting if case.id not in fresh]
        self._waiting += cases[ROWS_AT_ONCE:]
        for caseId in fresh:
            self._rowOf.setdefault(caseId, len(self._rowOf))
        self._model.setRowCount(len(self._rowOf))
        for case in cases[:ROWS_AT_ONCE]:
            self._writeRow(case)
        if self._waiting:
            self._timer.start()

    def filterStatus(self, status: Status | None) -> None:
        """Show cases of one status, or all."""
        self._byStatus.setFilterFixedString(_mark(status) if status else "")

    def search(self, text: str) -> None:
        """Show cases whose row holds the text."""
        self._bySearch.setFilterFixedString(text)

    def selectedIds(self) -> tuple[str, ...]:
        """Ids of the selected cases, in the order of the list."""
        rows = self.view.selectionModel().selectedRows()
        return tuple(index.data(ID_ROLE) for index in sorted(rows, key=lambda index: index.row()))

    def select(self, caseId: str) -> None:
        """Select one case and scroll to it; nothing where the filter hides it."""
        index = self._indexOf(caseId)
        if index is not None:
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)

    def markOpen(self, caseId: str | None) -> None:
        """Show in bold which case is open."""
        before, self._openId = self._openId, caseId or ""
        for changed in (before, self._openId):
            if changed in self._rowOf:
                self._setBold(self._rowOf[changed], changed == self._openId)

    def cleanup(self) -> None:
        """Stop filling."""
        self._resized.remove()
        self._timer.stop()
        self._waiting = []

    def _makeModels(self) -> None:
        self._model = qt.QStandardItemModel(0, 5)
        self._model.setHorizontalHeaderLabels(
            [_("Case"), _("Modality"), _("Status"), _("Uncertainty"), _("Signed")]
        )
        self._byStatus = qt.QSortFilterProxyModel()
        self._byStatus.setSourceModel(self._model)
        self._byStatus.filterKeyColumn = STATUS
        self._byStatus.filterRole = STATUS_ROLE
        self._bySearch = qt.QSortFilterProxyModel()
        self._bySearch.setSourceModel(self._byStatus)
        self._bySearch.filterKeyColumn = -1
        self._bySearch.filterCaseSensitivity = qt.Qt.CaseInsensitive
        self._bySearch.sortRole = SORT_ROLE

    def _setUpView(self) -> None:
        view = self.view
        view.setModel(self._bySearch)
        view.sortByColumn(-1, qt.Qt.AscendingOrder)
        header = view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(TITLE, qt.QHeaderView.Stretch)
        header.setMinimumSectionSize(40)
        view.setTextElideMode(qt.Qt.ElideMiddle)  # titles often differ at their ends
        self._resized = ResizeFilter(view.viewport(), self._leaveRoomForTitles)
        view.connect("activated(QModelIndex)", self._onActivated)
        selection = view.selectionModel()
        selection.connect("selectionChanged(QItemSelection,QItemSelection)", self._onSelectionChanged)

    def _fillPortion(self) -> None:
        portion, self._waiting = self._waiting[:PORTION], self._waiting[PORTION:]
        for case in portion:
            self._writeRow(case)
        if not self._waiting:
            self._timer.stop()

    def _writeRow(self, case: Case) -> None:
        row, toolTip = self._rowOf[case.id], caseToolTip(case)
        texts = [case.title, case.modality, statusText(case.status), uncertaintyText(case), signedText(case)]
        keys = [*(text.casefold() for text in texts[:3]), case.uncertainty or -1.0, case.decidedAt or ""]
        for column, (text, key) in enumerate(zip(texts, keys, strict=True)):
            item = qt.QStandardItem(text)
            item.setData(key, SORT_ROLE)
            item.setToolTip(toolTip)
            if column == STATUS:
                item.setIcon(self._icons[case.status])
                item.setData(_mark(case.status), STATUS_ROLE)
            if column == UNCERTAINTY:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            item.setData(case.id, ID_ROLE)
            self._model.setItem(row, column, item)
        if case.id == self._openId:
            self._setBold(row, True)

    def _setBold(self, row: int, bold: bool) -> None:
        for column in range(self._model.columnCount()):
            item = self._model.item(row, column)
            if item is not None:
                font = qt.QFont(self.view.font)
                font.setBold(bold)
                item.setFont(font)

    def showColumns(self, cases: Sequence[Case]) -> None:
        """A column that says the same of every case, or nothing, is hidden: the panel is narrow."""
        hidden = {
            MODALITY: len({case.modality for case in cases} - {""}) < 2,
            UNCERTAINTY: all(case.uncertainty is None for case in cases),
            SIGNED: not any(case.decidedBy or case.decidedAt for case in cases),
        }
        self._wanted = {column for column, isHidden in hidden.items() if not isHidden}
        texts = {
            MODALITY: {case.modality for case in cases},
            STATUS: {statusText(case.status) for case in cases},
            UNCERTAINTY: {uncertaintyText(case) for case in cases},
            SIGNED: {signedText(case) for case in cases},
        }
        for column, found in texts.items():
            self._fit(column, found)
        titles = self._textWidth(max((case.title for case in cases), key=len, default=""))
        self._titleWidth = min(titles + CELL_PADDING, WIDEST_TITLE)
        self._leaveRoomForTitles()

    def _leaveRoomForTitles(self) -> None:
        """Titles are shown whole; where the panel is too narrow for it, other columns are given up."""
        view, shown = self.view, self._wanted | {STATUS}
        if view.isVisible():
            left = view.viewport().width - self._titleWidth
            for column in GIVEN_UP_FOR_TITLES:
                if sum(self._widths[column] for column in shown) > left:
                    shown.discard(column)
        for column in (MODALITY, UNCERTAINTY, SIGNED):
            view.setColumnHidden(column, column not in shown)

    def _fit(self, column: int, texts: Iterable[str]) -> None:
        """As wide as its texts in bold, within reason; what is left is for the titles."""
        title = self._model.headerData(column, qt.Qt.Horizontal)
        width = max(self._textWidth(text) for text in (title, *texts)) + CELL_PADDING
        width += ICON_WIDTH if column == STATUS else 0
        self._widths[column] = min(width, WIDEST_COLUMN)
        self.view.header().resizeSection(column, self._widths[column])

    def _textWidth(self, text: str) -> int:
        """In bold, as the open case is shown."""
        font = qt.QFont(self.view.font)
        font.setBold(True)
        return qt.QFontMetrics(font).boundingRect(text).width()

    def _indexOf(self, caseId: str) -> qt.QModelIndex | None:
        row = self._rowOf.get(caseId)
        if row is None:
            return None
        index = self._bySearch.mapFromSource(self._byStatus.mapFromSource(self._model.index(row, TITLE)))
        return index if index.isValid() else None

    def _onActivated(self, index: qt.QModelIndex) -> None:
        caseId = index.data(ID_ROLE)
        if caseId:
            self.opened.emit(caseId)

    def _onSelectionChanged(self, *_arguments: object) -> None:
        self.selectionChanged.emit()


def _mark(status: Status) -> str:
    """What the filter looks for; a bare name would find `labeled` in `unlabeled`, too."""
    return f"<{status.value}>"
