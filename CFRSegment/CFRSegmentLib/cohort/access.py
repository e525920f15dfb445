"""The right to write to a cohort: of one Slicer at a time, and only where the folder can be written to."""

from __future__ import annotations

import json
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from CFRTrain.runs.errors import LockedError
from CFRTrain.runs.lock import hold_lock, process_start

from ..i18n import _
from .errors import CohortError, systemReason


class WriteAccess:
    """Held through a lock file that a dead process cannot hold. `reason`: why not, empty while it is held."""

    def __init__(self, lockFile: Path, reason: str = "") -> None:
        self.reason = reason
        self._path = lockFile
        self._wanted = not reason
        self._held = ExitStack()
        self._content = b""

    def acquire(self, takeOver: bool = False, needed: tuple[Path, ...] = ()) -> None:
        """Tries to get it, and sets `reason`. needed: files and folders that must be writable.

        takeOver: from another Slicer, which then loses it. A cohort that this very process has open is always
        taken over: after a reload of the module nobody else could close it.
        """
        if not self._wanted or (self._content and self._isMine()):
            return
        self.reason = ""
        locked = [path.name for path in needed if path.exists() and not os.access(path, os.W_OK)]
        try:
            if locked:
                raise PermissionError(0, _("{name} is write-protected").format(name=locked[0]))
            if takeOver or _isOfThisProcess(_owner(self._path)):
                self._path.unlink(missing_ok=True)
            self._held.enter_context(hold_lock(self._path))
            self._content = self._path.read_bytes()
        except LockedError:
            self.reason = _otherOwner(_owner(self._path))
        except OSError as error:
            text = _("The folder of the cohort cannot be written to: {reason}.")
            self.reason = text.format(reason=systemReason(error))

    def require(self) -> bool:
        """Raises CohortError (read_only) where nothing can be written, also where the right was lost.

        True: the lock file was gone and was made again; someone may have written in the meantime.
        """
        isMine = bool(self.reason) or self._isMine()
        if not isMine and self._path.exists():
            self.reason = _otherOwner(_owner(self._path))
        elif not isMine:
            self.acquire()
        if self.reason:
            remedy = _(
                "Get write access to the folder, or close the other Slicer, then open the cohort again."
            )
            raise CohortError("read_only", self.reason, remedy)
        return not isMine

    def release(self) -> None:
        """Lets others write."""
        self._wanted = False
        self.reason = self.reason or _("The cohort is closed.")
        try:
            self._held.close()
        except OSError:  # the disk is gone; a lock of a process that has ended holds nobody up
            pass

    def _isMine(self) -> bool:
        """Whether the lock is the one made here; where it cannot be read, the write itself will tell."""
        try:
            return self._path.read_bytes() == self._content
        except FileNotFoundError:
            return False
        except OSError:
            return True


def _owner(path: Path) -> dict[str, Any]:
    """Who holds a lock; empty where that cannot be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _isOfThisProcess(owner: dict[str, Any]) -> bool:
    me = {"pid": os.getpid(), "host": socket.gethostname(), "start": process_start(os.getpid())}
    return all(owner.get(key) == value for key, value in me.items())


def _otherOwner(owner: dict[str, Any]) -> str:
    if _isOfThisProcess(owner):
        return _("The cohort was opened a second time in this Slicer.")
    text = _("The cohort is open in another Slicer, on the computer {host} (process {pid}).")
    return text.format(host=owner.get("host", "?"), pid=owner.get("pid", "?"))
