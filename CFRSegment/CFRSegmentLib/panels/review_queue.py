"""The list of cases to review: most uncertain first, or those that are decided, the last one first."""

from __future__ import annotations

from collections.abc import Sequence

import qt

from ..cohort import Case, Cohort, Status
from ..i18n import _
from .case_texts import caseToolTip, signedText, uncertaintyText
from .signals import Signal
from .status_looks import statusIcon, statusText

DECIDED = (Status.ACCEPTED, Status.CORRECTED, Status.REJECTED)
TITLE, UNCERTAINTY, STATUS, SIGNED = range(4)
ID_ROLE = qt.Qt.UserRole
SHOWN = 200  # nobody scrolls further; a longer list would only cost time after each decision


def decidedCases(cohort: Cohort) -> tuple[Case, ...]:
    """Cases whose pseudo-label was decided on, the last decision first."""
    found = [case for case in cohort.cases() if case.status in DECIDED and case.run is not None]
    return tuple(sorted(found, key=lambda case: case.decidedAt or "", reverse=True))


def nextInQueue(queue: Sequence[Case], after: str | None) -> Case | None:
    """The case behind `after` in the queue, the first one where that is the last or unknown; never itself."""
    ids = [case.id for case in queue]
    start = ids.index(after) + 1 if after in ids else 0
    turned = [*queue[start:], *queue[:start]]
    return next((case for case in turned if case.id != after), None)


class ReviewQueue:
    """Shows cases in a tree view. chosen(case id): a click on a row, or Enter."""

    def __init__(self, view: qt.QTreeView) -> None:
        self.chosen = Signal()
        self._view = view
        self._shown: tuple[Case, ...] | None = None
        self._icons = {status: statusIcon(status) for status in DECIDED}
        self._model = qt.QStandardItemModel(0, 4)
        titles = [_("Case"), _("Uncertainty"), _("Status"), _("Signed")]
        self._model.setHorizontalHeaderLabels(titles)
        view.setModel(self._model)
        header = view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(TITLE, qt.QHeaderView.Stretch)
        widest = {UNCERTAINTY: titles[UNCERTAINTY], STATUS: f"{statusText(Status.PSEUDO_LABELED)}000"}
        for column, text in {**widest, SIGNED: "initials 2000-00-00"}.items():
            header.resizeSection(column, view.fontMetrics().boundingRect(text).width() + 18)
        view.connect("clicked(QModelIndex)", self._onChosen)
        view.connect("activated(QModelIndex)", self._onChosen)

    def show(self, cases: Sequence[Case], openId: str | None, areDecided: bool) -> None:
        """Show these cases in their order, the open one marked."""
        cases = tuple(cases)
        if cases != self._shown:
            self._shown = cases
            self._fill(cases)
        self._view.setColumnHidden(UNCERTAINTY, areDecided)
        self._view.setColumnHidden(STATUS, not areDecided)
        self._view.setColumnHidden(SIGNED, not areDecided)
        ids = [case.id for case in cases[:SHOWN]]
        if openId in ids:
            self._view.setCurrentIndex(self._model.index(ids.index(openId), 0))
        else:
            self._view.clearSelection()

    def _fill(self, cases: tuple[Case, ...]) -> None:
        self._model.setRowCount(0)
        for row, case in enumerate(cases[:SHOWN]):
            for column, item in enumerate(self._items(case)):
                self._model.setItem(row, column, item)
        if len(cases) > SHOWN:
            more = qt.QStandardItem(_("and {count} more").format(count=len(cases) - SHOWN))
            more.setFlags(qt.Qt.NoItemFlags)
            self._model.setItem(SHOWN, TITLE, more)

    def _onChosen(self, index: qt.QModelIndex) -> None:
        caseId = self._model.index(index.row(), TITLE).data(ID_ROLE)
        if caseId:
            self.chosen.emit(str(caseId))

    def _items(self, case: Case) -> list[qt.QStandardItem]:
        texts = (case.title, uncertaintyText(case), statusText(case.status), signedText(case))
        items, toolTip = [qt.QStandardItem(text) for text in texts], caseToolTip(case)
        for item in items:
            item.setToolTip(toolTip)
        items[TITLE].setData(case.id, ID_ROLE)
        items[UNCERTAINTY].setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        if case.status in self._icons:
            items[STATUS].setIcon(self._icons[case.status])
        return items
