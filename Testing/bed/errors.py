"""What went wrong where nobody sees it: slots, virtual functions, VTK observers, Qt's own warnings.

Slicer prints such errors and goes on, so a test would pass over them. The bed keeps them here; after each
test the log must be empty (see `pytest_plugin`).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class ErrorLog(list[str]):
    """Texts of errors in the order they came; mostly tracebacks."""

    def add(self, text: str) -> None:
        """Keep a text and show it, as Slicer does."""
        self.append(text.rstrip())
        sys.stderr.write(text.rstrip() + "\n")

    def add_exception(self, where: str) -> None:
        """Keep the exception that is being handled, with the place it came from."""
        self.add(f"{where}\n{traceback.format_exc()}")

    def take(self) -> list[str]:
        """Everything kept so far; the log is empty afterwards."""
        taken = list(self)
        self.clear()
        return taken


# One Qt application in a process, hence one log.
slot_errors = ErrorLog()


@contextmanager
def collected_exceptions() -> Iterator[None]:
    """Collect what PySide and VTK print and swallow: both hand such exceptions to sys.excepthook."""
    before = sys.excepthook

    def collect(kind: type[BaseException], error: BaseException, where: object) -> None:
        slot_errors.add("".join(traceback.format_exception(kind, error, where)))

    sys.excepthook = collect
    try:
        yield
    finally:
        sys.excepthook = before
