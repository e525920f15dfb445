"""Which process works on a run, by the notes in its folder: `process.json`, `lock`, `stop`, `exit.json`."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import write_atomic
from CFRTrain.runs.lock import is_held, process_start

NOTE, LOCK, STOP, EXIT_NOTE = "process.json", "lock", "stop", "exit.json"


@dataclass(frozen=True)
class Launch:
    """The process that was started for a run. start: what tells it from another process with the same pid."""

    pid: int
    start: str
    host: str
    time: float

    @property
    def isHere(self) -> bool:
        """Whether it was started on this machine."""
        return self.host == socket.gethostname()

    @property
    def isAlive(self) -> bool:
        """Whether this very process lives; one of another machine cannot be asked."""
        return self.isHere and process_start(self.pid) == self.start


def noteLaunch(root: Path, pid: int) -> None:
    """Writes down which process was started; one that has ended already has no start and counts as gone."""
    note = {"pid": pid, "start": process_start(pid) or "", "host": socket.gethostname(), "time": time.time()}
    write_atomic(root / NOTE, json.dumps(note).encode())


def readLaunch(root: Path) -> Launch | None:
    """The last launch of a run, or None where there was none."""
    found = readNote(root / NOTE)
    try:
        return Launch(int(found["pid"]), str(found["start"]), str(found["host"]), float(found["time"]))
    except (KeyError, TypeError, ValueError):
        return None


def readNote(path: Path) -> dict[str, Any]:
    """A small JSON file of a run; empty where it is absent or not readable."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def isAlive(root: Path) -> bool:
    """Whether a process works on the run, whoever started it; one of another machine holds its lock."""
    launch = readLaunch(root)
    return (launch is not None and launch.isAlive) or ((root / LOCK).exists() and is_held(root / LOCK))


def livingPids(root: Path) -> list[int]:
    """The launched process and the engine itself, where they live on this machine."""
    launch = readLaunch(root)
    found = [launch.pid] if launch is not None and launch.isAlive else []
    owner = readNote(root / LOCK)
    pid, start = owner.get("pid"), owner.get("start")
    if owner.get("host") == socket.gethostname() and isinstance(pid, int) and start:
        found += [pid] if process_start(pid) == start and pid != os.getpid() else []
    return found


def exitCode(root: Path) -> int | None:
    """How the last launch ended: the exit code, or the negative number of a signal; None if nobody saw it."""
    code = readNote(root / EXIT_NOTE).get("code")
    return code if isinstance(code, int) else None


def noteExit(root: Path, code: int) -> None:
    """Writes down how a launch ended that had not come so far as to do it itself."""
    write_atomic(root / EXIT_NOTE, json.dumps({"code": code, "time": time.time()}).encode())
