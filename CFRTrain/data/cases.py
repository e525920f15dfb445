"""The cases of a run as the engine uses them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.cases_file import CaseEntry


@dataclass(frozen=True)
class Case:
    """One case: where its image and label lie (file or DICOM folder), its role, the image's hash if known.

    `role` is "labeled", "unlabeled" or "validation".
    """

    id: str
    image: Path
    label: Path | None
    role: str
    sha256: str | None = None

    @classmethod
    def from_entry(cls, entry: CaseEntry) -> Case:
        """The case of one line of cases.json, whose paths are already absolute."""
        label = None if entry.label is None else Path(entry.label)
        return cls(entry.id, Path(entry.image), label, entry.role, entry.sha256)


def cases_from(entries: Iterable[CaseEntry]) -> tuple[Case, ...]:
    """All cases of a case list, in its order."""
    return tuple(Case.from_entry(entry) for entry in entries)


def with_role(cases: Iterable[Case], *roles: str) -> tuple[Case, ...]:
    """The cases that have one of `roles`, in order."""
    return tuple(case for case in cases if case.role in roles)
