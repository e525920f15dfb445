"""How long the window stands still: the largest time between two turns of the event loop.

A timer ticks every few milliseconds; the time between two ticks is the time in which nobody could click. So
the measured value is the pause, at most one tick too long, and never too short.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from dataclasses import dataclass
from types import TracebackType

from PySide6 import QtCore

TICK_SECONDS = 0.005
EXPLAIN_FROM_SECONDS = 0.05


@dataclass(frozen=True)
class Pause:
    """A time without a turn of the event loop.

    seconds: as the user sees it. cpu_seconds: of it, the time this thread computed; the rest it waited, for a
    disk or for a processor that others used. stack: what it was doing, for pauses worth an explanation.
    """

    seconds: float
    cpu_seconds: float
    stack: str = ""

    def __str__(self) -> str:
        place = f", in\n{self.stack}" if self.stack else ""
        return f"{self.seconds * 1000:.0f} ms ({self.cpu_seconds * 1000:.0f} ms computing){place}"


class PauseMeter:
    """Measures between `with` and its end: the `longest` pause, and all `pauses` from `explain_from` on."""

    def __init__(self, explain_from: float = EXPLAIN_FROM_SECONDS) -> None:
        self.longest = Pause(0.0, 0.0)
        self.pauses: list[Pause] = []
        self._explain_from = explain_from
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(TICK_SECONDS * 1000))
        self._timer.timeout.connect(self._tick)
        self._last, self._last_cpu, self._stack = 0.0, 0.0, ""
        self._running = threading.Event()

    def __enter__(self) -> PauseMeter:
        self._last, self._last_cpu = time.perf_counter(), time.thread_time()
        self._running.set()
        self._timer.start()
        self._main = threading.get_ident()
        self._witness = threading.Thread(target=self._watch, name="pause witness", daemon=True)
        self._witness.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._tick()
        self._timer.stop()
        self._running.clear()
        self._witness.join()

    def _tick(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        pause = Pause(now - self._last, cpu - self._last_cpu, self._stack)
        self._last, self._last_cpu, self._stack = now, cpu, ""
        if pause.seconds >= self._explain_from:
            self.pauses.append(pause)
        if pause.seconds > self.longest.seconds:
            self.longest = pause

    def _watch(self) -> None:
        """In a thread of its own: note once per pause what the main thread is doing."""
        while self._running.is_set():
            time.sleep(self._explain_from / 4)
            if not self._stack and time.perf_counter() - self._last > self._explain_from * 0.75:
                frame = sys._current_frames().get(self._main)
                self._stack = "".join(traceback.format_stack(frame)[-8:])
                del frame  # it would keep alive what the main thread has finished with
