"""What can be done with the selected cases: open, remove, show where they came from."""

from __future__ import annotations

from typing import Any

import qt
import slicer

from ..cohort import Case, CohortError, Status
from ..i18n import _
from .case_table import CaseTable
from .message_line import MessageLine
from .session import Session


class CaseActions:
    """The buttons below the list and its context menu."""

    def __init__(self, session: Session, ui: Any, table: CaseTable, messages: MessageLine) -> None:
        self._session = session
        self._ui = ui
        self._table = table
        self._messages = messages

    def setup(self) -> None:
        """Connect the widgets."""
        self._ui.openCaseButton.connect("clicked()", self._openSelected)
        self._ui.removeButton.connect("clicked()", self.removeSelected)
        self._ui.caseView.connect("customContextMenuRequested(QPoint)", self._showMenu)
        self._table.opened.connect(self.open)
        self._table.selectionChanged.connect(self._onSelection)

    def refresh(self) -> None:
        """Enable what is possible; a disabled button says why in its tool tip."""
        cases = self._selected()
        whyNotOpen, whyNotRemove = self._whyNotOpen(cases), self._whyNotRemove(cases)
        self._ui.openCaseButton.enabled = not whyNotOpen
        self._ui.openCaseButton.toolTip = whyNotOpen or _(
            "Show this case in the viewer. Double-click does it, too."
        )
        self._ui.removeButton.enabled = not whyNotRemove
        self._ui.removeButton.toolTip = whyNotRemove or _(
            "Take the selected cases off the list. Their files are kept in the folder `removed`."
        )

    def open(self, caseId: str) -> bool:
        """Open a case; what went wrong is said in a line."""
        try:
            isOpen = self._session.case.open(caseId)
        except CohortError as error:
            self._messages.error(str(error))
            return False
        if isOpen:
            self._messages.clear()
        else:
            self._table.select(self._session.case.id or "")
        return isOpen

    def removeSelected(self) -> None:
        """Take the selected cases off the list, after one question."""
        cases = self._selected()
        if self._whyNotRemove(cases) or not _confirmRemoval(cases):
            return
        if self._session.case.id in {case.id for case in cases}:
            self._session.case.close(ask=False)
        try:
            for case in cases:
                self._session.requireCohort().removeCase(case.id)
        except CohortError as error:
            self._messages.error(str(error))
        self._session.casesChanged.emit(None)

    def _selected(self) -> list[Case]:
        cohort = self._session.cohort
        ids = set(self._table.selectedIds())
        return [case for case in cohort.cases() if case.id in ids] if cohort is not None and ids else []

    def _openSelected(self) -> None:
        cases = self._selected()
        if not self._whyNotOpen(cases):
            self.open(cases[0].id)

    def _whyNotOpen(self, cases: list[Case]) -> str:
        if len(cases) != 1:
            return _("Select one case in the list.")
        if cases[0].status is Status.FAILED:
            return cases[0].problem or _("The volume cannot be used.")
        return ""

    def _whyNotRemove(self, cases: list[Case]) -> str:
        cohort = self._session.cohort
        if not cases:
            return _("Select the cases to remove in the list.")
        return _("The cohort is read-only.") if cohort is not None and cohort.readOnly else ""

    def _onSelection(self) -> None:
        """The reason of an unreadable volume is read without a tool tip."""
        self.refresh()
        cases = self._selected()
        if len(cases) == 1 and cases[0].problem:
            self._messages.warning(
                _("{title}: {problem}").format(title=cases[0].title, problem=cases[0].problem)
            )

    def _showMenu(self, position: qt.QPoint) -> None:
        cases = self._selected()
        menu = qt.QMenu(self._ui.caseView)
        openAction = menu.addAction(_("Open case"))
        openAction.setEnabled(not self._whyNotOpen(cases))
        openAction.connect("triggered()", self._openSelected)
        folderAction = menu.addAction(_("Show folder of the cohort"))
        folderAction.connect("triggered()", self._showFolder)
        menu.addSeparator()
        removeAction = menu.addAction(_("Remove"))
        removeAction.setEnabled(not self._whyNotRemove(cases))
        removeAction.connect("triggered()", self.removeSelected)
        menu.exec_(self._ui.caseView.viewport().mapToGlobal(position))
        menu.deleteLater()

    def _showFolder(self) -> None:
        folder = self._session.requireCohort().folder
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))


def _confirmRemoval(cases: list[Case]) -> bool:
    """Removing is rare and takes labels with it, so it is asked about."""
    box = qt.QMessageBox(slicer.util.mainWindow())
    box.setIcon(qt.QMessageBox.Question)
    box.windowTitle = _("Remove cases")
    many = _("Remove {count} cases from the cohort?").format(count=len(cases))
    one = _("Remove {title} from the cohort?").format(title=cases[0].title)
    box.text = one if len(cases) == 1 else many
    box.informativeText = _("Their images and labels are kept in the folder `removed` of the cohort.")
    remove = box.addButton(_("Remove"), qt.QMessageBox.AcceptRole)
    box.setDefaultButton(box.addButton(_("Cancel"), qt.QMessageBox.RejectRole))
    box.exec_()
    clicked = box.clickedButton()
    box.deleteLater()
    return clicked == remove
