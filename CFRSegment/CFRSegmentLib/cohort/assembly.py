"""What is stored of a case and the files that are really there, put together: the case that panels see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..i18n import _
from .case import Case, Status
from .case_list import Entry
from .layout import Layout
from .pseudo_labels import PseudoLabel, uncertaintyMap
from .review_log import Decision

Fields = dict[str, Any]  # of a Case: `dataclasses.replace`, step by step, takes ten times as long


@dataclass(frozen=True)
class Stored:
    """What the files of the cohort say of a case.

    strayLabel: a label file that no record names; it counts where there is no record of the case at all.
    """

    entry: Entry
    decision: Decision
    pseudo: PseudoLabel | None
    strayLabel: str | None


@dataclass(frozen=True)
class Present:
    """Which of the files that belong to a case are there."""

    image: bool
    label: bool
    draft: bool
    pseudoLabel: bool
    uncertaintyMap: bool


def assembled(layout: Layout, stored: Stored, present: Present) -> Case:
    """One case. Nothing raises here: what is wrong with a case is its `problem`."""
    entry = stored.entry
    fields: Fields = {"status": Status.UNLABELED}
    if present.pseudoLabel and stored.pseudo is not None:
        fields |= _pseudoLabel(entry.id, layout, stored.pseudo, present)
    if entry.image is None:
        fields |= _failure(entry.problem or _("It cannot be read."))
    elif not present.image:
        text = _(
            "The image {name} is not in the cohort any more. Put it back into {folder}, or add it again."
        )
        fields |= _failure(text.format(name=entry.image, folder=layout.images))
    else:
        fields |= {"image": layout.images / entry.image, **_labelOrDecision(layout, stored, present, fields)}
    return Case(id=entry.id, title=entry.title, origin=entry.origin, modality=entry.modality, **fields)


def _pseudoLabel(caseId: str, layout: Layout, pseudo: PseudoLabel, present: Present) -> Fields:
    path = layout.pseudoLabels / pseudo.folder / f"{caseId}.nii.gz"
    return {
        "status": Status.PSEUDO_LABELED,
        "pseudoLabel": path,
        "uncertaintyMap": uncertaintyMap(path) if present.uncertaintyMap else None,
        "uncertainty": pseudo.uncertainty,
        "run": pseudo.run,
    }


def _labelOrDecision(layout: Layout, stored: Stored, present: Present, fields: Fields) -> Fields:
    """What people have made of a case with these `fields` so far."""
    decision = stored.decision
    if stored.strayLabel is not None:
        return {"status": Status.LABELED, "label": layout.labels / stored.strayLabel}
    if decision.status is not None:
        return _decision(layout, decision, present, fields.get("pseudoLabel"))
    isOfThisRun = fields["status"] is Status.PSEUDO_LABELED and decision.run == fields["run"]
    if decision.draft is not None and present.draft and isOfThisRun:
        return {"draft": layout.labels / decision.draft}
    return {}


def _decision(layout: Layout, decision: Decision, present: Present, pseudoLabel: Path | None) -> Fields:
    """The label or the decision in effect."""
    fields: Fields = {"status": decision.status, "decidedBy": decision.by, "decidedAt": decision.at}
    fields["changedVoxels"] = decision.changedVoxels
    if decision.status is Status.REJECTED:
        return fields
    if decision.label is None and pseudoLabel is None:
        text = _("Its accepted pseudo-label is not in the cohort any more. Label the case.")
        return fields | _failure(text)
    if decision.label is not None and not present.label:
        text = _("The label {name} is not in the cohort any more. Put it back into {folder}, or label again.")
        return fields | _failure(text.format(name=decision.label, folder=layout.labels))
    return fields | {"label": layout.labels / decision.label if decision.label else pseudoLabel}


def _failure(problem: str) -> Fields:
    return {"status": Status.FAILED, "problem": problem}
