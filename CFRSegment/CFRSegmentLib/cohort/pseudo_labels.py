"""The pseudo-labels of the cohort: copies of what finished runs made, and which run each case has its from.

pseudo_labels/RUN/case_0001.nii.gz and case_0001_uncertainty.nii.gz. They count from the moment that the line
of their run stands in pseudo_labels.jsonl, all together.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import file_sha256
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.run_folder import RunFolder

from ..i18n import _
from .errors import CohortError, damaged, writing
from .journal import Journal
from .label_files import moveIn, removeQuietly

FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class PseudoLabel:
    """Where the pseudo-label of a case lies below the folder of pseudo-labels, and how uncertain it is."""

    run: str
    folder: str
    uncertainty: float | None


@dataclass(frozen=True)
class FinishedRun:
    """What a finished run offers for review. digest: tells it from another run of the same name."""

    folder: Path
    digest: str
    uncertainty: Mapping[str, float | None]

    def pseudoLabel(self, caseId: str) -> Path:
        """The label map of a case."""
        return self.folder / "review" / f"{caseId}.nii.gz"


class PseudoLabels:
    """The pseudo-labels that the cohort has taken over; `of` has the last one of each case."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.folder = folder
        self.of: dict[str, PseudoLabel] = {}
        self._journal = Journal(path)
        self._digests: dict[str, str] = {}
        self._folders: dict[str, Path] = {}

    def load(self) -> None:
        """Reads which runs were taken over. Raises CohortError (damaged)."""
        self.of, self._digests = {}, {}
        for index, found in enumerate(self._journal.read()):
            try:
                self._apply(found)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                text = _("its entry {number} cannot be read").format(number=index + 1)
                raise damaged(self._journal.path, text) from error

    def has(self, run: FinishedRun) -> bool:
        """Whether this run was taken over already."""
        return run.digest in self._digests.values()

    def folderOf(self, pseudoLabel: PseudoLabel) -> Path:
        """The folder that a pseudo-label lies in."""
        if pseudoLabel.folder not in self._folders:
            self._folders[pseudoLabel.folder] = self.folder / pseudoLabel.folder
        return self._folders[pseudoLabel.folder]

    def copy(self, run: FinishedRun, caseIds: tuple[str, ...]) -> Iterator[int]:
        """Copies the files of one case after the other, and gives how many are done. Raises CohortError."""
        folder = self.folder / self._folderFor(run)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for done, caseId in enumerate(caseIds, start=1):
            for source in (run.pseudoLabel(caseId), uncertaintyMap(run.pseudoLabel(caseId))):
                if source.is_file():
                    moveIn(source, folder / source.name)
            yield done

    def adopt(self, run: FinishedRun, caseIds: tuple[str, ...]) -> None:
        """Makes the copied files the pseudo-labels of these cases, all at once. Raises CohortError."""
        record = {
            "run": run.folder.name,
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "folder": self._folderFor(run),
            "digest": run.digest,
            "cases": {caseId: run.uncertainty[caseId] for caseId in caseIds},
        }
        replaced = [(caseId, self.of[caseId]) for caseId in caseIds if caseId in self.of]
        self._journal.append(record)
        self._apply(record)
        for caseId, former in replaced:
            self._delete(caseId, former)

    def delete(self, caseId: str) -> None:
        """Deletes the files of a case that is no longer in the cohort; its run still has them."""
        if caseId in self.of:
            self._delete(caseId, self.of[caseId])

    def _delete(self, caseId: str, former: PseudoLabel) -> None:
        path = self.folder / former.folder / f"{caseId}.nii.gz"
        removeQuietly(path)
        removeQuietly(uncertaintyMap(path))

    def _folderFor(self, run: FinishedRun) -> str:
        """The run's name, with a number where another run of that name was taken over before."""
        name = run.folder.name if FOLDER_NAME.fullmatch(run.folder.name) else "run"
        number, folder = 1, name
        while self._digests.get(folder, run.digest) != run.digest:
            number += 1
            folder = f"{name}_{number}"
        return folder

    def _apply(self, record: Mapping[str, Any]) -> None:
        folder, run = record["folder"], record["run"]
        if not FOLDER_NAME.fullmatch(folder) or not isinstance(run, str):
            raise ValueError(folder)
        found = {
            caseId: PseudoLabel(run, folder, _uncertainty(value)) for caseId, value in record["cases"].items()
        }
        self._digests[folder] = record["digest"]
        self.of.update(found)


def uncertaintyMap(pseudoLabel: Path) -> Path:
    """The uncertainty map that belongs to a pseudo-label file."""
    return pseudoLabel.with_name(pseudoLabel.name.removesuffix(".nii.gz") + "_uncertainty.nii.gz")


def readFinishedRun(folder: Path) -> FinishedRun:
    """What a run offers for review. Raises CohortError (run_unfinished, bad_run)."""
    run = RunFolder(folder)
    try:
        if run.results() is None:
            text = _("The training {name} has not finished.").format(name=folder.name)
            raise CohortError("run_unfinished", text, _("Resume it, and take its results when it is done."))
        listed = run.read_json("review.json") if (folder / "review.json").is_file() else []
        if not isinstance(listed, list):
            raise ValueError("review.json is no list")
        uncertainty = {item["case"]: _uncertainty(item["uncertainty"]) for item in listed}
        return FinishedRun(folder, file_sha256(folder / "results.json"), uncertainty)
    except (JobError, OSError, KeyError, TypeError, ValueError) as error:
        text = _("The results of the training {name} cannot be read.").format(name=folder.name)
        raise CohortError("bad_run", text, _("Train again; the cohort is unchanged.")) from error


def _uncertainty(value: Any) -> float | None:
    """A finite number of 0 to 1, or None. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("the uncertainty is no number")
    return min(max(float(value), 0.0), 1.0)
