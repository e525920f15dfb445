"""One engine per run: a lock file that a dead process cannot hold. Standard library only."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from CFRTrain.runs.errors import LockedError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def process_start(pid: int) -> str | None:
    """Something that tells two processes with the same id apart; None where no such process lives."""
    if pid <= 0:
        return None
    if os.name == "nt":
        return _windows_start(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except PermissionError:
        pass  # it lives, and belongs to someone else
    stat = Path(f"/proc/{pid}/stat")
    return _linux_start(stat) if stat.parent.parent.joinpath("self").exists() else _ps_start(pid)


def _linux_start(stat: Path) -> str | None:
    """Start in ticks since the boot, with the boot's id; a zombie has ended, unnoticed by its parent."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
        boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{fields[19]} {boot}".strip()


def _ps_start(pid: int) -> str | None:
    """State and start as `ps` tells them, on systems without /proc such as macOS."""
    found = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = found.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else start.strip()


def _windows_start(pid: int) -> str | None:
    """Creation time of a living process, through the Windows API."""
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = wintypes.HANDLE
    query_limited_information, access_denied, still_active = 0x1000, 5, 259
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return "alive" if ctypes.get_last_error() == access_denied else None  # type: ignore[attr-defined]
    times, code = [ctypes.c_ulonglong() for _ in range(4)], wintypes.DWORD()
    try:
        kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(value) for value in times))
        kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))
    return str(times[0].value) if code.value == still_active else None


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Holds `path` as a lock. Raises LockedError where a living process of this or another machine has it."""
    owner = {
        "pid": os.getpid(),
        "start": process_start(os.getpid()),
        "host": socket.gethostname(),
        "token": uuid.uuid4().hex,
    }
    _take(path, owner)
    try:
        yield
    finally:
        if _read(path) == owner:
            path.unlink(missing_ok=True)


def _take(path: Path, owner: dict[str, Any]) -> None:
    """Creates the lock, whole from its first moment, in place of a dead process's one if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{owner['token']}")
    aside.write_text(json.dumps(owner))
    try:
        for _ in range(3):
            if _claim(aside, path):
                return
            found = _read(path)
            if found is not None and is_held(found):
                break
            _discard(path, found, owner["token"])
    finally:
        aside.unlink(missing_ok=True)
    raise LockedError(
        "locked",
        "Another engine is working on this run.",
        "Wait until it ends, or stop it; if the computer it ran on was switched off, delete the file `lock`.",
    )


def _claim(aside: Path, path: Path) -> bool:
    """Puts the written lock in place unless there is one; without links, as an exclusive new file."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as stream:
            stream.write(aside.read_bytes())
    return True


def _discard(path: Path, judged: dict[str, Any] | None, token: str) -> None:
    """Takes away the dead lock that was `judged`; what another engine put there meanwhile goes back."""
    taken = path.with_name(f".{path.name}.{token}.stale")
    try:
        os.replace(path, taken)
    except FileNotFoundError:
        return
    if _read(taken) != judged:
        _claim(taken, path)
    taken.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    """The owner in a lock file; None where it is absent or no lock, which a lock is never for a moment."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and type(found.get("pid")) is int else None


def is_held(owner: dict[str, Any]) -> bool:
    """Whether the process in a lock still lives; that of another machine counts as living."""
    if owner.get("host") != socket.gethostname():
        return True
    start = process_start(owner["pid"])
    return start is not None and start == owner.get("start")
