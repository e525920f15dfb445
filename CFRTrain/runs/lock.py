"""One engine per run: a lock file that a dead process cannot hold. Standard library only."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import put_in_place, remove_file
from CFRTrain.runs.errors import LockedError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TORN_SECONDS = 10.0
SOMEONE_ELSES = "someone else's"  # the start of a process that this person may not ask


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
        fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = BOOT_ID.read_text(encoding="utf-8").strip() if BOOT_ID.exists() else ""
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
        denied = ctypes.get_last_error() == access_denied  # type: ignore[attr-defined]
        return SOMEONE_ELSES if denied else None
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
    path.parent.mkdir(parents=True, exist_ok=True)
    pid, token = os.getpid(), uuid.uuid4().hex
    owner = {"pid": pid, "start": process_start(pid), "host": socket.gethostname(), "token": token}
    aside = path.with_name(f".{path.name}.{token}")
    aside.write_text(json.dumps(owner))
    try:
        if not (_claim(aside, path) or _take_over(aside, path)):
            raise LockedError(
                "locked",
                "Another engine is working on this run.",
                "Wait until it ends, or stop it. If its computer was switched off, delete the file `lock`.",
            )
    finally:
        with suppress(PermissionError):
            remove_file(aside)
    try:
        yield
    finally:
        with suppress(OSError):  # a lock that stays behind is dead as soon as this process is
            if _read(path) == owner:
                remove_file(path)


def _claim(aside: Path, path: Path) -> bool:
    """Puts the written lock in place, whole from its first moment; False where there is one already."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as stream:
            stream.write(aside.read_bytes())
    return True


def _take_over(aside: Path, path: Path) -> bool:
    """Replaces a dead lock in one step, one engine after the other; False where the lock is alive."""
    if is_held(path):
        return False
    with _guarded(path.with_name(f".{path.name}.guard")):
        if not path.exists():
            return _claim(aside, path)
        if is_held(path):
            return False
        put_in_place(aside, path)
        return True


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Keeps other engines waiting while the block runs, where the file system can; a killed one lets go."""
    with open(path, "ab") as stream:
        try:
            _wait_for(stream.fileno())
        except OSError:  # some network file systems cannot; what is left is a race of milliseconds
            pass
        yield


def _wait_for(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


def _read(path: Path) -> dict[str, Any] | None:
    """The owner in a lock file; None where the file is absent or torn. Raises OSError where it is in use."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and type(found.get("pid")) is int else None


def is_held(path: Path) -> bool:
    """Whether the process that wrote a lock still lives; one of another machine counts as living.

    A torn lock is being written (where links do not work), unless it is older than `TORN_SECONDS`. One that
    cannot be read just now, as on a network drive, may be anyone's.
    """
    try:
        owner = _read(path)
    except OSError:
        return True
    if owner is None:
        try:
            return time.time() - path.stat().st_mtime < TORN_SECONDS
        except FileNotFoundError:
            return False
    if owner.get("host") != socket.gethostname():
        return True
    start = process_start(owner["pid"])
    return start is not None and start in (owner.get("start"), SOMEONE_ELSES)
