"""What is stored of a case and the files that are really there, put together: the case that panels see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..i18n import _
from .case import Case, Status
from .case_list import Entry
from .layout import Layout
from .pseudo_labels import PseudoLabel, uncertaintyMap
from .review_log import Decision


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
    case = Case(entry.id, entry.title, Status.UNLABELED, entry.origin, modality=entry.modality)
    if present.pseudoLabel and stored.pseudo is not None:
        case = _withPseudoLabel(case, layout, stored.pseudo, present)
    if entry.image is None:
        return _failed(case, entry.problem or _("It cannot be read."))
    image = layout.images / entry.image
    if not present.image:
        text = _(
            "The image {name} is not in the cohort any more. Put it back into {folder}, or add it again."
        )
        return _failed(case, text.format(name=image.name, folder=image.parent))
    case = replace(case, image=image)
    if stored.strayLabel is not None:
        return replace(case, status=Status.LABELED, label=layout.labels / stored.strayLabel)
    if stored.decision.status is None:
        return _withDraft(case, layout, stored.decision, present)
    return _decided(case, layout, stored.decision, present)


def _withPseudoLabel(case: Case, layout: Layout, pseudo: PseudoLabel, present: Present) -> Case:
    path = layout.pseudoLabels / pseudo.folder / f"{case.id}.nii.gz"
    return replace(
        case,
        status=Status.PSEUDO_LABELED,
        pseudoLabel=path,
        uncertaintyMap=uncertaintyMap(path) if present.uncertaintyMap else None,
        uncertainty=pseudo.uncertainty,
        run=pseudo.run,
    )


def _withDraft(case: Case, layout: Layout, decision: Decision, present: Present) -> Case:
    """A case without a decision; a correction from before belongs to the pseudo-label it corrected."""
    isOfThisRun = case.status is Status.PSEUDO_LABELED and decision.run == case.run
    if decision.draft is None or not present.draft or not isOfThisRun:
        return case
    return replace(case, draft=layout.labels / decision.draft)


def _decided(case: Case, layout: Layout, decision: Decision, present: Present) -> Case:
    """`case` with the label or the decision in effect."""
    status, label = decision.status or case.status, case.pseudoLabel
    case = replace(case, status=status, decidedBy=decision.by, decidedAt=decision.at)
    case = replace(case, changedVoxels=decision.changedVoxels)
    if status is Status.REJECTED:
        return case
    if decision.label is not None:
        if not present.label:
            text = _(
                "The label {name} is not in the cohort any more. Put it back into {folder}, or label again."
            )
            return _failed(case, text.format(name=decision.label, folder=layout.labels))
        label = layout.labels / decision.label
    if label is None:
        return _failed(case, _("Its accepted pseudo-label is not in the cohort any more. Label the case."))
    return replace(case, label=label)


def _failed(case: Case, problem: str) -> Case:
    return replace(case, status=Status.FAILED, problem=problem)
