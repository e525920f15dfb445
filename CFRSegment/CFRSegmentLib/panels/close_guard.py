"""Asks before Slicer closes, where something would be lost or has to be decided."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer

from ..cohort import CohortError
from ..i18n import _

Question = Callable[[], bool]


class CloseGuard(qt.QObject):
    """An event filter of the main window. Each question may answer False: then Slicer stays open."""

    def __init__(self, questions: list[Question]) -> None:
        super().__init__()
        self._questions = questions
        self._window = slicer.util.mainWindow()
        if self._window is not None:
            self._window.installEventFilter(self)

    def eventFilter(self, _watched: qt.QObject, event: qt.QEvent) -> bool:
        """Called by Qt for each event of the main window; True keeps the event from it."""
        if event.type() != qt.QEvent.Close or self._mayClose():
            return False
        event.ignore()
        return True

    def remove(self) -> None:
        """Ask no more."""
        if self._window is not None:
            self._window.removeEventFilter(self)
            self._window = None

    def _mayClose(self) -> bool:
        """Where a label cannot be saved Slicer stays open: what is drawn would go with it."""
        try:
            with slicer.util.tryWithErrorDisplay(_("The label could not be saved.")):
                return all(question() for question in tuple(self._questions))
        except CohortError:
            return False
