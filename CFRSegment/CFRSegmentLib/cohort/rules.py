"""Which cases train and how, which one to review next, which one to label next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ..i18n import _
from .case import Case, Status

Role = Literal["labeled", "unlabeled", ""]
ROLES: dict[Status, Role] = {
    Status.LABELED: "labeled",
    Status.CORRECTED: "labeled",
    Status.ACCEPTED: "labeled",
    Status.UNLABELED: "unlabeled",
    Status.PSEUDO_LABELED: "unlabeled",
}


@dataclass(frozen=True)
class TrainingCase:
    """What a case is in a training. role "": not used; label: for role "labeled". reason: for people."""

    case: Case
    role: Role
    label: Path | None
    reason: str


def trainingCase(case: Case) -> TrainingCase:
    """The role of a case. The rule, for all of the program:

    labeled and corrected cases train as labels; accepted ones too, their accepted pseudo-label is the label;
    unlabeled and pseudo-labeled ones train as unlabeled; rejected and failed ones not at all.
    """
    role = ROLES.get(case.status, "")
    reason = case.problem if case.status is Status.FAILED and case.problem else _reasons()[case.status]
    return TrainingCase(case, role, case.label if role == "labeled" else None, reason)


@cache
def _reasons() -> dict[Status, str]:
    """Why a case of a status trains as it does; made once, as there may be thousands of cases."""
    return {
        Status.LABELED: _("Trains with the label drawn by hand."),
        Status.CORRECTED: _("Trains with the corrected label."),
        Status.ACCEPTED: _("Trains with the accepted pseudo-label as its label."),
        Status.UNLABELED: _("Trains without a label."),
        Status.PSEUDO_LABELED: _("Trains without a label: its pseudo-label is not reviewed yet."),
        Status.REJECTED: _("Left out: its pseudo-label was rejected. Label it, or open it again."),
        Status.FAILED: _("Left out: it cannot be used."),
    }


def reviewOrder(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Pseudo-labeled cases, most uncertain first, ties by title; those of unknown uncertainty last."""
    waiting = [case for case in cases if case.status is Status.PSEUDO_LABELED]
    return tuple(sorted(waiting, key=_uncertainFirst))


def _uncertainFirst(case: Case) -> tuple[float, str, str]:
    uncertainty = -1.0 if case.uncertainty is None else case.uncertainty
    return -uncertainty, case.title.casefold(), case.id


def nextToLabel(cases: Sequence[Case], after: str | None = None) -> Case | None:
    """The case to label next, never `after` itself, or None where nothing is left to label.

    Unlabeled ones in the order of the list, beginning behind `after`; then pseudo-labeled ones, most
    uncertain first; then rejected ones.
    """
    ids = [case.id for case in cases]
    start = ids.index(after) + 1 if after in ids else 0
    turned = [case for case in (*cases[start:], *cases[:start]) if case.id != after]
    candidates = [case for case in turned if case.status is Status.UNLABELED]
    candidates += reviewOrder(turned)
    candidates += [case for case in turned if case.status is Status.REJECTED]
    return candidates[0] if candidates else None
