"""Waiting in tests by turns of the real event loop, never by sleeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6 import QtCore

from Testing.bed.errors import slot_errors

T = TypeVar("T")
POLL_MILLISECONDS = 20
MOST_TURNS = 50


class WaitError(AssertionError):
    """What a test waited for did not come, or an error came first."""


def process_events(seconds: float = 0.0) -> None:
    """Run the event loop for a time; with 0 until nothing is left to do, deferred deletions included."""
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()
    dispatcher = QtCore.QAbstractEventDispatcher.instance()
    for _ in range(MOST_TURNS if seconds == 0 else 0):  # a timer without interval has always something to do
        if not dispatcher.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents):
            break
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def wait_until(condition: Callable[[], T], what: str = "the condition", seconds: float = 10.0) -> T:
    """Run the event loop until `condition` gives something true, and return that.

    Raises `WaitError` when the time is over, and at once when an error is logged meanwhile; what `condition`
    raises comes out unchanged.
    """
    known_errors = len(slot_errors)
    loop, timer, result = QtCore.QEventLoop(), QtCore.QTimer(), _Result(condition)
    timer.setInterval(POLL_MILLISECONDS)
    deadline = QtCore.QDeadlineTimer(round(seconds * 1000))

    def look() -> None:
        if result.look() or deadline.hasExpired() or len(slot_errors) > known_errors:
            loop.quit()

    timer.timeout.connect(look)
    if not result.look():
        timer.start()
        loop.exec()
        timer.stop()
    if result.error is not None:
        raise result.error
    if result.value:
        return result.value
    if len(slot_errors) > known_errors:
        raise WaitError(f"While waiting for {what}, an error came:\n{slot_errors[known_errors]}")
    raise WaitError(f"Waited {seconds:g} s in vain for {what}; its last value was {result.value!r}.")


class _Result:
    """The last value of a condition, or what it raised."""

    def __init__(self, condition: Callable) -> None:
        self._condition = condition
        self.value: object = None
        self.error: BaseException | None = None

    def look(self) -> bool:
        try:
            self.value = self._condition()
        except BaseException as error:
            self.error = error
        return bool(self.value) or self.error is not None
