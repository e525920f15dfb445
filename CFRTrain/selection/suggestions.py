"""The result: unlabeled cases in the order in which to label them, each with its reasons, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from CFRTrain.selection.diversity import Choice, choose
from CFRTrain.selection.embeddings import squared_distances
from CFRTrain.selection.reasons import Reason, reasons
from CFRTrain.selection.scoring import CaseScore, needs

FORMAT = 1


@dataclass(frozen=True)
class Suggestion:
    """One case to label. choice: its place among the cases. score: what the run says, None without a run."""

    case: str
    choice: Choice
    score: CaseScore | None
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in suggestions.json, without rank and slices."""
        parts = {} if self.score is None else {
            "score": round(self.score.total, 4),
            "uncertainty": round(self.score.uncertainty, 4),
            "disagreement": round(self.score.disagreement, 4),
            "absence": round(self.score.absence, 4),
        }  # fmt: skip
        nearest = self.choice.nearest
        return {
            "case": self.case,
            **parts,
            "gain": round(self.choice.gain, 4),
            "distance_to_labeled": None if nearest is None else round(nearest, 4),
            "represents": self.choice.represents,
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def suggestions(
    cases: Sequence[str],
    labeled: Sequence[str],
    embeddings: np.ndarray,
    scores: Mapping[str, CaseScore],
    names: Sequence[str],
    count: int,
) -> tuple[Suggestion, ...]:
    """At most `count` of `cases`, labeled ones among them, that are worth labeling next.

    embeddings: float32 (N,D), a row per case. scores: of unlabeled cases, empty before there is a run.
    names: of the classes.
    """
    squared = squared_distances(embeddings)
    known = [index for index, case in enumerate(cases) if case in set(labeled)]
    unlabeled = [index for index in range(len(cases)) if index not in set(known)]
    weights = needs([scores.get(case) for case in cases])
    to_labeled = np.sqrt(squared[np.ix_(unlabeled, known)].min(1)) if known and unlabeled else np.zeros(0)
    found = []
    for choice in choose(squared, weights, known, count):
        case = cases[choice.index]
        why = reasons(choice, scores.get(case), list(scores.values()), to_labeled, names)
        found.append(Suggestion(case, choice, scores.get(case), why))
    return tuple(found)
