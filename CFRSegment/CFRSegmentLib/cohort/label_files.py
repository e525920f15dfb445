"""Label files. A saved label is a new file of its own name: no label is ever written over.

case_0001.seg.nrrd is the first label of a case, case_0001_2.seg.nrrd the next one. Which one counts stands in
the review log. The last ten are kept, and those that an undo can bring back.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path

from CFRTrain.runs.atomic import LEFTOVER, put_in_place, sync_folder

from ..i18n import _
from .errors import CohortError, writing

SUFFIX = ".seg.nrrd"
MAGIC = b"NRRD000"
VERSION = re.compile(r"(case_\d+)(?:_(\d+))?\.seg\.nrrd")
TEMPORARY = re.compile(r"\.case_.*\.[0-9a-f]{8}(\.[a-z]+)*")
KEPT = 10
STARTED = time.time()


class LabelFiles:
    """The labels folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newFile(self, caseId: str) -> Path:
        """A path to write a label to; not a label of the case before `keep`."""
        return temporaryFile(self.folder, caseId, SUFFIX)

    def keep(self, caseId: str, written: Path) -> str:
        """Makes a written file a label of the case, durably, and gives its name. Raises CohortError."""
        _requireLabel(written)
        names = self.names(caseId)
        name = f"{caseId}_{_version(names[-1])[1] + 1}{SUFFIX}" if names else f"{caseId}{SUFFIX}"
        moveIn(written, self.folder / name)
        return name

    def names(self, caseId: str) -> list[str]:
        """All label files of a case, oldest first. Raises CohortError."""
        with writing(self.folder):
            found = [name for name in os.listdir(self.folder) if name.startswith(caseId)]
        return sorted((name for name in found if VERSION.fullmatch(name)), key=_version)

    def prune(self, caseId: str, needed: Collection[str]) -> None:
        """Deletes old label files of a case: not the last ten, not those that are `needed`."""
        for name in self.names(caseId)[:-KEPT]:
            if name not in needed:
                removeQuietly(self.folder / name)


def lastLabels(names: Iterable[str]) -> dict[str, str]:
    """The last label file of each case, of all the files in the labels folder."""
    return {_version(name)[0]: name for name in sorted(filter(VERSION.fullmatch, names), key=_version)}


def _version(name: str) -> tuple[str, int]:
    """Case and number of a label file."""
    match = VERSION.fullmatch(name)
    return ("", 0) if match is None else (match[1], int(match[2] or 1))


def temporaryFile(folder: Path, name: str, suffix: str) -> Path:
    """A path in `folder`, made where it is missing, that is no file yet. Raises CohortError."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{name}.{uuid.uuid4().hex[:8]}{suffix}"


def moveIn(source: Path, target: Path) -> None:
    """Puts a file in place, whole or not at all: moved where it lies in the same folder, copied otherwise.

    Raises CohortError.
    """
    isBeside = os.path.realpath(source.parent) == os.path.realpath(target.parent)
    temporary = source if isBeside else temporaryFile(target.parent, target.name[:40], "")
    with writing(target):
        try:
            if not isBeside:
                shutil.copyfile(source, temporary)
            with open(temporary, "r+b") as stream:
                os.fsync(stream.fileno())
            putInPlace(temporary, target)
        except BaseException:
            if not isBeside:
                removeQuietly(temporary)
            raise
        sync_folder(target.parent)


def putInPlace(source: Path, target: Path) -> None:
    """Gives a written file its name, as soon as a virus scanner has let go of it. Raises OSError."""
    put_in_place(source, target)


def removeQuietly(path: Path) -> None:
    """Deletes a file that is no longer needed; one that another program holds stays."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass


def removeOldTemporaries(*folders: Path) -> None:
    """Deletes what killed processes have left half written; only who may write to the cohort may call it.

    These are hidden files with names as only this program gives them: `temporaryFile`, and those that
    writers of label and image files put beside their target. What was written to since this process has
    begun may still be needed, and stays.
    """
    for folder in folders:
        hidden = folder.glob(".*") if folder.is_dir() else ()
        for path in hidden:
            if _isTemporary(path.name) and _changedAt(path) < STARTED:
                removeQuietly(path)


def _isTemporary(name: str) -> bool:
    return bool(TEMPORARY.fullmatch(name) or LEFTOVER.fullmatch(name))


def _changedAt(path: Path) -> float:
    """When a file was last written to, in seconds as of `time.time`; never, where it has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _requireLabel(path: Path) -> None:
    """Raises CohortError (bad_label) where the file is not there or is no NRRD file."""
    try:
        with open(path, "rb") as stream:
            if stream.read(len(MAGIC)) == MAGIC:
                return
    except OSError:
        pass
    text = _("The label was not saved: {name} is not a label file.").format(name=path.name)
    raise CohortError("bad_label", text, _("The label before is unchanged. Save it again."))
