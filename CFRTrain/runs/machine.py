"""What the machine has: free and total main memory. Standard library only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
# Of the free memory, for each of the caches: prepared volumes, pseudo-labels, warped pairs. Together they
# leave most of it to the training.
CACHE_SHARE = 1 / 16
LEAST_CACHE, LARGEST_CACHE = 64 << 20, 1 << 30


def cache_limit() -> int:
    """Bytes that one cache of volumes may hold: `CACHE_SHARE` of what is free now, 64 MiB to 1 GiB."""
    available, _ = memory_bytes()
    wanted = LARGEST_CACHE if available is None else int(available * CACHE_SHARE)
    return min(max(wanted, LEAST_CACHE), LARGEST_CACHE)


def memory_bytes() -> tuple[int | None, int | None]:
    """Bytes of main memory that a new program can have, and in all; None where the system does not tell."""
    if os.name == "nt":
        return _windows_memory()
    if MEMINFO.is_file():
        return _linux_memory(MEMINFO.read_text(encoding="utf-8"))
    return _mac_memory()


def _linux_memory(text: str) -> tuple[int | None, int | None]:
    """From /proc/meminfo, whose numbers are KiB; available memory counts what caches would give back."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        number = value.split()
        if number and number[0].isdigit():
            found[name] = int(number[0]) * 1024
    return found.get("MemAvailable"), found.get("MemTotal")


def _mac_memory() -> tuple[int | None, int | None]:
    """From sysctl; free and inactive pages can be had."""
    total = _number(["sysctl", "-n", "hw.memsize"])
    page, free = _number(["sysctl", "-n", "hw.pagesize"]), _number(["sysctl", "-n", "vm.page_free_count"])
    purgeable = _number(["sysctl", "-n", "vm.page_purgeable_count"]) or 0
    return (None if page is None or free is None else page * (free + purgeable)), total


def _number(command: list[str]) -> int | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    text = done.stdout.strip()
    return int(text) if text.isdigit() else None


def _windows_memory() -> tuple[int | None, int | None]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "page", "free_page", "virtual", "free_virtual", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(status)
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return int(status.free), int(status.total)
