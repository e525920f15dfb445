"""Volumes of files and folders become cases: read and checked by the engine, in a process of its own."""

from __future__ import annotations

import shutil
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qt

from ..cohort import Cohort, CohortError, Origin
from ..cohort.label_files import putInPlace
from ..engine import VerbProcess, collectVolumes
from .case_titles import fileTitle, freeTitle, seriesTitle
from .session import Session
from .signals import Signal

INCOMING = ".incoming-"
POLL_MILLISECONDS = 100
BUSY_SECONDS = 0.04  # of the window's time in one turn


@dataclass
class Collected:
    """What became of the volumes: new and unreadable cases (ids), how many were known, what went wrong."""

    added: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    known: int = 0
    cancelled: bool = False
    problem: str = ""

    @property
    def isNothing(self) -> bool:
        """Whether no volume was found at all."""
        return not (self.added or self.failed or self.known or self.problem)


class VolumeCollector:
    """One at a time. progress(done, of): of is 0 while it is unknown. finished(Collected)."""

    def __init__(self, session: Session) -> None:
        self.progress = Signal()
        self.finished = Signal()
        self._session = session
        self._task: VerbProcess | None = None
        self._messages: deque[dict[str, Any]] = deque()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._turn)

    @property
    def isRunning(self) -> bool:
        """Whether volumes are being read."""
        return self._task is not None

    def start(self, sources: Sequence[Path]) -> None:
        """Read files, DICOM folders and folders of them. Raises CohortError (read_only, no_python, ...)."""
        cohort = self._session.requireCohort()
        self._result = Collected()
        unread = [path for path in sources if not self._isKnown(cohort, path)]
        self._result.known = len(sources) - len(unread)
        if not unread:
            self.finished.emit(self._result)
            return
        python = self._session.requireEngine()
        cohort.newImageFile()  # raises where the cohort cannot be written to
        _removeLeftovers(cohort)
        self._cohort = cohort
        self._folder = _newFolder(cohort)
        self._task = collectVolumes(python, self._session.variables(), unread, self._folder)
        self._task.start()
        self.progress.emit(0, 0)
        self._timer.start()

    def cancel(self) -> None:
        """Stop reading; what was read so far stays."""
        if self._task is not None:
            self._result.cancelled = True
            self._task.cancel()

    def close(self) -> None:
        """End at once, without telling anybody."""
        self._timer.stop()
        if self._task is not None:
            self._task.close()
            self._task = None
            self._messages.clear()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _turn(self) -> None:
        """Take over what the engine has read, for a moment; the rest in the next turn."""
        self._messages.extend(self._task.poll())
        end = time.monotonic() + BUSY_SECONDS
        changed: list[str] = []
        try:
            while self._messages and time.monotonic() < end:
                changed += self._take(self._messages.popleft())
        except CohortError as error:
            self._result.problem = str(error)
            self._messages.clear()
            self._task.cancel()
        if changed:
            self._session.casesChanged.emit(tuple(changed))
        if not self._messages and not self._task.isRunning:
            self._finish()

    def _take(self, message: dict[str, Any]) -> list[str]:
        """One message of the engine; the ids of cases that it changed."""
        if message.get("type") == "progress" and message.get("stage") == "collect":
            self.progress.emit(message["step"], message["of"])
        if message.get("type") != "case":
            return []
        return [self._addGood(message) if message["ok"] else self._addBad(message)]

    def _addGood(self, message: dict[str, Any]) -> str:
        found = self._folder / Path(message["file"]).name
        origin = _origin(message)
        known = self._cohort.findOrigin(origin)
        if known is not None and known.image is not None:
            self._result.known += 1
            return known.id
        image = self._cohort.newImageFile("".join(found.suffixes[-2:]) if _isPacked(found) else found.suffix)
        putInPlace(found, image)
        title = freeTitle(_title(message), Path(message["source"]), self._cohort)
        case = self._cohort.addCase(origin, title, image, message.get("modality") or "")
        self._result.added.append(case.id)
        return case.id

    def _addBad(self, message: dict[str, Any]) -> str:
        problem = " ".join(filter(None, (message.get("text"), message.get("remedy"))))
        case = self._cohort.addFailure(_origin(message), _title(message), problem)
        self._result.failed.append(case.id)
        return case.id

    def _finish(self) -> None:
        problem = self._task.problem
        isOfOneVolume = problem is not None and bool(self._result.failed) and problem.code == "bad_cases"
        if problem is not None and not self._result.problem and not isOfOneVolume:
            self._result.problem = str(problem)
        self.close()
        self.finished.emit(self._result)

    def _isKnown(self, cohort: Cohort, path: Path) -> bool:
        """A file that is a good case already need not be read again."""
        known = cohort.findOrigin(Origin("file", str(path)))
        return known is not None and known.image is not None


def _origin(message: dict[str, Any]) -> Origin:
    if message.get("series_uid"):
        return Origin("dicom", message["series_uid"])
    return Origin("file", message["source"])


def _title(message: dict[str, Any]) -> str:
    if message.get("series_uid"):
        return seriesTitle(message.get("description") or "", message.get("series_number") or "")
    return fileTitle(Path(message["source"]))


def _isPacked(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _newFolder(cohort: Cohort) -> Path:
    """A new folder for what is read. Not of `tempfile`: on Windows its files stay closed to colleagues."""
    folder = cohort.imagesFolder / f"{INCOMING}{uuid.uuid4().hex}"
    folder.mkdir()
    return folder


def _removeLeftovers(cohort: Cohort) -> None:
    """Folders of a collection that was cut off; only this process writes to the cohort."""
    for folder in cohort.imagesFolder.glob(f"{INCOMING}*"):
        shutil.rmtree(folder, ignore_errors=True)
