"""The list of cases as it is stored: one line per case in cases.jsonl, the last line of a case counts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..i18n import _
from .case import Origin
from .errors import damaged
from .journal import Journal

CASE_ID = re.compile(r"case_(\d{4,9})")
ORIGINS = ("file", "dicom", "scene")


@dataclass(frozen=True)
class Entry:
    """One case as it is stored. image: name of its file in the images folder; None with a `problem`."""

    id: str
    title: str
    origin: Origin
    image: str | None
    problem: str | None = None
    modality: str = ""


class CaseList:
    """The cases in the order they were added. Every change is one line more in the journal."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self.entries: dict[str, Entry] = {}
        self._byOrigin: dict[Origin, str] = {}
        self._highest = 0

    def load(self) -> None:
        """Reads the list. Raises CohortError (damaged)."""
        self.entries, self._byOrigin, self._highest = {}, {}, 0
        for index, record in enumerate(self._journal.read()):
            try:
                self._apply(record)
            except (KeyError, TypeError, ValueError) as error:
                text = _("its entry {number} is no case").format(number=index + 1)
                raise damaged(self._journal.path, text) from error

    def put(self, entry: Entry) -> None:
        """Adds a case, or replaces what is stored of it. Raises CohortError."""
        origin = {"kind": entry.origin.kind, "reference": entry.origin.reference}
        record = {"case": entry.id, "title": entry.title, "origin": origin, "image": entry.image}
        self._add({**record, "problem": entry.problem, "modality": entry.modality})

    def remove(self, caseId: str) -> None:
        """Takes a case off the list; its id is not used again. Raises CohortError."""
        self._add({"case": caseId, "removed": True})

    def find(self, origin: Origin) -> Entry | None:
        """The case that came from there."""
        return self.entries.get(self._byOrigin.get(origin, ""))

    def freeId(self, fileNames: Iterable[str]) -> str:
        """An id that no case has or had, and that none of these files belongs to."""
        numbers = [int(match[1]) for match in map(CASE_ID.match, fileNames) if match]
        return f"case_{max([self._highest, *numbers]) + 1:04d}"

    def _add(self, record: dict[str, Any]) -> None:
        self._journal.append(record)
        self._apply(record)

    def _apply(self, record: dict[str, Any]) -> None:
        caseId = record["case"]
        match = CASE_ID.fullmatch(caseId)
        if match is None:
            raise ValueError(caseId)
        self._highest = max(self._highest, int(match[1]))
        if record.get("removed"):
            self.entries.pop(caseId, None)
            return
        entry = _entry(record)
        self.entries[caseId] = entry
        self._byOrigin[entry.origin] = caseId


def _entry(record: dict[str, Any]) -> Entry:
    """The case in one line. Raises KeyError, TypeError or ValueError where it holds none."""
    kind, reference = record["origin"]["kind"], record["origin"]["reference"]
    image, problem = record["image"], record.get("problem")
    texts = [record["title"], reference, record.get("modality", ""), image or "", problem or ""]
    if kind not in ORIGINS or not all(isinstance(item, str) for item in texts):
        raise ValueError(kind)
    if image is not None and (not image or re.search(r"[/\\:]", image) or image.startswith(".")):
        raise ValueError(image)  # a name inside the images folder and nothing else
    return Entry(record["case"], texts[0], Origin(kind, reference), image, problem, texts[2])


def normalized(origin: Origin) -> Origin:
    """The same origin in one spelling: files by their real, absolute path."""
    if origin.kind != "file":
        return origin
    return Origin("file", os.path.normcase(os.path.realpath(os.path.expanduser(origin.reference))))


def cleanTitle(title: str) -> str:
    """A title of one line that can be shown and stored."""
    text = title.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(part if part.isprintable() else " " for part in text).split())
