"""Which case to label next: the engine is asked in the background, and the order that it gave is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cohort import Case, Cohort, CohortError
from ..engine import SuggestedOrder, Suggestion, casesToAsk, runToAsk, suggestCases, suggestionsFrom
from ..i18n import _
from .engine_task import EngineTask
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session

LEAST_WAITING = 2


class CaseSuggester:
    """changed(): the engine has begun, moved on or ended. found(case, suggestion): what to label first.
    failed(text): what the engine said; `usedRun` tells whether a training was asked, too.
    """

    def __init__(self, session: Session) -> None:
        self.changed = Signal()
        self.found = Signal()
        self.failed = Signal()
        self.stage, self.progress = "", (0, 0)  # "score" a training's doubts, "embed" images; cases done, of
        self.usedRun = False
        self._session = session
        self._asked: Cohort | None = None
        self._order: SuggestedOrder | None = None
        self._task = EngineTask()
        self._task.progressed.connect(self._onProgress)
        self._task.finished.connect(self._onFinished)

    @property
    def isRunning(self) -> bool:
        """Whether the engine is at it."""
        return self._task.isRunning

    def whyNot(self) -> str:
        """Why no case can be suggested; empty where one can."""
        cohort = self._session.cohort
        if cohort is None:
            return _("Open or create a cohort first.")
        if cohort.readOnly:
            return _("The cohort is read-only: nothing can be labeled.")
        if sum(item.role == "unlabeled" for item in cohort.trainingCases()) < LEAST_WAITING:
            return _("There is nothing to choose from: fewer than two cases are without a label.")
        if self._session.installer.missing():
            return _("Python packages are missing. Press Install in the section Train; it is done once.")
        try:
            self._session.requireEngine()
        except CohortError as error:
            return str(error)
        return ""

    def start(self, useRun: bool = True) -> None:
        """Ask the engine. useRun: what the last training doubts counts, too, where it can be asked."""
        if self.isRunning:
            return
        try:
            cohort, python = self._session.requireCohort(), self._session.requireEngine()
        except CohortError as error:
            self.failed.emit(str(error))
            return
        self._asked = cohort
        run = runToAsk(cohort.runsFolder) if useRun else None
        parameters = self._session.parameters
        threads = parameters.threads if parameters is not None else 0
        self.usedRun, self.stage, self.progress = run is not None, "", (0, 0)
        variables = self._session.variables()
        self._task.start(suggestCases(python, variables, casesToAsk(cohort), run, threads=threads))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop asking; what was suggested before stays."""
        self._task.cancel()

    def forgetOtherCohort(self) -> None:
        """Nothing is suggested any more where another cohort is open; its classes and name do not matter."""
        cohort = self._session.cohort
        if cohort is not self._asked:
            self._order, self._asked = None, None
            self.cancel()

    def close(self) -> None:
        """The window goes."""
        self._task.close()

    def next(self) -> tuple[Case, Suggestion] | None:
        """The suggested case to open next; None where there is none, or the cohort has changed since."""
        cohort = self._session.cohort
        if cohort is None or self._order is None:
            return None
        return self._order.next(cohort.cases(), self._session.case.id)

    def ofCase(self, caseId: str | None) -> Suggestion | None:
        """What was said about a case."""
        return self._order.find(caseId) if self._order is not None else None

    def _onProgress(self, message: dict[str, Any]) -> None:
        self.stage = str(message.get("stage", ""))
        self.progress = int(message.get("step") or 0), int(message.get("of") or 0)
        self.changed.emit()

    def _onFinished(self) -> None:
        if not self._task.wasCanceled:
            self._conclude()
        self.changed.emit()

    def _conclude(self) -> None:
        cohort = self._session.cohort
        if cohort is None:
            return
        if self._task.problem is not None:
            self.failed.emit(self._problemText())
            return
        order = SuggestedOrder(suggestionsFrom(self._task.messages), cohort.cases())
        first = order.next(cohort.cases())
        if first is None:
            self.failed.emit(_("The engine gave no suggestion. Try again."))
            return
        self._order = order
        self.found.emit(*first)

    def _problemText(self) -> str:
        """What went wrong, with the case where it was one: the engine knows it by a neutral name."""
        text = str(self._task.problem)
        errors = [message for message in self._task.messages if message.get("type") == "error"]
        named = str(errors[-1].get("case", "")) if errors else ""
        cases = self._session.requireCohort().cases()
        title = next((case.title for case in cases if case.id == named), "")
        return _("{case}: {problem}").format(case=title, problem=text) if title else text
