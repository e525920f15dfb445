"""What the short verbs say: one JSON object per line to a program, a readable line to a person."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from CFRTrain.runs.atomic import disk_full, is_disk_full
from CFRTrain.runs.errors import CFRError, StopRequested, missing_package, system_failure

PROGRESS_INTERVAL = 0.2  # seconds between two progress messages


class Messages:
    """Writes messages, each with a `type`, to a stream (default: standard output), flushed one by one."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._readable = self._stream.isatty()
        self._last_progress = -PROGRESS_INTERVAL

    def send(self, kind: str, readable: str = "", /, **fields: Any) -> None:
        """One message; a person sees `readable` alone, and nothing where it is empty."""
        if self._readable:
            line = readable
        else:
            line = json.dumps({"type": kind, **fields})
        if line:
            self._stream.write(line + "\n")
            self._stream.flush()

    def progress(
        self, stage: str, step: int, of: int, seconds_left: float | None = None, **more: Any
    ) -> None:
        """`step` of `of` is done; the last one is always said, others a few times a second."""
        now = time.monotonic()
        if step < of and now - self._last_progress < PROGRESS_INTERVAL:
            return
        self._last_progress = now
        left = None if seconds_left is None else round(seconds_left, 1)
        self.send("progress", stage=stage, step=step, of=of, seconds_left=left, **more)

    def warning(self, code: str, text: str) -> None:
        """Something to know that ends nothing."""
        self.send("warning", f"warning: {text}", code=code, text=text)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Says how the block ended: done, stopped or failed, with the error, which is let through."""
        try:
            yield
        except StopRequested:
            self.send("finished", status="stopped")
            raise
        except Exception as error:
            failure = _as_failure(error)
            named = {"case": failure.case} if failure.case else {}
            self.send("error", code=failure.code, text=failure.text, remedy=failure.remedy, **named)
            self.send("finished", status="failed")
            if failure is error or failure.code == "unexpected":
                raise  # with its traceback
            raise failure from error
        self.send("finished", status="done")


def _as_failure(error: Exception) -> CFRError:
    """The error as one that a person can act on."""
    if isinstance(error, CFRError):
        return error
    if is_disk_full(error):
        return disk_full()
    if isinstance(error, OSError):
        return system_failure(error)
    if isinstance(error, ImportError):
        with suppress(ImportError):
            return missing_package(error)
    text = f"The program failed unexpectedly ({type(error).__name__}: {error})."
    return CFRError("unexpected", text, "Try again; if it fails again, report it.")
