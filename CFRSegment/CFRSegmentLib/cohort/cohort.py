"""The cohort folder: what the panels and the engine side work with."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from ..i18n import _
from . import adding, adopting, deciding, rules
from .access import WriteAccess
from .case import Case, Origin, Status
from .case_list import normalized
from .classes import SegmentClass
from .errors import CohortError
from .header import Header, writeHeader
from .label_files import temporaryFile
from .layout import Layout, makeCohort
from .review_log import ReviewRecord
from .rules import TrainingCase
from .store import CohortStore


class Cohort:
    """One cohort, open. Everything that changes it is on disk when the call returns, or not at all.

    Where it is read-only every changing method raises CohortError (read_only).
    """

    def __init__(self, store: CohortStore) -> None:
        """Use `create` or `open`."""
        self._store = store

    @classmethod
    def create(cls, folder: Path, name: str, classes: Sequence[SegmentClass] = ()) -> Cohort:
        """Makes a cohort in a new or empty folder. Raises CohortError (exists, bad_class, bad_name, ...)."""
        makeCohort(Layout(Path(folder).absolute()), name, tuple(classes))
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, readOnly: bool = False, takeOver: bool = False) -> Cohort:
        """Opens a cohort; read-only where it must be, see `readOnlyReason`.

        takeOver: write although another Slicer seems to have it open; that one becomes read-only.
        Raises CohortError: missing, not_a_cohort, newer_format, damaged.
        """
        layout = Layout(Path(folder).absolute())
        reason = _("The cohort was opened for reading only.") if readOnly else ""
        store = CohortStore(layout, WriteAccess(layout.lock, reason))
        try:
            store.load(takeOver)
        except CohortError:
            store.access.release()
            raise
        return cls(store)

    @property
    def folder(self) -> Path:
        """The folder of the cohort, absolute."""
        return self._store.layout.folder

    @property
    def name(self) -> str:
        """The name that people see."""
        return self._store.header.name

    @property
    def classes(self) -> tuple[SegmentClass, ...]:
        """The classes in their order."""
        return self._store.header.classes

    @property
    def readOnly(self) -> bool:
        """Whether nothing can be changed."""
        return bool(self._store.access.reason)

    @property
    def readOnlyReason(self) -> str:
        """Why nothing can be changed: no write access, or open in another Slicer; else empty."""
        return self._store.access.reason

    @property
    def isOpenElsewhere(self) -> bool:
        """Whether it is read-only because another Slicer has, or seems to have, it open: see `takeOver`."""
        return self.readOnly and self._store.layout.lock.exists()

    @property
    def imagesFolder(self) -> Path:
        """Where the images are."""
        return self._store.layout.images

    @property
    def labelsFolder(self) -> Path:
        """Where the labels are."""
        return self._store.layout.labels

    @property
    def runsFolder(self) -> Path:
        """Where the runs are, one folder each."""
        return self._store.layout.runs

    @property
    def modelsFolder(self) -> Path:
        """Where the trained models are."""
        return self._store.layout.models

    def close(self) -> None:
        """Lets another Slicer write. Nothing has to be saved. The object is read-only from then on."""
        self._store.access.release()

    def refresh(self) -> None:
        """Reads the folder again, with what another Slicer wrote; gets write access where that is possible.

        Raises as `open`; then everything is as it was before.
        """
        self._store.load()

    def setClasses(self, classes: Sequence[SegmentClass]) -> None:
        """Replaces the classes. Names, colors, terminology, order and new classes are always possible.

        Raises CohortError: bad_class; classes_in_use where a value would vanish that labels may hold.
        """
        self._store.requireWritable()
        header = self._store.header.withClasses(classes)
        lost = {item.value for item in self.classes} - {item.value for item in header.classes}
        if lost and self._store.holdsLabels():
            text = _("The label value {value} cannot be taken away: labels of this cohort may hold it.")
            remedy = _("Keep the class and its value; its name and color can be changed.")
            raise CohortError("classes_in_use", text.format(value=min(lost)), remedy)
        self._write(header)

    def setName(self, name: str) -> None:
        """Renames the cohort, not its folder. Raises CohortError (bad_name)."""
        self._store.requireWritable()
        self._write(self._store.header.renamed(name))

    def cases(self, status: Status | None = None) -> tuple[Case, ...]:
        """All cases in the order they were added, or those with one status. Fast."""
        found = self._store.cases().values()
        return tuple(case for case in found if status in (None, case.status))

    def case(self, caseId: str) -> Case:
        """One case. Raises CohortError (unknown_case)."""
        return self._store.case(caseId)

    def counts(self) -> dict[Status, int]:
        """How many cases have each status; every status is a key."""
        statuses = [case.status for case in self.cases()]
        return {status: statuses.count(status) for status in Status}

    def findOrigin(self, origin: Origin) -> Case | None:
        """The case that came from there, or None."""
        entry = self._store.list.find(normalized(origin))
        return None if entry is None else self._store.case(entry.id)

    def newImageFile(self, suffix: str = ".nrrd") -> Path:
        """A path in the images folder to write a volume to, for `addCase`. Raises CohortError."""
        self._store.requireWritable()
        return temporaryFile(self.imagesFolder, "case_new", suffix)

    def addCase(self, origin: Origin, title: str, image: Path, modality: str = "") -> Case:
        """Adds a volume as a case, or gives the case of that origin, as it is.

        image: one file (.nii, .nii.gz, .nrrd, .mha). One in the images folder is moved, any other is copied.
        A failed case of that origin becomes a good one; a case whose image vanished gets this one.
        Raises CohortError (bad_image, disk_full, read_only).
        """
        return adding.addCase(self._store, origin, title, Path(image), modality)

    def addFailure(self, origin: Origin, title: str, problem: str) -> Case:
        """Adds a row for a volume that cannot be used; `problem` says why and what to do, for people.

        A case of that origin with a good image stays as it is; a failed one gets the new problem.
        """
        return adding.addFailure(self._store, origin, title, problem)

    def removeCase(self, caseId: str) -> None:
        """Takes a case off the list; its image and labels are moved to the folder `removed`, not deleted."""
        adding.removeCase(self._store, caseId)

    def newLabelFile(self, caseId: str) -> Path:
        """A path ending in .seg.nrrd in the labels folder to write a label to. Raises CohortError."""
        self._store.requireWritable()
        return self._store.labels.newFile(self.case(caseId).id)

    def commitLabel(self, caseId: str, temporary: Path, alias: str, changedVoxels: int | None = None) -> Case:
        """Makes a written file (NRRD) the case's label: one in the labels folder is moved, any other copied.

        A corrected or accepted case becomes, or stays, corrected; any other becomes labeled. When the call
        returns, no kill or power failure loses the label. Raises CohortError (bad_label, disk_full,
        read_only); the label before is then still there.
        """
        return deciding.saveLabel(self._store, caseId, Path(temporary), alias, changedVoxels)

    def adoptRun(self, runFolder: Path) -> tuple[str, ...]:
        """Takes over the pseudo-labels of a finished run; gives the ids of the cases that got one.

        Only unlabeled and pseudo-labeled cases get one: labels and decisions stay. A run is taken over once;
        again gives (). Raises CohortError (run_unfinished, bad_run, disk_full, read_only), nothing changed.
        """
        steps = self.adoption(runFolder)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def adoption(self, runFolder: Path) -> Generator[tuple[int, int], None, tuple[str, ...]]:
        """As `adoptRun`, one case per step, so that a window stays alive: yields (done, of) after each.

        Nothing is taken over before the last step.
        """
        return adopting.adoption(self._store, Path(runFolder))

    def accept(self, caseId: str, alias: str) -> Case:
        """The pseudo-label is right as it is. Raises CohortError (not_decidable)."""
        return deciding.decide(self._store, caseId, "accept", alias)

    def reject(self, caseId: str, alias: str) -> Case:
        """The pseudo-label is of no use; the case does not train. Raises CohortError (not_decidable)."""
        return deciding.decide(self._store, caseId, "reject", alias)

    def correct(self, caseId: str, temporary: Path, alias: str, changedVoxels: int | None = None) -> Case:
        """A corrected pseudo-label becomes the case's label; the pseudo-label itself is kept.

        temporary: as for `commitLabel`. Raises CohortError (not_decidable, bad_label, disk_full, read_only).
        """
        return deciding.correct(self._store, caseId, Path(temporary), alias, changedVoxels)

    def reopen(self, caseId: str, alias: str) -> Case:
        """Takes a decision back: the case is pseudo-labeled again; a correction is kept as its `draft`.

        Raises CohortError (not_decided).
        """
        return deciding.reopen(self._store, caseId, alias)

    def undo(self, alias: str = "") -> Case:
        """Takes back the last accept, correct, reject or re-open; the case has its former status again.

        Saved labels are not undone. Raises CohortError (nothing_to_undo).
        """
        return deciding.undo(self._store, alias)

    def undoable(self) -> Case | None:
        """The case whose decision `undo` would take back, or None."""
        record = deciding.lastUndoable(self._store)
        return None if record is None else self.case(record.case)

    def history(self, limit: int = 100) -> tuple[ReviewRecord, ...]:
        """The last labels saved and decisions made, the newest first. Cases may have been removed since."""
        return self._store.reviews.newest(limit)

    def reviewQueue(self) -> tuple[Case, ...]:
        """Pseudo-labeled cases, most uncertain first, ties by title."""
        return rules.reviewOrder(self.cases())

    def nextToLabel(self, after: str | None = None) -> Case | None:
        """The case to label next: unlabeled ones in the order of the list, beginning behind the case `after`;
        then pseudo-labeled ones, most uncertain first; then rejected ones; None where all are done."""
        return rules.nextToLabel(self.cases(), after)

    def trainingCases(self) -> tuple[TrainingCase, ...]:
        """The cases that train, with role and label. The rule:

        labeled and corrected cases train as labels; accepted ones too, their accepted pseudo-label is the
        label; unlabeled and pseudo-labeled ones train as unlabeled; rejected and failed ones not at all.
        """
        return tuple(item for item in map(rules.trainingCase, self.cases()) if item.role)

    def casesLeftOut(self) -> tuple[TrainingCase, ...]:
        """The cases that do not train, with the reason; role ""."""
        return tuple(item for item in map(rules.trainingCase, self.cases()) if not item.role)

    def _write(self, header: Header) -> None:
        writeHeader(self._store.layout.header, header)
        self._store.header = header

    def __enter__(self) -> Cohort:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()
