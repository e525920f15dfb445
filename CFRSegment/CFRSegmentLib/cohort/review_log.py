"""reviews.jsonl: every label saved and every decision, one line each, and the state that follows from them.

A line holds time, alias, case, action, run, changed voxels. Lines are never rewritten: an undo is a line of
its own. The status of a case is what its lines say, so the line is the moment at which a decision is made: a
kill before it leaves everything as it was.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..i18n import _
from .case import Status
from .errors import damaged
from .journal import Journal

# A re-opened case has no decision, but it may have a draft.
RESULT_OF = {
    "label": Status.LABELED,
    "accept": Status.ACCEPTED,
    "correct": Status.CORRECTED,
    "reject": Status.REJECTED,
    "reopen": None,
}
UNDOABLE = ("accept", "correct", "reject", "reopen")
ALWAYS = ("run", "changedVoxels")  # written even where they are not known
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class ReviewRecord:
    """One line. label: name of the label file that was saved. undoes: number of the record taken back."""

    number: int
    time: str
    alias: str
    case: str
    action: str
    run: str | None = None
    changedVoxels: int | None = None
    label: str | None = None
    undoes: int | None = None


@dataclass(frozen=True)
class Decision:
    """What is in effect for a case. status None: nothing decided. draft: label of a correction before."""

    status: Status | None = None
    label: str | None = None
    draft: str | None = None
    run: str | None = None
    by: str | None = None
    at: str | None = None
    changedVoxels: int | None = None


NOTHING = Decision()  # there is no record of the case
UNDONE = Decision()  # there are records, all taken back


class ReviewLog:
    """The log, and for each case the decision in effect."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self._clear()

    def load(self) -> None:
        """Reads the log. Raises CohortError (damaged)."""
        self._clear()
        for index, found in enumerate(self._journal.read()):
            try:
                self._apply(_record(found))
            except (KeyError, TypeError, ValueError) as error:
                text = _("its record {number} cannot be read").format(number=index + 1)
                raise damaged(self._journal.path, text) from error

    def decision(self, caseId: str) -> Decision:
        """What is in effect for a case."""
        return self._decisions.get(caseId, NOTHING)

    def labelsOf(self, caseId: str) -> set[str]:
        """Label files of a case that are in effect or that an undo can bring back."""
        states = [self.decision(caseId)]
        states += [self._before[item.number] for item in self._undoable if item.case == caseId]
        return {name for state in states for name in (state.label, state.draft) if name}

    def newest(self, limit: int) -> tuple[ReviewRecord, ...]:
        """The last records, the newest first."""
        return tuple(self._records[: -limit - 1 : -1])

    def lastUndoable(self, applies: Callable[[ReviewRecord], bool]) -> ReviewRecord | None:
        """The last decision that was not taken back and that `applies`."""
        return next((record for record in reversed(self._undoable) if applies(record)), None)

    def add(self, caseId: str, action: str, alias: str, **fields: Any) -> None:
        """Writes one record (fields: run, changedVoxels, label, undoes). Raises CohortError."""
        time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        record = ReviewRecord(self._last + 1, time, " ".join(alias.split()), caseId, action, **fields)
        content = {key: value for key, value in vars(record).items() if value is not None or key in ALWAYS}
        self._journal.append(content)
        self._apply(record)

    def _clear(self) -> None:
        self._decisions: dict[str, Decision] = {}
        self._before: dict[int, Decision] = {}
        self._undoable: list[ReviewRecord] = []
        self._records: list[ReviewRecord] = []
        self._last = 0

    def _apply(self, record: ReviewRecord) -> None:
        self._last = max(self._last, record.number)
        self._records.append(record)
        before = self.decision(record.case)
        if record.action == "undo":
            self._undoable = [item for item in self._undoable if item.number != record.undoes]
            former = self._before.get(record.undoes or 0, before)
            self._decisions[record.case] = UNDONE if former is NOTHING else former
        elif record.action in RESULT_OF:
            self._decisions[record.case] = _after(before, record)
            if record.action in UNDOABLE:
                self._before[record.number] = before
                self._undoable.append(record)
            else:  # a label saved later stands: nothing before it can be undone
                self._undoable = [item for item in self._undoable if item.case != record.case]


def _after(before: Decision, record: ReviewRecord) -> Decision:
    """The decision in effect after a record that is no undo."""
    draft = before.label if record.action == "reopen" and before.label else before.draft
    by, at = (None, None) if record.action == "reopen" else (record.alias, record.time)
    return Decision(RESULT_OF[record.action], record.label, draft, record.run, by, at, record.changedVoxels)


def _record(found: dict[str, Any]) -> ReviewRecord:
    """The record in one line. Raises KeyError, TypeError or ValueError where it holds none."""
    numbers = [found["number"], found.get("changedVoxels") or 0, found.get("undoes") or 0]
    texts = [found["time"], found["alias"], found["case"], found["action"], found.get("run") or ""]
    if not all(type(item) is int for item in numbers) or not all(isinstance(item, str) for item in texts):
        raise ValueError("a field is of a wrong type")
    label = found.get("label")
    if label is not None and not PLAIN_NAME.fullmatch(label):
        raise ValueError("the label file is not in the labels folder")
    return ReviewRecord(
        numbers[0], *texts[:4], found.get("run"), found.get("changedVoxels"), label, found.get("undoes")
    )
