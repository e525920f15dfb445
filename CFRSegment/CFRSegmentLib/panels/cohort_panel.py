"""The section Cohort: which cohort is open, its cases, and adding volumes to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cohort import Case, CohortError, Status
from ..i18n import _
from .case_actions import CaseActions
from .case_table import CaseTable
from .case_texts import summaryText
from .cohort_files import CohortFiles
from .drop_filter import DropFilter
from .message_line import MessageLine
from .session import Session
from .status_looks import statusIcon, statusText
from .ui_files import loadPanelUi
from .volume_adding import VolumeAdding


class CohortPanel:
    """Over `session`, in `parent`, whose layout is vertical."""

    def __init__(self, parent: Any, session: Session) -> None:
        self._parent = parent
        self._session = session

    def setup(self) -> None:
        """Make the widgets and connect them."""
        self.ui = loadPanelUi("CohortPanel", self._parent)
        layout = self.ui.top.layout()
        below = layout.indexOf(self.ui.summaryLabel)
        self.access = MessageLine(layout, below + 1, "accessMessage")
        self.messages = MessageLine(layout, layout.indexOf(self.ui.caseButtons) + 1, "cohortMessage")
        self.files = CohortFiles(self._session, self.ui, self.messages, self.access)
        self.files.setup()
        self.table = CaseTable(self.ui.caseView)
        self.adding = VolumeAdding(self._session, self.ui.addButton, self.messages)
        self.actions = CaseActions(self._session, self.ui, self.table, self.messages)
        self.actions.setup()
        self._drops = DropFilter(self.ui.caseView.viewport(), self.adding.addPaths, self._canAdd)
        self._connectWidgets()
        self._connectSession()
        self.refresh()

    def refresh(self) -> None:
        """Show the cohort as it is now."""
        cohort = self._session.cohort
        cases = cohort.cases() if cohort is not None else ()
        self.table.fill(cases)
        self.table.markOpen(self._session.case.id)
        self.ui.caseView.toolTip = ""
        self.files.refresh()
        self._refreshSummary(cases)
        self._refreshFilter(cases)
        self._refreshButtons()
        if self.ui.aliasEdit.text != self._session.alias:
            self.ui.aliasEdit.text = self._session.alias

    def enter(self) -> None:
        """The module is shown: another Slicer may have worked on the cohort meanwhile."""

    def exit(self) -> None:
        """The module is left; what is being read goes on."""

    def cleanup(self) -> None:
        """The window goes."""
        self.adding.cleanup()
        self.table.cleanup()
        self._drops.remove()
        for signal, listener in self._listeners():
            signal.disconnect(listener)

    def openCohort(self, folder: Path) -> bool:
        """Open a cohort; what went wrong is said in a line."""
        return self.files.open(folder)

    def showStatus(self, status: Status | None) -> None:
        """Filter the list by a status; None shows all."""
        index = self.ui.statusFilter.findData(status.value if status else "")
        self.ui.statusFilter.setCurrentIndex(max(index, 0))

    def _connectWidgets(self) -> None:
        self.adding.showFailed = lambda: self.showStatus(Status.FAILED)
        self.adding.busyChanged.connect(self._refreshButtons)
        self.adding.collector.progress.connect(self._showProgress)
        self.ui.cancelButton.connect("clicked()", self.adding.cancel)
        self.ui.statusFilter.connect("currentIndexChanged(int)", self._onFilter)
        self.ui.searchEdit.connect("textChanged(QString)", self.table.search)
        self.ui.aliasEdit.connect("editingFinished()", self._onAlias)
        self.ui.progressRow.hide()

    def _connectSession(self) -> None:
        for signal, listener in self._listeners():
            signal.connect(listener)

    def _listeners(self) -> Sequence[tuple[Any, Any]]:
        session = self._session
        return (
            (session.cohortChanged, self.refresh),
            (session.casesChanged, self._onCases),
            (session.case.changed, self._onCase),
            (session.parametersChanged, self._onParameters),
        )

    def _onCases(self, ids: tuple[str, ...] | None) -> None:
        """Only the rows of these cases are written again."""
        cohort = self._session.cohort
        if cohort is None or ids is None:
            self.refresh()
            return
        cases = cohort.cases()
        changed = [case for case in cases if case.id in ids]
        self.table.show(changed)
        self.table.showColumns(cases)
        self._refreshSummary(cases)
        self._refreshFilter(cases)
        self._refreshButtons()

    def _onCase(self) -> None:
        self.table.markOpen(self._session.case.id)
        if self._session.case.id:
            self.table.select(self._session.case.id)

    def _onParameters(self) -> None:
        """A scene was loaded: open its cohort and its case."""
        parameters, cohort = self._session.parameters, self._session.cohort
        if parameters is None:
            return
        folder, caseId = parameters.cohortFolder, parameters.caseId
        if folder and (cohort is None or str(cohort.folder) != folder) and not self.openCohort(Path(folder)):
            return
        if caseId:
            self._reattach(caseId)
        self.showStatus(Status(parameters.statusFilter) if parameters.statusFilter else None)

    def _reattach(self, caseId: str) -> None:
        """The open case of a scene, unless another one has edits that the user keeps."""
        case = self._session.case
        if case.id == caseId and case.isWhole():
            return
        try:
            if case.leave() and not case.reattach(caseId):
                self.table.select(caseId)
        except CohortError as error:
            self.messages.warning(str(error))

    def _refreshSummary(self, cases: Sequence[Case]) -> None:
        cohort = self._session.cohort
        self.ui.summaryLabel.show()
        if cohort is None:
            self.ui.summaryLabel.text = _("No cohort yet: create one, or open the folder of one.")
            self.ui.summaryLabel.toolTip = ""
            return
        self.ui.summaryLabel.text = summaryText(cohort.name, tuple(cases))
        self.ui.summaryLabel.toolTip = str(cohort.folder)

    def _refreshFilter(self, cases: Sequence[Case]) -> None:
        """The statuses to choose from, each with its count."""
        box = self.ui.statusFilter
        chosen = box.currentData or ""
        blocked = box.blockSignals(True)
        box.clear()
        box.addItem(_("All ({count})").format(count=len(cases)), "")
        for status in Status:
            count = sum(case.status is status for case in cases)
            if count or status.value == chosen:
                text = _("{status} ({count})").format(status=statusText(status), count=count)
                box.addItem(statusIcon(status), text, status.value)
        box.setCurrentIndex(max(box.findData(chosen), 0))
        box.blockSignals(blocked)

    def _refreshButtons(self) -> None:
        cohort, busy = self._session.cohort, self.adding.isBusy
        has = cohort is not None and bool(cohort.cases())
        self.ui.filterRow.setVisible(has)
        self.ui.caseView.setVisible(cohort is not None)
        self.ui.caseButtons.setVisible(cohort is not None)
        self.ui.progressRow.setVisible(busy)
        self.ui.addButton.enabled = self._canAdd()
        self.ui.addButton.toolTip = self._whyNotAdd() or _("Volumes can also be dropped on the list.")
        self.actions.refresh()

    def _canAdd(self) -> bool:
        return not self._whyNotAdd()

    def _whyNotAdd(self) -> str:
        cohort = self._session.cohort
        if cohort is None:
            return _("Open or create a cohort first.")
        if cohort.readOnly:
            return _("The cohort is read-only.")
        return _("Volumes are being added.") if self.adding.isBusy else ""

    def _showProgress(self, done: int, of: int) -> None:
        self.ui.progressBar.setRange(0, of)
        self.ui.progressBar.setValue(done)

    def _onFilter(self, *_arguments: object) -> None:
        value = self.ui.statusFilter.currentData or ""
        self.table.filterStatus(Status(value) if value else None)
        if self._session.parameters is not None:
            self._session.parameters.statusFilter = value

    def _onAlias(self) -> None:
        self._session.settings.alias = self.ui.aliasEdit.text
        self.ui.aliasEdit.text = self._session.alias
