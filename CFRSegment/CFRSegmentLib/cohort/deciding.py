"""Labels and decisions: which ones are possible for a case, and what they write.

A label file is in place before the record that names it. The record is the moment of the decision: a kill
before it leaves the label and the status from before in effect.
"""

from __future__ import annotations

from pathlib import Path

from ..i18n import _
from .case import Case, Status
from .errors import CohortError
from .review_log import ReviewRecord
from .store import CohortStore

DECIDED = (Status.ACCEPTED, Status.CORRECTED, Status.REJECTED)


def saveLabel(store: CohortStore, caseId: str, written: Path, alias: str, changedVoxels: int | None) -> Case:
    """See `Cohort.commitLabel`."""
    store.requireWritable()
    isCorrection = store.case(caseId).status in (Status.ACCEPTED, Status.CORRECTED)
    action = "correct" if isCorrection else "label"
    return _saveLabel(store, caseId, action, written, alias, changedVoxels)


def correct(store: CohortStore, caseId: str, written: Path, alias: str, changedVoxels: int | None) -> Case:
    """See `Cohort.correct`."""
    store.requireWritable()
    _requireUndecided(store.case(caseId))
    return _saveLabel(store, caseId, "correct", written, alias, changedVoxels)


def decide(store: CohortStore, caseId: str, action: str, alias: str) -> Case:
    """See `Cohort.accept` and `Cohort.reject`."""
    store.requireWritable()
    _requireUndecided(store.case(caseId))
    return _record(store, caseId, action, alias)


def reopen(store: CohortStore, caseId: str, alias: str) -> Case:
    """See `Cohort.reopen`."""
    store.requireWritable()
    case = store.case(caseId)
    if case.status not in DECIDED:
        text = _("There is no decision on {title} to take back.").format(title=case.title)
        raise CohortError("not_decided", text, _("Choose an accepted, corrected or rejected case."))
    return _record(store, caseId, "reopen", alias)


def undo(store: CohortStore, alias: str) -> Case:
    """See `Cohort.undo`."""
    store.requireWritable()
    record = lastUndoable(store)
    if record is None:
        raise CohortError("nothing_to_undo", _("There is no decision to undo."), _("Go on reviewing."))
    return _record(store, record.case, "undo", alias or record.alias, undoes=record.number)


def lastUndoable(store: CohortStore) -> ReviewRecord | None:
    """The decision that `undo` takes back: the last one on the pseudo-label that its case has now."""
    cases = store.cases()
    return store.reviews.lastUndoable(lambda item: item.case in cases and cases[item.case].run == item.run)


def _requireUndecided(case: Case) -> None:
    if case.status is Status.PSEUDO_LABELED:
        return
    text = _("{title} has no pseudo-label that waits for a decision.").format(title=case.title)
    remedy = _("Open the case again to change its decision, or label it.")
    raise CohortError("not_decidable", text, remedy)


def _saveLabel(
    store: CohortStore, caseId: str, action: str, written: Path, alias: str, changedVoxels: int | None
) -> Case:
    name = store.labels.keep(caseId, written)
    case = _record(store, caseId, action, alias, changedVoxels=changedVoxels, label=name)
    store.labels.prune(caseId, store.reviews.labelsOf(caseId))
    return case


def _record(store: CohortStore, caseId: str, action: str, alias: str, **fields: object) -> Case:
    store.reviews.add(caseId, action, alias, run=store.case(caseId).run, **fields)
    store.changed()
    return store.case(caseId)
