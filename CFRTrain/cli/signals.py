"""Ctrl-C and termination as a request to stop: the step is finished and a checkpoint is written."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from CFRTrain.runs.run_folder import RunFolder

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signal(run: RunFolder) -> Iterator[None]:
    """The first signal asks the run to stop, a second one ends the process; neither loses what is saved."""

    def request(number: int, frame: FrameType | None) -> None:
        sys.stderr.write("Stopping after this step; once more to stop at once.\n")
        run.request_stop()
        for other in SIGNALS:
            signal.signal(other, signal.default_int_handler)

    before = {number: signal.signal(number, request) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
