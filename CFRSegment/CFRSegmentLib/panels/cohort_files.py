"""Making and opening cohorts: the form for a new one, recent ones, what is said when one cannot be opened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import qt
import slicer

from ..cohort import CohortError, SegmentClass
from ..i18n import _
from .message_line import MessageLine
from .session import Session

FIRST_COLOR = (128, 174, 128)  # Slicer's color for tissue
NOT_IN_FILE_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')


class CohortFiles:
    """The buttons New and Open with what belongs to them."""

    def __init__(self, session: Session, ui: Any, messages: MessageLine, access: MessageLine) -> None:
        self._session = session
        self._ui = ui
        self._messages = messages
        self._access = access

    def setup(self) -> None:
        """Connect the widgets."""
        ui = self._ui
        ui.newForm.hide()
        ui.newButton.connect("clicked()", self._showForm)
        ui.cancelCreateButton.connect("clicked()", ui.newForm.hide)
        ui.createButton.connect("clicked()", self._create)
        ui.nameEdit.connect("textChanged(QString)", self._refreshForm)
        ui.nameEdit.connect("returnPressed()", self._create)
        ui.locationEdit.connect("currentPathChanged(QString)", self._refreshForm)
        ui.openButton.connect("clicked()", self._askAndOpen)
        self._menu = qt.QMenu(ui.openButton)
        self._menu.connect("aboutToShow()", self._fillMenu)
        ui.openButton.setMenu(self._menu)

    def refresh(self) -> None:
        """Say whether the cohort can be written to."""
        cohort = self._session.cohort
        if cohort is None or not cohort.readOnly:
            self._access.clear()
            return
        text = _("Read-only: {reason} Cases can be looked at, nothing can be changed.")
        actions = [(_("Try again"), self._reopen)]
        if cohort.isOpenElsewhere:  # also what a computer that was switched off leaves behind
            actions.append((_("Take over"), self._takeOver))
        self._access.warning(text.format(reason=cohort.readOnlyReason), actions)

    def open(self, folder: Path, takeOver: bool = False) -> bool:
        """Open a cohort; what went wrong is said in a line. False where it is not open."""
        try:
            opened = self._session.openCohort(folder, takeOver)
        except CohortError as error:
            self._sayProblem(folder, error)
            return False
        if opened is not None:
            self._messages.clear()
        return opened is not None

    def _sayProblem(self, folder: Path, error: CohortError) -> None:
        if error.code != "missing":
            self._messages.error(str(error))
            return
        if self._session.cohort is None:
            self._ui.summaryLabel.hide()  # it would say to open one, and here is the question about one
        text = _("The cohort {folder} is not there. Where is it now?").format(folder=folder)
        forget = (_("Forget it"), lambda: self._forget(folder))
        self._messages.error(text, [(_("Choose folder..."), self._askAndOpen), forget])

    def _forget(self, folder: Path) -> None:
        self._session.settings.forgetCohort(folder)
        parameters = self._session.parameters
        if parameters is not None and parameters.cohortFolder == str(folder):
            parameters.cohortFolder = ""
        self._messages.clear()
        self._ui.summaryLabel.show()

    def _reopen(self) -> None:
        self.open(self._session.requireCohort().folder)

    def _takeOver(self) -> None:
        """The other Slicer becomes read-only."""
        self.open(self._session.requireCohort().folder, takeOver=True)

    def _askAndOpen(self) -> None:
        recent = self._session.settings.recentCohorts
        start = str(recent[0].parent) if recent else self._home()
        title = _("Open the folder of a cohort")
        found = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, start)
        if found:
            self.open(Path(found))

    def _fillMenu(self) -> None:
        self._menu.clear()
        recent = self._session.settings.recentCohorts
        for folder in recent:
            action = self._menu.addAction(folder.name)
            action.toolTip = str(folder)
            action.connect("triggered()", lambda folder=folder: self.open(folder))
        if not recent:
            self._menu.addAction(_("No cohort was open before")).setEnabled(False)

    def _showForm(self) -> None:
        """The form for a new cohort, beside the last one."""
        recent = self._session.settings.recentCohorts
        self._ui.nameEdit.text = ""
        self._ui.locationEdit.currentPath = str(recent[0].parent) if recent else self._home()
        self._ui.newForm.show()
        self._ui.nameEdit.setFocus()
        self._refreshForm()

    def _refreshForm(self, *_arguments: object) -> None:
        reason = self._whyNot()
        self._ui.createButton.enabled = not reason
        self._ui.createButton.toolTip = reason or _("Make {folder}").format(folder=self._newFolder())

    def _whyNot(self) -> str:
        """Why the cohort cannot be made yet; empty when it can."""
        if not self._ui.nameEdit.text.strip():
            return _("Give the cohort a name first.")
        location = self._ui.locationEdit.currentPath.strip()
        if not location or not Path(location).is_dir():
            return _("Choose a folder that is there.")
        return ""

    def _newFolder(self) -> Path:
        name = NOT_IN_FILE_NAMES.sub(" ", self._ui.nameEdit.text)
        return Path(self._ui.locationEdit.currentPath.strip()) / (
            " ".join(name.split()).strip(". ") or "cohort"
        )

    def _create(self) -> None:
        """Make the cohort, with one class named like it: most tasks have one structure."""
        if self._whyNot():
            return
        name = " ".join(self._ui.nameEdit.text.split())
        try:
            made = self._session.createCohort(self._newFolder(), name, [SegmentClass(1, name, FIRST_COLOR)])
        except CohortError as error:
            self._messages.error(str(error))
            return
        if made is not None:
            self._ui.newForm.hide()
            text = _("The cohort is in {folder}. Add volumes to it.").format(folder=made.folder)
            self._messages.info(text)

    def _home(self) -> str:
        places = qt.QStandardPaths
        documents = places.writableLocation(places.DocumentsLocation)
        return documents if Path(documents).is_dir() else places.writableLocation(places.HomeLocation)
