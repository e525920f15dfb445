"""The section Annotate: the classes, Slicer's Segment Editor on the open case, and saving its label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt
import slicer

from ..cohort import Case, CohortError
from ..i18n import _
from .case_in_view import AwayLine
from .case_titles import shortTitle
from .class_looks import classesAsShown
from .classes_table import ClassesTable
from .editor_host import EditorHost
from .label_texts import needsAttention, savedText
from .message_line import MessageLine
from .session import Session
from .status_looks import statusText
from .suggest_box import SuggestBox
from .ui_files import loadPanelUi

SAVE_KEY = "Ctrl+L"
LABEL_TYPES = "*.seg.nrrd *.nrrd *.nii.gz *.nii *.mha"


class AnnotatePanel:
    """Over `session`, in `parent`, whose layout is vertical."""

    def __init__(self, parent: Any, session: Session) -> None:
        self._parent = parent
        self._session = session
        self._shortcut: qt.QShortcut | None = None
        self._looksAreRead = True

    def setup(self) -> None:
        """Make the widgets and connect them."""
        self.ui = loadPanelUi("AnnotatePanel", self._parent)
        layout = self.ui.top.layout()
        self.messages = MessageLine(layout, layout.indexOf(self.ui.saveRow) + 1, "annotateMessage")
        self._away = AwayLine(self._session, layout, layout.indexOf(self.ui.caseRow) + 1, "annotateAway")
        self.classes = ClassesTable(self._session, self.ui, self.messages)
        self.classes.setup()
        self.suggest = SuggestBox(self._session, self.ui, self.messages)
        self.host = EditorHost(self.ui.editorFrame)
        self.host.toolChanged.connect(self._session.toolChanged.emit)
        self.ui.saveButton.connect("clicked()", self.save)
        self.ui.nextButton.connect("clicked()", self._openNext)
        self.ui.importButton.connect("clicked()", self._import)
        self._session.case.canUndoEdit = self.host.canUndo
        for signal, listener in self._listeners():
            signal.connect(listener)
        self.refresh()

    def refresh(self) -> None:
        """Show classes and case as they are now."""
        self.classes.refresh()
        self._session.case.applyClasses()
        self._showCase()

    def enter(self) -> None:
        """The module is shown: its keys work."""
        self.host.enter()
        self.suggest.refresh()
        window = slicer.util.mainWindow()
        if window is not None and self._shortcut is None:
            self._shortcut = qt.QShortcut(qt.QKeySequence(SAVE_KEY), window)
            self._shortcut.connect("activated()", self.save)

    def exit(self) -> None:
        """The module is left: its keys are released, edits stay."""
        self.host.exit()
        if self._shortcut is not None:
            self._shortcut.setEnabled(False)
            self._shortcut.deleteLater()
            self._shortcut = None

    def cleanup(self) -> None:
        """The window goes."""
        self.exit()
        for signal, listener in self._listeners():
            signal.disconnect(listener)
        self.suggest.close()
        self.host.cleanup()

    def save(self) -> None:
        """Save the label of the open case and say what was saved."""
        if self._whyNotSave():
            return
        try:
            report = self._session.case.save()
        except CohortError as error:
            self.messages.error(str(error))
            return
        say = self.messages.warning if needsAttention(report) else self.messages.info
        say(savedText(report))
        self.messages.reveal()

    def _listeners(self) -> Sequence[tuple[Any, Any]]:
        session = self._session
        return (
            (session.cohortChanged, self.refresh),
            (session.casesChanged, self._onCases),
            (session.parametersChanged, self._onCase),
            (session.case.changed, self._onCase),
            (session.case.editsChanged, self._refreshState),
            (session.case.looksChanged, self._onLooks),
            (session.inView.changed, self._showCase),
            (self.suggest.changed, self._refreshNext),
        )

    def _onCase(self) -> None:
        """Another case is open, or none."""
        self.messages.clear()
        if self._session.case.id is not None and self._session.requireCohort().classes:
            self.ui.classesBox.collapsed = True  # the editor lists them, too
        self._showCase()

    def _showCase(self) -> None:
        case, cohort = self._session.case, self._session.cohort
        if self._session.parameters is not None:
            readOnly = cohort is None or cohort.readOnly or self._session.inView.isAway
            self.host.edit(case.volumeNode, case.segmentationNode, readOnly)
        self._refreshState()

    def _onCases(self, _ids: tuple[str, ...] | None) -> None:
        self._refreshState()

    def _onLooks(self) -> None:
        """A segment was renamed or colored in the editor; read it when the editor is done with it."""
        if self._looksAreRead:
            self._looksAreRead = False
            qt.QTimer.singleShot(0, self._readLooks)

    def _readLooks(self) -> None:
        """The class follows its segment: the change was meant for the structure, not for one case."""
        self._looksAreRead = True
        cohort, case = self._session.cohort, self._session.case
        if cohort is None or cohort.readOnly or not case.isWhole():
            return
        shown = classesAsShown(case.segmentationNode, cohort.classes)
        if shown == cohort.classes:
            return
        try:
            cohort.setClasses(shown)
        except CohortError as error:
            self.messages.error(str(error))
            case.applyClasses()
            return
        self._session.cohortChanged.emit()

    def _refreshState(self) -> None:
        """What is open, whether it is saved, and what can be done."""
        self._away.refresh()
        cohort, case = self._session.cohort, self._session.case.current
        self.ui.classesBox.setVisible(cohort is not None)
        names = ", ".join(item.name for item in cohort.classes) if cohort is not None else ""
        self.ui.classesBox.title = _("Classes: {names}").format(names=shortTitle(names, 40) or _("none yet"))
        self.ui.emptyLabel.setVisible(case is None)
        self.ui.emptyLabel.text = self._emptyText()
        self.ui.caseRow.setVisible(case is not None)
        self.ui.editorFrame.setVisible(case is not None)
        self.ui.saveRow.setVisible(cohort is not None and bool(cohort.cases()))
        if case is not None:
            self.ui.caseLabel.text = case.title
            self.ui.caseLabel.toolTip = case.title
            self.ui.stateLabel.text = self._stateText(case)
        reason = self._whyNotSave()
        self.ui.saveButton.enabled = not reason
        tip = _("Save the label of this case ({key}).").format(key=SAVE_KEY)
        self.ui.saveButton.toolTip = reason or tip
        reason = self._whyNotImport()
        self.ui.importButton.enabled = not reason
        self.ui.importButton.toolTip = reason or _("Take the label from a file on the voxels of this volume.")
        self._refreshNext()

    def _emptyText(self) -> str:
        cohort = self._session.cohort
        if cohort is None:
            return _("Open or create a cohort first.")
        if not cohort.cases():
            return _("Add volumes to the cohort first.")
        return _("Open a case in the list above to label it.")

    def _stateText(self, case: Case) -> str:
        if self._session.case.isModified:
            return _("Changes not saved")
        return statusText(case.status)

    def _whyNotSave(self) -> str:
        """Why there is nothing to save; empty when there is."""
        cohort, case = self._session.cohort, self._session.case.current
        if cohort is None or case is None:
            return _("Open a case first.")
        if cohort.readOnly:
            return _("The cohort is read-only.")
        if not cohort.classes:
            return _("Add a class first.")
        if self._session.case.isModified or (case.label is None and case.draft is not None):
            return ""
        return _("Nothing has changed since it was saved.") if case.label else _("Nothing is drawn yet.")

    def _whyNotImport(self) -> str:
        cohort = self._session.cohort
        if cohort is None or self._session.case.id is None:
            return _("Open a case first.")
        return _("The cohort is read-only.") if cohort.readOnly else ""

    def _import(self) -> None:
        """Ask for a file; its label is shown and saved with the next click."""
        types = _("Labels ({types})").format(types=LABEL_TYPES)
        window, title = slicer.util.mainWindow(), _("Import a label")
        found = qt.QFileDialog.getOpenFileName(window, title, "", types)
        if not found:
            return
        try:
            self._session.case.importLabel(Path(found))
        except CohortError as error:
            self.messages.error(str(error))
            return
        self.messages.info(_("The label was imported. Check it, then save it."))

    def _refreshNext(self) -> None:
        """The suggested case, where one is; else the next one of the list."""
        found, why = self._nextCase()
        self.ui.nextButton.enabled = found is not None
        if found is None:
            self.ui.nextButton.text = _("Next case")
            self.ui.nextButton.toolTip = _("No other case is left to label.")
            return
        self.ui.nextButton.text = _("Next: {title}").format(title=shortTitle(found.title))
        tip = (
            _("Open {title}, which is suggested. {why}")
            if why
            else _("Open {title}, which has no label yet.")
        )
        self.ui.nextButton.toolTip = tip.format(title=found.title, why=why)

    def _nextCase(self) -> tuple[Case | None, str]:
        """The case to open next, and why it is suggested; the reason is empty where it is not."""
        cohort = self._session.cohort
        if cohort is None:
            return None, ""
        suggested = self.suggest.next()
        if suggested is not None:
            return suggested[0], suggested[1].why
        return cohort.nextToLabel(self._session.case.id), ""

    def _openNext(self) -> None:
        found, _why = self._nextCase()
        if found is None:
            return
        try:
            self._session.case.open(found.id)
        except CohortError as error:
            self.messages.error(str(error))
