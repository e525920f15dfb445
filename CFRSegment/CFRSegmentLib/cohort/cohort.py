"""The cohort folder: what the panels and the engine side work with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .case import Case, Origin, Status
from .classes import SegmentClass
from .rules import TrainingCase


class Cohort:
    """One cohort, open. Everything that changes it is on disk when the call returns, or not at all.

    readOnly: nothing can be changed; readOnlyReason says why and what to do (a folder without write access,
    another Slicer that has it open). Every changing method then raises CohortError (read_only).
    """

    folder: Path
    name: str
    classes: tuple[SegmentClass, ...]
    readOnly: bool
    readOnlyReason: str
    imagesFolder: Path
    labelsFolder: Path
    runsFolder: Path
    modelsFolder: Path

    @classmethod
    def create(cls, folder: Path, name: str, classes: Sequence[SegmentClass] = ()) -> Cohort:
        """Makes a cohort in a new or empty folder. Raises CohortError (exists, bad_class, bad_name, ...)."""
        raise NotImplementedError

    @classmethod
    def open(cls, folder: Path, readOnly: bool = False, takeOver: bool = False) -> Cohort:
        """Opens a cohort; read-only where it must be, see `readOnlyReason`.

        takeOver: write although another Slicer seems to have it open; that one becomes read-only.
        Raises CohortError: missing, not_a_cohort, newer_format, damaged.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets another Slicer write. Nothing has to be saved. The object is read-only from then on."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Reads the folder again: files that came or went, what another Slicer wrote. Raises as `open`."""
        raise NotImplementedError

    def setClasses(self, classes: Sequence[SegmentClass]) -> None:
        """Replaces the classes. Names, colors, terminology, order and new classes are always possible.

        Raises CohortError: bad_class; classes_in_use where a value would vanish that labels may hold.
        """
        raise NotImplementedError

    def setName(self, name: str) -> None:
        """Renames the cohort, not its folder. Raises CohortError (bad_name)."""
        raise NotImplementedError

    def cases(self, status: Status | None = None) -> tuple[Case, ...]:
        """All cases in the order they were added, or those with one status. Fast."""
        raise NotImplementedError

    def case(self, caseId: str) -> Case:
        """One case. Raises CohortError (unknown_case)."""
        raise NotImplementedError

    def counts(self) -> dict[Status, int]:
        """How many cases have each status; every status is a key."""
        raise NotImplementedError

    def findOrigin(self, origin: Origin) -> Case | None:
        """The case that came from there, or None."""
        raise NotImplementedError

    def newImageFile(self, suffix: str = ".nrrd") -> Path:
        """A path in the images folder to write a volume to, for `addCase`. Raises CohortError."""
        raise NotImplementedError

    def addCase(self, origin: Origin, title: str, image: Path, modality: str = "") -> Case:
        """Adds a volume as a case, or gives the case of that origin, as it is.

        image: one file (.nii, .nii.gz, .nrrd, .mha). One in the images folder is moved, any other is copied.
        A failed case of that origin becomes a good one; a case whose image vanished gets this one.
        Raises CohortError (bad_image, disk_full, read_only).
        """
        raise NotImplementedError

    def addFailure(self, origin: Origin, title: str, problem: str) -> Case:
        """Adds a row for a volume that cannot be used; `problem` says why and what to do, for people.

        A case of that origin with a good image stays as it is; a failed one gets the new problem.
        """
        raise NotImplementedError

    def removeCase(self, caseId: str) -> None:
        """Takes a case off the list; its image and labels are moved to the folder `removed`, not deleted."""
        raise NotImplementedError

    def newLabelFile(self, caseId: str) -> Path:
        """A path ending in .seg.nrrd in the labels folder to write a label to. Raises CohortError."""
        raise NotImplementedError

    def commitLabel(self, caseId: str, temporary: Path, alias: str, changedVoxels: int | None = None) -> Case:
        """Makes a written file (NRRD) the case's label; the temporary file is gone after it.

        A corrected or accepted case becomes, or stays, corrected; any other becomes labeled. When the call
        returns, no kill or power failure loses the label. Raises CohortError (bad_label, disk_full,
        read_only); the label before is then still there.
        """
        raise NotImplementedError

    def adoptRun(self, runFolder: Path) -> tuple[str, ...]:
        """Takes over the pseudo-labels of a finished run; gives the ids of the cases that got one.

        Only unlabeled and pseudo-labeled cases get one: labels and decisions stay. A run is taken over once;
        again gives (). Raises CohortError (run_unfinished, bad_run, disk_full, read_only); then nothing is changed.
        """
        raise NotImplementedError

    def adoption(self, runFolder: Path) -> Iterator[tuple[int, int]]:
        """As `adoptRun`, one case per step, so that a window stays alive: yields (done, of) after each.

        Nothing is taken over before the last step.
        """
        raise NotImplementedError

    def accept(self, caseId: str, alias: str) -> Case:
        """The pseudo-label is right as it is. Raises CohortError (not_decidable)."""
        raise NotImplementedError

    def reject(self, caseId: str, alias: str) -> Case:
        """The pseudo-label is of no use; the case does not train. Raises CohortError (not_decidable)."""
        raise NotImplementedError

    def correct(self, caseId: str, temporary: Path, alias: str, changedVoxels: int | None = None) -> Case:
        """A corrected pseudo-label becomes the case's label; the pseudo-label itself is kept.

        temporary: as for `commitLabel`. Raises CohortError (not_decidable, bad_label, disk_full, read_only).
        """
        raise NotImplementedError

    def reopen(self, caseId: str, alias: str) -> Case:
        """Takes a decision back: the case is pseudo-labeled again; a correction is kept as its `draft`.

        Raises CohortError (not_decided).
        """
        raise NotImplementedError

    def undo(self, alias: str = "") -> Case:
        """Takes back the last accept, correct, reject or re-open; the case has its former status again.

        Saved labels are not undone. Raises CohortError (nothing_to_undo).
        """
        raise NotImplementedError

    def undoable(self) -> Case | None:
        """The case whose decision `undo` would take back, or None."""
        raise NotImplementedError

    def reviewQueue(self) -> tuple[Case, ...]:
        """Pseudo-labeled cases, most uncertain first, ties by title."""
        raise NotImplementedError

    def nextToLabel(self, after: str | None = None) -> Case | None:
        """The case to label next: unlabeled ones in the order of the list, beginning behind the case `after`;
        then pseudo-labeled ones, most uncertain first; then rejected ones; None where all are done."""
        raise NotImplementedError

    def trainingCases(self) -> tuple[TrainingCase, ...]:
        """The cases that train, with role and label. The rule:

        labeled and corrected cases train as labels; accepted ones too, their accepted pseudo-label is the
        label; unlabeled and pseudo-labeled ones train as unlabeled; rejected and failed ones not at all.
        """
        raise NotImplementedError

    def casesLeftOut(self) -> tuple[TrainingCase, ...]:
        """The cases that do not train, with the reason; role ""."""
        raise NotImplementedError

    def __enter__(self) -> Cohort:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()
