"""Promoted cases: pseudo-labels that are confident enough to be learned like labels by the labeler itself.

SFR+, the extension of CFR: cases above a mean confidence join SAM's fine-tuning. Here they join with what
labeler and re-trained network say together, so that the labeler learns more than to repeat itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import Labeler, PseudoLabel, PseudoLabelCache
from CFRTrain.labelers.looks_labeler import answer
from CFRTrain.retraining.sources import RecentPseudoLabels


def mean_confidence(pseudo: PseudoLabel) -> float:
    """Mean over all voxels of the largest probability."""
    return float(pseudo.probabilities.max(0).mean(dtype=np.float64))


def with_repeats(labeled: Sequence[str], promoted: Sequence[str], labeled_share: float) -> tuple[str, ...]:
    """Cases to draw from with equal chances, at least `labeled_share` of them labeled ones."""
    needed = labeled_share / (1 - labeled_share) * len(promoted) / len(labeled)
    repeats = max(1, math.ceil(needed - 1e-9))
    return (*(list(labeled) * repeats), *promoted)


class PromotedStore:
    """A store in which promoted cases have labels: the arg-max of their pseudo-labels."""

    def __init__(self, store: CaseStore, pseudo: PseudoLabelCache, promoted: Sequence[str]) -> None:
        self._store, self._promoted = store, frozenset(promoted)
        self._pseudo = RecentPseudoLabels(pseudo)

    def image(self, case_id: str) -> np.ndarray:
        """float32 (z,y,x), as in the store."""
        return self._store.image(case_id)

    def label(self, case_id: str) -> np.ndarray | None:
        """uint8 (z,y,x) class indices: the case's label, or its pseudo-label if it was promoted."""
        return self._pseudo.get(case_id).labels if case_id in self._promoted else self._store.label(case_id)

    def has(self, case_id: str) -> bool:
        """Whether the case is in the store."""
        return self._store.has(case_id)


class Unbiased:
    """A labeler that is asked about every image anew, also about promoted cases, which it learned."""

    def __init__(self, labeler: Labeler, store: CaseStore) -> None:
        self.labeler, self.store, self.name = labeler, store, labeler.name

    def prepare(self) -> None:
        self.labeler.prepare()

    def label(self, case_id: str) -> PseudoLabel:
        return answer(self.labeler, self.store.image(case_id), case_id)
