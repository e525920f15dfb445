"""The button Suggest: which case to label next, and in it the slices to correct first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import scene
from ..cohort import Case, CohortError, Status
from ..engine import Suggestion
from ..i18n import _
from .case_suggester import CaseSuggester
from .case_titles import shortTitle
from .message_line import MessageLine
from .scrolling import isInView
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session


class SuggestBox:
    """changed(): another case is suggested, or none.

    ui: suggestButton; suggestingRow, suggestingBar, suggestingCancelButton; slicesRow, sliceButton.
    """

    def __init__(self, session: Session, ui: Any, messages: MessageLine) -> None:
        self.changed = Signal()
        self._session, self._ui, self._messages = session, ui, messages
        self._shownSlice: int | None = None
        self._suggester = CaseSuggester(session)
        ui.suggestButton.connect("clicked()", self._start)
        ui.suggestingCancelButton.connect("clicked()", self._suggester.cancel)
        ui.sliceButton.connect("clicked()", self._showSlice)
        for signal, listener in self._listeners():
            signal.connect(listener)
        self.refresh()

    def refresh(self) -> None:
        """Whether the button can be pressed, and why not."""
        ui, isRunning = self._ui, self._suggester.isRunning
        reason = _("The cases are being looked at.") if isRunning else self._suggester.whyNot()
        ui.suggestButton.enabled = not reason
        ui.suggestButton.toolTip = reason or _toolTip()
        ui.suggestingRow.setVisible(isRunning)
        self._refreshSlices()

    def next(self) -> tuple[Case, Suggestion] | None:
        """The suggested case to open next; None where the order of the list is as good."""
        return self._suggester.next()

    def close(self) -> None:
        """The window goes, and with it what the engine is doing."""
        for signal, listener in self._listeners():
            signal.disconnect(listener)
        self._suggester.close()

    def _listeners(self) -> tuple[tuple[Any, Any], ...]:
        session, suggester = self._session, self._suggester
        return (
            (session.cohortChanged, self._onCohort),
            (session.casesChanged, self._onCases),
            (session.setupFinished, self.refresh),
            (session.case.changed, self._onCase),
            (session.inView.changed, self._refreshSlices),
            (suggester.changed, self._onProgress),
            (suggester.found, self._onFound),
            (suggester.failed, self._onFailed),
        )

    def _start(self) -> None:
        self._messages.clear()
        self._suggester.start()

    def _startWithoutRun(self) -> None:
        self._messages.clear()
        self._suggester.start(useRun=False)

    def _onProgress(self) -> None:
        bar, (done, of) = self._ui.suggestingBar, self._suggester.progress
        bar.setFormat(_("Asking the model: %v of %m"))
        if self._suggester.stage == "embed":
            bar.setFormat(_("Comparing the images: %v of %m"))
        bar.setRange(0, of)
        bar.setValue(done)
        self.refresh()

    def _onFound(self, case: Case, suggestion: Suggestion) -> None:
        """Say it where the person looks; who works elsewhere meanwhile stays there."""
        isWatched = isInView(self._ui.suggestButton)
        text = _("Suggested next: {title}. {why}").format(title=case.title, why=suggestion.why)
        label = _("Open {title}").format(title=shortTitle(case.title))
        isOpen = case.id == self._session.case.id
        self._messages.info(text, () if isOpen else ((label, lambda: self._open(case)),))
        if isWatched:
            self._messages.reveal()
        self.changed.emit()

    def _onFailed(self, text: str) -> None:
        actions = ((_("By the images alone"), self._startWithoutRun),)
        self._messages.error(text, actions if self._suggester.usedRun else ())

    def _open(self, case: Case) -> None:
        try:
            self._session.case.open(case.id)
        except CohortError as error:
            self._messages.error(str(error))

    def _onCohort(self) -> None:
        self._suggester.forgetOtherCohort()
        self.refresh()

    def _onCases(self, _ids: tuple[str, ...] | None) -> None:
        self.refresh()

    def _onCase(self) -> None:
        self._shownSlice = None
        self._refreshSlices()

    def _refreshSlices(self) -> None:
        """Offered for the open case while its pseudo-label waits for a person."""
        points, case = self._points(), self._session.case.current
        isOffered = bool(points) and case is not None and case.status is Status.PSEUDO_LABELED
        self._ui.slicesRow.setVisible(isOffered and not self._session.inView.isAway)
        if isOffered:
            text = _("Go to slice {number} of {count}")
            self._ui.sliceButton.text = text.format(number=self._nextSlice() + 1, count=len(points))

    def _showSlice(self) -> None:
        points, case = self._points(), self._session.case
        if points and case.isWhole():
            self._shownSlice = self._nextSlice()
            scene.showPoint(case.volumeNode, points[self._shownSlice])
            self._refreshSlices()

    def _points(self) -> tuple[tuple[float, float, float], ...]:
        found = self._suggester.ofCase(self._session.case.id)
        return found.slices if found is not None else ()

    def _nextSlice(self) -> int:
        """The slice that the button leads to: one after the other, then the first one again."""
        return 0 if self._shownSlice is None else (self._shownSlice + 1) % len(self._points())


def _toolTip() -> str:
    return _(
        "Puts the cases to label into an order, typical ones and those unlike the labeled ones first: by the "
        "images alone, in seconds; after a training also by what the model doubts, which takes seconds per "
        "case the first time, with large volumes about a minute. Slicer can be used meanwhile."
    )
