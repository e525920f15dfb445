"""A process with everything it has started, ended as one. Standard library only: psutil is often missing.

A killed launcher does not take its children along: in Slicer, PythonSlicer only starts the real Python.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
ROUNDS = 3  # a process may start another one while it is being ended


def killTrees(roots: Iterable[int]) -> None:
    """Ends the processes `roots` and all their descendants at once. Gone processes are no error."""
    roots = [pid for pid in roots if pid > 1 and pid != os.getpid()]
    if os.name == "nt":
        for pid in roots:
            command = ["taskkill", "/PID", str(pid), "/T", "/F"]
            subprocess.run(command, capture_output=True, check=False, **_withoutWindow())
        return
    for _round in range(ROUNDS):
        alive = processTree(roots)
        for pid in alive:
            _kill(pid)
        if not alive:
            return


def processTree(roots: Iterable[int]) -> tuple[int, ...]:
    """The living processes among `roots`, their descendants, and the members of groups that they lead.

    Never this process itself. Not for Windows, where `taskkill` does the same.
    """
    parents = _processes()
    children: dict[int, list[int]] = {}
    for pid, (parent, group) in parents.items():
        children.setdefault(parent, []).append(pid)
        if group in parents and group != pid:
            children.setdefault(group, []).append(pid)
    found: dict[int, None] = {}
    waiting = [pid for pid in roots if pid in parents]
    while waiting:
        pid = waiting.pop()
        if pid not in found and pid != os.getpid():
            found[pid] = None
            waiting += children.get(pid, [])
    return tuple(found)


def _processes() -> dict[int, tuple[int, int]]:
    """Parent and process group of every living process; zombies are dead."""
    return _fromProc() if (PROC / "self").exists() else _fromPs()


def _fromProc() -> dict[int, tuple[int, int]]:
    found = {}
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended in the meantime
            continue
        fields = stat.rpartition(")")[2].split()  # the name in front may hold anything
        if fields[0] not in "ZX":
            found[int(folder.name)] = (int(fields[1]), int(fields[2]))
    return found


def _fromPs() -> dict[int, tuple[int, int]]:
    command = ["ps", "-axo", "pid=,ppid=,pgid=,stat="]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = [line.split() for line in listed.splitlines()]
    alive = [row for row in rows if len(row) == 4 and not row[3].startswith("Z")]
    return {int(pid): (int(parent), int(group)) for pid, parent, group, _state in alive}


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _withoutWindow() -> dict[str, int]:
    return {"creationflags": subprocess.CREATE_NO_WINDOW}  # type: ignore[attr-defined]
