"""What all panels share: the open cohort, the open case, the state kept in the scene, and where Python is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import qt
import slicer

from ..cohort import Cohort, CohortError, SegmentClass
from ..engine import Device, EngineEnvironment
from ..i18n import _
from ..parameters import CFRSegmentParameterNode
from ..setup import BASE, Installer
from .case_in_view import CaseInView
from .case_session import CaseSession
from .settings import PersonalSettings
from .signals import Signal


class Session:
    """One per window or logic; no widgets in it. Signals tell the panels what has changed.

    cohortChanged(): another cohort or none, or its name or classes. casesChanged(ids or None for all):
    whoever changes cases emits it. modelsChanged(): a training has made a model. parametersChanged(): another
    parameter node or none. sectionWanted(name): a section is to be shown. setupWanted(groups): packages are
    needed now. setupFinished(): they were installed. toolChanged(name): another tool of the Segment Editor is
    in use, "" for none.
    closeQuestions: asked before Slicer closes; one that gives False keeps it open.
    """

    def __init__(self, installer: Installer | None = None) -> None:
        self.cohort: Cohort | None = None
        self.parameters: CFRSegmentParameterNode | None = None
        self.installer = installer or Installer()
        self.settings = PersonalSettings()
        self.cohortChanged = Signal()
        self.casesChanged = Signal()
        self.modelsChanged = Signal()
        self.parametersChanged = Signal()
        self.sectionWanted = Signal()
        self.setupWanted = Signal()
        self.setupFinished = Signal()
        self.toolChanged = Signal()
        self.closeQuestions: list[Callable[[], bool]] = []
        self.case = CaseSession(self)
        self.inView = CaseInView(self)
        self.closeQuestions.append(self.case.leave)

    @property
    def alias(self) -> str:
        """Who signs labels and decisions."""
        return self.settings.alias

    @property
    def python(self) -> Path | None:
        """Slicer's Python for other processes, None where it is not found."""
        found = shutil.which("PythonSlicer")
        return Path(found) if found else None

    @property
    def weightsFolder(self) -> Path:
        """Where SAM's weights are kept: not in Slicer's cache, which a user empties without a thought."""
        kind = qt.QStandardPaths.AppDataLocation
        return Path(qt.QStandardPaths.writableLocation(kind)) / "CFRSegment" / "weights"

    def variables(self) -> dict[str, str]:
        """The environment variables that Slicer was started with."""
        return dict(slicer.util.startupEnvironment())

    def environment(self, devices: Sequence[Device] = ()) -> EngineEnvironment:
        """What the engine would run in."""
        return EngineEnvironment(self.python, self.variables(), self.installer.missing(), tuple(devices))

    def requireCohort(self) -> Cohort:
        """The open cohort. Raises CohortError (no_cohort)."""
        if self.cohort is None:
            raise CohortError("no_cohort", _("No cohort is open."), _("Open or create one first."))
        return self.cohort

    def requireEngine(self) -> Path:
        """Slicer's Python. Raises CohortError (no_python)."""
        if self.python is None:
            text = _("The program PythonSlicer, which comes with Slicer, was not found.")
            raise CohortError("no_python", text, _("Install Slicer again."))
        return self.python

    def openCohort(self, folder: Path, takeOver: bool = False) -> Cohort | None:
        """Open a cohort in place of the one that is open; None where the user stays with unsaved edits.

        Raises CohortError: missing, not_a_cohort, newer_format, damaged; then nothing has changed.
        """
        isOpen = self.cohort is not None and self.cohort.folder == Path(folder).absolute()
        if isOpen and not takeOver:
            self.cohort.refresh()
        else:
            if not self.case.leave():
                return None
            if isOpen:
                self.cohort.close()
            opened = Cohort.open(folder, takeOver=takeOver)
            self.case.close(ask=False)
            self._exchange(opened)
        self.cohortChanged.emit()
        return self.cohort

    def createCohort(self, folder: Path, name: str, classes: Sequence[SegmentClass] = ()) -> Cohort | None:
        """Make a cohort in a new or empty folder and open it. Raises CohortError (exists, bad_name, ...)."""
        if not self.case.leave():
            return None
        made = Cohort.create(Path(folder), name, classes)
        self.case.close(ask=False)
        self._exchange(made)
        self.cohortChanged.emit()
        return made

    def closeCohort(self, ask: bool = True) -> bool:
        """Close cohort and case; False where the user stays with unsaved edits."""
        if not self.case.close(ask):
            return False
        self._exchange(None)
        self.cohortChanged.emit()
        return True

    def setParameters(self, parameters: CFRSegmentParameterNode | None) -> None:
        """Take over the state of a scene; None while there is none. The open cohort stays open."""
        self.parameters = parameters
        if parameters is not None and self.cohort is not None and not parameters.cohortFolder:
            parameters.cohortFolder = str(self.cohort.folder)
        if parameters is not None and self.inView.isWatched:
            self.inView.start()  # the views of a loaded scene
        self.parametersChanged.emit()

    def showSection(self, name: str) -> None:
        """Unfold a section (cohort, annotate, train, review, apply) and scroll to it."""
        self.sectionWanted.emit(name)

    def requestSetup(self, groups: Sequence[str] = (BASE,)) -> None:
        """Ask for the installation of what is missing in these groups of packages (BASE, SAM, FAST)."""
        self.setupWanted.emit(tuple(groups))

    def cleanup(self) -> None:
        """The window goes: another Slicer may write to the cohort. Nodes stay in the scene."""
        self.inView.stop()
        self.case.forget()
        if self.cohort is not None:
            self.cohort.close()

    def _exchange(self, cohort: Cohort | None) -> None:
        if self.cohort is not None:
            self.cohort.close()
        self.cohort = cohort
        if cohort is not None:
            self.settings.rememberCohort(cohort.folder)
        if self.parameters is not None:
            self.parameters.cohortFolder = str(cohort.folder) if cohort is not None else ""
            self.parameters.caseId = ""
