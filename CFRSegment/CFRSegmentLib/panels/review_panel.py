"""The section Review: pseudo-labels, most uncertain first, each decided on with one key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import qt

from ..cohort import CohortError
from ..i18n import _
from .case_in_view import AwayLine
from .case_texts import reviewText
from .label_texts import needsAttention, savedText
from .message_line import Action, MessageLine
from .review_history import ReviewHistory
from .review_keys import ReviewKeys
from .review_queue import ReviewQueue, decidedCases
from .reviewer import Reviewer
from .scrolling import keepInPlace
from .status_looks import statusText
from .ui_files import loadPanelUi
from .uncertainty_overlay import UncertaintyOverlay

if TYPE_CHECKING:
    from .session import Session

WAITING, DECIDED = 0, 1  # entries of the filter


class ReviewPanel:
    """Over `session`, in `parent`, whose layout is vertical."""

    def __init__(self, parent: qt.QWidget, session: Session) -> None:
        self._parent, self._session = parent, session
        self._reviewer = Reviewer(session)
        self._openRun: str | None = None

    def setup(self) -> None:
        """Make the widgets and connect everything."""
        self.ui = loadPanelUi("ReviewPanel", self._parent)
        layout = self.ui.reviewContentsLayout
        self.message = MessageLine(layout, layout.indexOf(self.ui.decisionRow) + 1, "reviewMessage")
        self._away = AwayLine(self._session, layout, layout.indexOf(self.ui.reviewCaseLabel), "reviewAway")
        self._queue = ReviewQueue(self.ui.queueView)
        self._history = ReviewHistory(self.ui.historyView)
        self._overlay = UncertaintyOverlay(self._session, self.ui)
        self.ui.queueFilter.addItems(["", ""])
        self._soon = qt.QTimer()  # when the section is on the screen
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.connect("timeout()", self._refreshQueue)
        self._reloadSoon = qt.QTimer()  # in an event of its own: it takes as long as all the rest
        self._reloadSoon.setSingleShot(True)
        self._reloadSoon.setInterval(0)
        self._reloadSoon.connect("timeout()", self._reloadNewer)
        decisions: dict[str, Callable[[], None]] = {
            "A": self._accept, "C": self._correct, "X": self._reject, "N": self._next, "U": self._undo
        }  # fmt: skip
        self._keys = ReviewKeys({key: self._whenShown(action) for key, action in decisions.items()})
        self._keys.add("O", self._whenShown(self._overlay.toggle))
        buttons = ("acceptButton", "correctButton", "rejectButton", "nextCaseButton", "undoButton")
        for name, action in zip(buttons, decisions.values(), strict=True):
            getattr(self.ui, name).connect("clicked()", action)
        self.ui.reopenButton.connect("clicked()", self._reopen)
        self.ui.queueFilter.connect("activated(int)", self._refreshQueue)
        self._parent.connect("contentsCollapsed(bool)", self._onFolded)
        self.ui.historyBox.connect("contentsCollapsed(bool)", self._refreshHistory)
        for signal, listener in self._listeners():
            signal.connect(listener)
        self.refresh()

    def refresh(self) -> None:
        """Show what the session holds."""
        self._refreshQueue()
        self._refreshHistory()
        self._refreshDecisions()
        self._overlay.refresh()

    def enter(self) -> None:
        """The module is shown: its keys work."""
        self._keys.take()
        self._soon.start()

    def exit(self) -> None:
        """Another module is shown: the keys are free, edits stay as they are."""
        self._keys.release()

    def cleanup(self) -> None:
        """The window goes."""
        self.exit()
        self._soon.stop()
        self._reloadSoon.stop()
        self._overlay.close()
        for signal, listener in self._listeners():
            signal.disconnect(listener)

    def _listeners(self) -> tuple[tuple[Any, Any], ...]:
        session = self._session
        return (
            (session.cohortChanged, self._onCohort),
            (session.casesChanged, self._onCases),
            (session.parametersChanged, self._overlay.refresh),
            (session.case.changed, self._onCase),
            (session.case.editsChanged, self._onEdits),
            (session.inView.changed, self._onView),
            (session.toolChanged, self._keys.lend),
            (self._queue.chosen, self._open),
            (self._overlay.failed, self.message.error),
        )

    def _whenShown(self, action: Callable[[], None]) -> Callable[[], None]:
        """A key works only while one sees what it decides on."""

        def act() -> None:
            if self.ui.top.isVisible():
                action()

        return act

    def _try(self, action: Callable[[], Any]) -> Any:
        """Do what a person asked for; the buttons stay in place, though the editor may open above."""
        keepInPlace(self.ui.reviewCaseLabel, self.ui.undoButton)
        return self._attempt(action)

    def _attempt(self, action: Callable[[], Any]) -> Any:
        """Do it; what cannot be done is said in the panel."""
        self.message.clear()
        try:
            return action()
        except CohortError as error:
            self.message.error(str(error))
            return None

    def _accept(self) -> None:
        self._decide(self._reviewer.accept, _("Discard changes and accept"))

    def _reject(self) -> None:
        self._decide(self._reviewer.reject, _("Discard changes and reject"))

    def _decide(self, decide: Callable[[], bool], discardText: str) -> None:
        """Decide, unless something was drawn: that is never thrown away without a word."""
        if not self.ui.acceptButton.enabled:
            return
        if self._reviewer.hasEdits:
            actions: list[Action] = [
                (_("Save correction"), self._correct),
                (discardText, lambda: self._discardAnd(decide)),
            ]
            self.message.warning(_("The pseudo-label has changes that are not saved."), actions)
            self.message.reveal()
            return
        if self._try(decide) is False:
            self._sayDone()

    def _discardAnd(self, decide: Callable[[], bool]) -> None:
        def both() -> bool:
            self._reviewer.discardEdits()
            return decide()

        if self._try(both) is False:
            self._sayDone()

    def _correct(self) -> None:
        """Save what was drawn and go on; where nothing was drawn yet, show the editor."""
        if not self.ui.correctButton.enabled:
            return
        if not self._reviewer.hasEdits:
            self._overlay.setAside()
            self._session.showSection("annotate")
            self.message.info(_("Correct it in the Segment Editor, then press C again."))
            return
        saved = self._try(self._reviewer.saveCorrection)
        if saved is None:
            return
        report, changed, hasNext = saved
        if needsAttention(report):
            self.message.warning(savedText(report))
            self.message.reveal()
        elif not hasNext:
            self._sayDone()
        elif changed is not None:
            self.message.info(_("Correction saved: {count} voxels changed.").format(count=changed))

    def _next(self) -> None:
        if self._session.cohort is not None and self._try(self._reviewer.openNext) is False:
            self._sayDone()

    def _undo(self) -> None:
        if not self.ui.undoButton.enabled:
            return
        case = self._try(self._reviewer.undo)
        if case is not None:
            text = _("Taken back: {case} is {status} again.")
            self.message.info(text.format(case=case.title, status=statusText(case.status).lower()))

    def _reopen(self) -> None:
        self._try(self._reviewer.reopen)

    def _open(self, caseId: str) -> None:
        if caseId != self._session.case.id or not self._session.case.isWhole():
            self._try(lambda: self._session.case.open(caseId))
            self._refreshQueue()  # where the user stays with the case before, it is marked again

    def _sayDone(self) -> None:
        """Nothing is left to be shown: say so, if nothing is left at all."""
        cohort = self._session.cohort
        if cohort is not None and not cohort.reviewQueue():
            text = _("Everything is reviewed. Train again to learn from it.")
            self.message.info(text, [(_("Train"), lambda: self._session.showSection("train"))])

    def _onFolded(self, isFolded: bool) -> None:
        if not isFolded:
            self._soon.start()

    def _onCohort(self) -> None:
        self.message.clear()
        self.refresh()

    def _onCases(self, _ids: tuple[str, ...] | None) -> None:
        self._reloadSoon.start()
        self.refresh()

    def _onCase(self) -> None:
        current = self._session.case.current
        self._openRun = current.run if current is not None else None
        self.message.clear()
        self.refresh()

    def _onEdits(self) -> None:
        if self._reviewer.hasEdits:
            self._overlay.setAside()
        self._refreshDecisions()

    def _onView(self) -> None:
        """The open case came into view or left it."""
        self._refreshDecisions()
        self._overlay.refresh()

    def _reloadNewer(self) -> None:
        """Show the pseudo-label of a newer training in place of the open one, unless that was edited."""
        case = self._reviewer.waiting
        if case is None or case.run == self._openRun:
            return
        self._openRun = case.run
        if self._reviewer.hasEdits:
            text = _("There is a newer pseudo-label of this case. Discard your changes to see it.")
            self.message.warning(text, [(_("Discard changes"), self._reviewer.discardEdits)])
        else:
            self._attempt(self._session.case.discard)

    def _refreshQueue(self, *_arguments: object) -> None:
        """Which cases wait, how many are done, or why there are none."""
        cohort, ui = self._session.cohort, self.ui
        waiting = cohort.reviewQueue() if cohort is not None else ()
        decided = decidedCases(cohort) if cohort is not None else ()
        ui.reviewContents.setVisible(bool(waiting or decided))
        ui.historyBox.setVisible(cohort is not None)
        ui.reviewEmptyLabel.setVisible(not waiting and not decided)
        ui.reviewEmptyLabel.text = (
            _("Open or create a cohort first.")
            if cohort is None
            else _("Nothing to review yet. After a training, the pseudo-labels of the other cases come here.")
        )
        total = len(waiting) + len(decided)
        ui.reviewProgressBar.setRange(0, max(1, total))
        ui.reviewProgressBar.setValue(len(decided))
        text = _("{done} of {of} reviewed").format(done=len(decided), of=total)
        ui.reviewProgressBar.setFormat(text)
        ui.queueFilter.setItemText(WAITING, _("To review ({count})").format(count=len(waiting)))
        ui.queueFilter.setItemText(DECIDED, _("Decided ({count})").format(count=len(decided)))
        areDecided = ui.queueFilter.currentIndex == DECIDED
        if ui.top.isVisible():  # else it is filled when the section is unfolded
            self._queue.show(decided if areDecided else waiting, self._session.case.id, areDecided)

    def _refreshHistory(self, *_arguments: object) -> None:
        cohort = self._session.cohort
        if cohort is not None and not self.ui.historyBox.collapsed:
            self._history.show(cohort.history(), {case.id: case.title for case in cohort.cases()})

    def _refreshDecisions(self) -> None:
        """Which decisions are possible, and on what: only on what is in view."""
        self._away.refresh()
        ui, cohort, waiting = self.ui, self._session.cohort, self._reviewer.waiting
        canWrite = cohort is not None and not cohort.readOnly
        for button in (ui.acceptButton, ui.correctButton, ui.rejectButton):
            button.enabled = waiting is not None and canWrite and not self._session.inView.isAway
        hasEdits = waiting is not None and self._reviewer.hasEdits
        ui.correctButton.text = _("Save (C)") if hasEdits else _("Correct (C)")
        queue = cohort.reviewQueue() if cohort is not None else ()
        ui.nextCaseButton.enabled = any(case.id != self._session.case.id for case in queue)
        ui.undoButton.enabled = canWrite and cohort.undoable() is not None
        ui.reopenButton.enabled = canWrite and self._reviewer.decided is not None
        ui.reviewCaseLabel.text = reviewText(waiting, self._reviewer.decided, hasEdits)
