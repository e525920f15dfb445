"""Everything that is stored of an open cohort, read once, and the cases that follow from it."""

from __future__ import annotations

import os

from ..i18n import _
from .access import WriteAccess
from .assembly import Present, Stored, assembled
from .case import Case
from .case_list import CaseList
from .errors import CohortError
from .file_listing import FileListing
from .header import readHeader
from .label_files import LabelFiles, lastLabels, removeOldTemporaries
from .layout import Layout
from .pseudo_labels import PseudoLabels
from .review_log import NOTHING, ReviewLog


class CohortStore:
    """The parts of one open cohort. After a change only the cases that it concerns are put together anew."""

    def __init__(self, layout: Layout, access: WriteAccess) -> None:
        self.layout = layout
        self.access = access
        self.labels = LabelFiles(layout.labels)
        self._files = FileListing()
        self._cases: dict[str, tuple[Stored, Present, Case]] = {}
        self._isCurrent = False

    def load(self, takeOver: bool = False) -> None:
        """Reads the folder, and gets the right to write where that is possible.

        Raises CohortError; then nothing is touched, on the disk or here.
        """
        self.layout.requireCohort()
        readHeader(self.layout.header)  # nothing is written into the folder of a newer version
        self.access.acquire(takeOver, (*self.layout.journals, *self.layout.folders))
        self._read()
        if not self.access.reason and not takeOver:  # the Slicer that had it may be writing just now
            reviewed = self.layout.pseudoLabels.glob("*/")
            removeOldTemporaries(self.layout.images, self.layout.labels, *reviewed)

    def _read(self) -> None:
        header, caseList = readHeader(self.layout.header), CaseList(self.layout.caseList)
        reviews = ReviewLog(self.layout.reviews)
        pseudo = PseudoLabels(self.layout.pseudoLabels, self.layout.adoptions)
        for part in (caseList, reviews, pseudo):
            part.load()
        self.header, self.list, self.reviews, self.pseudo = header, caseList, reviews, pseudo
        self.changed()

    def requireWritable(self) -> None:
        """Raises CohortError (read_only)."""
        if self.access.require():
            self._read()

    def changed(self) -> None:
        """Says that something was written: what changed is put together anew when it is next asked for."""
        self._files.forget()
        self._isCurrent = False

    def cases(self) -> dict[str, Case]:
        """All cases by id, in the order they were added; files that came or went are seen."""
        if self._files.look() or not self._isCurrent:
            strays = self._strayLabels()
            before, self._cases = self._cases, {}
            for entry in self.list.entries.values():
                decision, pseudo = self.reviews.decision(entry.id), self.pseudo.of.get(entry.id)
                stored = Stored(entry, decision, pseudo, strays.get(entry.id))
                present = self._present(stored)
                known = before.get(entry.id)
                if known is None or known[:2] != (stored, present):
                    known = stored, present, assembled(self.layout, stored, present)
                self._cases[entry.id] = known
            self._isCurrent = True
        return {caseId: known[2] for caseId, known in self._cases.items()}

    def case(self, caseId: str) -> Case:
        """One case. Raises CohortError (unknown_case)."""
        found = self.cases().get(caseId)
        if found is None:
            text = _("There is no case {id} in the cohort.").format(id=caseId)
            raise CohortError("unknown_case", text, _("Choose another case; it may have been removed."))
        return found

    def holdsLabels(self) -> bool:
        """Whether any label or pseudo-label was ever saved here that is still there."""
        return bool(self.pseudo.of or lastLabels(self._files.names(self.layout.labels)))

    def freeId(self) -> str:
        """An id for a new case; files that belong to no case are never written over."""
        names: list[str] = []
        for folder in (self.layout.images, self.layout.labels, self.layout.removed):
            if folder.is_dir():
                names += os.listdir(folder)
        return self.list.freeId(names)

    def _present(self, stored: Stored) -> Present:
        """Which files of a case are there."""
        labels, decision = self._files.names(self.layout.labels), stored.decision
        reviewed: frozenset[str] = frozenset()
        if stored.pseudo is not None:
            reviewed = self._files.names(self.pseudo.folderOf(stored.pseudo))
        return Present(
            image=stored.entry.image in self._files.names(self.layout.images),
            label=decision.label in labels,
            draft=decision.draft in labels,
            pseudoLabel=f"{stored.entry.id}.nii.gz" in reviewed,
            uncertaintyMap=f"{stored.entry.id}_uncertainty.nii.gz" in reviewed,
        )

    def _strayLabels(self) -> dict[str, str]:
        """The last label file of each case that no record names, as after the loss of the review log."""
        last = lastLabels(self._files.names(self.layout.labels))
        return {caseId: name for caseId, name in last.items() if self.reviews.decision(caseId) is NOTHING}
