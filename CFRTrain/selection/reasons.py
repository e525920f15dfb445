"""Why a case is suggested, in words: codes for viewers, which translate them, and English sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from CFRTrain.selection.diversity import Choice
from CFRTrain.selection.scoring import CaseScore

FAR = 0.75  # share of the unlabeled cases that are closer to a labeled one than a case called unlike them


@dataclass(frozen=True)
class Reason:
    """One reason. code: a stable name. text: the sentence. fields: what is named in it (class, figure)."""

    code: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)


def reasons(
    choice: Choice,
    score: CaseScore | None,
    others: Sequence[CaseScore],
    distances: np.ndarray,
    names: Sequence[str],
) -> tuple[Reason, ...]:
    """What speaks for a case, the strongest first; one reason at least.

    others: scores of all unlabeled cases, to which this one is compared. distances: from each unlabeled case
    to its closest labeled one, empty without any. names: of the classes.
    """
    found = [] if score is None else [*_absences(score, names), *_doubts(score, others, names)]
    return tuple([*found, *_places(choice, distances)])


def _absences(score: CaseScore, names: Sequence[str]) -> list[Reason]:
    missing = [name for name, present in zip(names, score.class_present, strict=True) if not present]
    return [Reason("absent", f"{name} is not found in it", {"class": name}) for name in missing]


def _doubts(score: CaseScore, others: Sequence[CaseScore], names: Sequence[str]) -> list[Reason]:
    """Uncertainty and disagreement that are above what is usual, each with the class that has most of it."""
    found = []
    if score.uncertainty > float(np.median([other.uncertainty for other in others])):
        per_class = [-1.0 if value is None else value for value in score.class_uncertainty]
        name, value = names[int(np.argmax(per_class))], max(per_class)
        if value >= 0:
            text = f"uncertain at the border of {name}"
            found.append(Reason("uncertain_border", text, {"class": name, "uncertainty": round(value, 3)}))
    if score.class_dice and score.disagreement > float(np.median([o.disagreement for o in others])):
        name, value = names[int(np.argmin(score.class_dice))], min(score.class_dice)
        text = f"labeler and network disagree on {name} (Dice {value:.2f})"
        found.append(Reason("disagreement", text, {"class": name, "dice": round(value, 3)}))
    return found


def _places(choice: Choice, distances: np.ndarray) -> list[Reason]:
    """What the case is among the others."""
    count = {"cases": choice.represents}
    if choice.nearest is None:
        return [Reason("typical", f"most like all {choice.represents} cases together", count)]
    found = []
    if len(distances) and choice.nearest >= float(np.quantile(distances, FAR)):
        found.append(Reason("unlike_labeled", "unlike every labeled case"))
    if choice.represents > 1:
        others = choice.represents - 1
        text = f"stands for {others} unlabeled case{'s' if others > 1 else ''} more like it than any labeled"
        found.append(Reason("represents", text, {"cases": others}))
    return found or [Reason("next", "covers most of what the labeled cases do not")]
