"""The pseudo-labels of a finished run become those of the cohort, where nobody has labeled or decided."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from .case import Status
from .pseudo_labels import FinishedRun, readFinishedRun
from .store import CohortStore

OPEN_TO_PSEUDO_LABELS = (Status.UNLABELED, Status.PSEUDO_LABELED)


def adoption(store: CohortStore, runFolder: Path) -> Generator[tuple[int, int], None, tuple[str, ...]]:
    """See `Cohort.adoption`."""
    store.requireWritable()
    run = readFinishedRun(runFolder)
    if store.pseudo.has(run):
        return ()
    chosen = _chosen(store, run)
    for done in store.pseudo.copy(run, chosen):
        yield done, len(chosen)
    store.requireWritable()
    still = set(_chosen(store, run))  # a label may have been saved while the files were copied
    adopted = tuple(caseId for caseId in chosen if caseId in still)
    store.pseudo.adopt(run, adopted)
    store.changed()
    return adopted


def _chosen(store: CohortStore, run: FinishedRun) -> tuple[str, ...]:
    """Cases that the run has a pseudo-label for and that wait for one."""
    cases = store.cases()
    return tuple(
        caseId
        for caseId in run.uncertainty
        if caseId in cases
        and cases[caseId].status in OPEN_TO_PSEUDO_LABELS
        and run.pseudoLabel(caseId).is_file()
    )
