"""A short verb of the engine under way: a timer polls it, signals tell what it says. Nothing here blocks."""

from __future__ import annotations

from typing import Any

import qt

from ..engine import Problem, VerbProcess
from ..i18n import _
from .signals import Signal

INTERVAL_MS = 100


class EngineTask:
    """One VerbProcess at a time.

    messageReceived(dict): each message, in order. progressed(dict): only those of the type progress.
    finished(): the process has ended, was canceled or could not be started; `problem` says why it failed and
    is None after success and after `cancel`. finished may come before `start` returns.
    """

    def __init__(self) -> None:
        self.messageReceived = Signal()
        self.progressed = Signal()
        self.finished = Signal()
        self.wasCanceled = False
        self._process: VerbProcess | None = None
        self._problem: Problem | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.connect("timeout()", self._poll)

    @property
    def isRunning(self) -> bool:
        """Whether a process is under way."""
        return self._timer.isActive()

    @property
    def problem(self) -> Problem | None:
        """What ended the last process, in words."""
        return self._problem

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """Everything that the last process has said."""
        return tuple(self._process.messages) if self._process is not None else ()

    def start(self, process: VerbProcess) -> None:
        """Begin `process`, which is not started yet. RuntimeError where another one is under way."""
        if self.isRunning:
            raise RuntimeError("a task is under way")
        self._process, self._problem, self.wasCanceled = process, None, False
        try:
            process.start()
        except OSError as error:
            text = _("The engine cannot be started ({reason}).").format(reason=error.strerror or error)
            self._problem = Problem("not_started", text, _("Install the extension again."))
            self.finished.emit()
            return
        self._timer.start()

    def cancel(self) -> None:
        """Ask the process to stop; `finished` comes when it and its children are gone."""
        if self.isRunning and self._process is not None:
            self.wasCanceled = True
            self._process.cancel()

    def close(self) -> None:
        """End the process at once, for the end of the window; no signal is sent."""
        self._timer.stop()
        if self._process is not None:
            self._process.close()

    def _poll(self) -> None:
        process = self._process
        if process is None:
            return
        for message in process.poll():
            self.messageReceived.emit(message)
            if message.get("type") == "progress":
                self.progressed.emit(message)
        if not process.isRunning and self.isRunning:
            self._timer.stop()
            self._problem = process.problem
            self.finished.emit()
