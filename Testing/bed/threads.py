"""Qt and MRML belong to the main thread; Slicer crashes or hangs where another one touches them."""

from __future__ import annotations

import threading
import traceback

from Testing.bed.errors import slot_errors


class WrongThreadError(RuntimeError):
    """Qt or MRML was touched from a thread other than the main one."""


_main = threading.main_thread().ident


def require_main_thread(*what: str) -> None:
    """Raise `WrongThreadError` outside the main thread; kept for the test, as threads swallow errors."""
    if threading.get_ident() == _main:
        return
    name = threading.current_thread().name
    text = f"{'.'.join(what)} was touched from the thread {name!r}; only the main thread may."
    slot_errors.add(text + "\n" + "".join(traceback.format_stack()))
    raise WrongThreadError(text)
