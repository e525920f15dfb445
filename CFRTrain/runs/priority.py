"""Lets other programs go first: a viewer must stay quick while all cores compute. Standard library only."""

from __future__ import annotations

import os

NICENESS = 10
BELOW_NORMAL = 0x4000  # BELOW_NORMAL_PRIORITY_CLASS


def give_way() -> None:
    """Lowers the priority of this process, and of those it starts from now on; where that fails, nothing."""
    try:
        if os.name == "nt":
            _lower_on_windows()
        else:
            os.nice(max(0, NICENESS - os.nice(0)))
    except OSError:
        pass


def _lower_on_windows() -> None:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.SetPriorityClass(wintypes.HANDLE(kernel.GetCurrentProcess()), BELOW_NORMAL)
