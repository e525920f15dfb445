"""What a reviewer does, without widgets: decide on the open pseudo-label and go on to the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cohort import Case, CohortError, Status
from ..i18n import _
from ..scene import SaveReport
from .review_queue import DECIDED, nextInQueue

if TYPE_CHECKING:
    from .session import Session


class Reviewer:
    """Every method raises CohortError, which says what happened and what to do; then nothing has changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def waiting(self) -> Case | None:
        """The open case, where it waits for a decision."""
        case = self._session.case.current
        isWaiting = case is not None and case.status is Status.PSEUDO_LABELED
        return case if isWaiting and self._session.case.isWhole() else None

    @property
    def decided(self) -> Case | None:
        """The open case, where its pseudo-label was decided on."""
        case = self._session.case.current
        return case if case is not None and case.status in DECIDED and case.run is not None else None

    @property
    def hasEdits(self) -> bool:
        """Whether the open pseudo-label was changed by hand."""
        return self._session.case.isModified

    def accept(self) -> bool:
        """The open pseudo-label is right; goes on to the next one, False where there is none."""
        return self._decide("accept")

    def reject(self) -> bool:
        """The open pseudo-label is of no use; goes on to the next one, False where there is none."""
        return self._decide("reject")

    def saveCorrection(self) -> tuple[SaveReport, int | None, bool]:
        """What was drawn is the label; goes on to the next one.

        Gives what was saved, how many voxels differ from the pseudo-label, and whether there was a next one.
        """
        case, following = self._requireWaiting(), self._following()
        report = self._session.case.save()
        changed = self._session.requireCohort().case(case.id).changedVoxels
        return report, changed, self._open(following)

    def discardEdits(self) -> None:
        """The open pseudo-label as the training made it."""
        self._session.case.discard()

    def openNext(self) -> bool:
        """Show the next case that waits, the most uncertain one at first; False where there is no other."""
        return self._open(self._following())

    def undo(self) -> Case:
        """Take the last decision back and show its case."""
        cohort = self._session.requireCohort()
        case = cohort.undo(self._session.alias)
        self._session.casesChanged.emit((case.id,))
        self._show(case)
        return case

    def reopen(self) -> Case | None:
        """Let the open case, which is decided, be decided on again; None where the user stays with edits."""
        case = self.decided
        if case is None:
            text = _("The open case has no decision.")
            raise CohortError("not_decided", text, _("Choose a decided case in the list."))
        if not self._session.case.leave():
            return None
        case = self._session.requireCohort().reopen(case.id, self._session.alias)
        self._session.casesChanged.emit((case.id,))
        self._show(case)
        return case

    def _decide(self, action: str) -> bool:
        case, following, cohort = self._requireWaiting(), self._following(), self._session.requireCohort()
        getattr(cohort, action)(case.id, self._session.alias)
        self._session.casesChanged.emit((case.id,))
        return self._open(following)

    def _requireWaiting(self) -> Case:
        if self.waiting is None:
            text = _("No pseudo-label is open.")
            raise CohortError("not_decidable", text, _("Choose a case in the list, or press N."))
        return self.waiting

    def _following(self) -> Case | None:
        """The case that is shown next, as the queue is now."""
        return nextInQueue(self._session.requireCohort().reviewQueue(), self._session.case.id)

    def _open(self, case: Case | None) -> bool:
        return case is not None and self._session.case.open(case.id)

    def _show(self, case: Case) -> None:
        """Show what the case has now; edits of another one are asked about."""
        if case.id == self._session.case.id:
            self._session.case.discard()
        else:
            self._session.case.open(case.id)
