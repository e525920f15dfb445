"""A request to stop a short verb: Ctrl-C, termination, or a file that appears.

The file is for viewers: a program without a console cannot send another one a signal on every system.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from CFRTrain.runs.errors import StopRequested

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSign:
    """Whether somebody has asked to stop."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._signaled = False

    def __call__(self) -> bool:
        return self._signaled or (self._file is not None and self._file.exists())

    def raise_if_set(self) -> None:
        """Raises StopRequested where somebody has."""
        if self():
            raise StopRequested("Stopped on request.")

    def signaled(self, number: int, frame: FrameType | None) -> None:
        """Takes a signal; a second one ends the process as usual."""
        self._signaled = True
        for other in SIGNALS:
            signal.signal(other, signal.default_int_handler)


@contextmanager
def stop_sign(file: Path | None = None) -> Iterator[StopSign]:
    """A sign that signals and, where given, `file` set while the block runs."""
    sign = StopSign(file)
    before = {number: signal.signal(number, sign.signaled) for number in SIGNALS}
    try:
        yield sign
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
