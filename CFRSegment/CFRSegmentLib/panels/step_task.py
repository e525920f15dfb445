"""Work in the window's own process, cut into small steps so that the window never stands still."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import qt

from .signals import Signal

SLICE_SECONDS = 0.015
Steps = Generator[tuple[int, int], None, Any]


class StepTask:
    """Runs a generator that yields (done, of), a few milliseconds per turn of the event loop.

    progressed(done, of). finished(): at its end; `result` is what it returned, `error` what it raised.
    """

    def __init__(self) -> None:
        self.progressed = Signal()
        self.finished = Signal()
        self.result: Any = None
        self.error: Exception | None = None
        self._steps: Steps | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._work)

    @property
    def isRunning(self) -> bool:
        """Whether work is left."""
        return self._steps is not None

    def start(self, steps: Steps) -> None:
        """Begin. RuntimeError where other work is not done yet."""
        if self.isRunning:
            raise RuntimeError("other work is under way")
        self._steps, self.result, self.error = steps, None, None
        self._timer.start()

    def close(self) -> None:
        """Give up what is left; no signal is sent."""
        self._timer.stop()
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _work(self) -> None:
        if self._steps is None:
            return
        end, progress = time.monotonic() + SLICE_SECONDS, None
        try:
            while time.monotonic() < end:
                progress = next(self._steps)
        except StopIteration as stop:
            self._end(stop.value, None)
        except Exception as error:
            self._end(None, error)
        else:
            if progress is not None:
                self.progressed.emit(*progress)

    def _end(self, result: Any, error: Exception | None) -> None:
        self._timer.stop()
        self._steps, self.result, self.error = None, result, error
        self.finished.emit()
