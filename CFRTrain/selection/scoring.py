"""How much an unlabeled case needs a person, from what a labeler and a trained network say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from CFRTrain.selection.bands import SliceRequest, class_bands, normalized_entropy, slices_to_correct


@dataclass(frozen=True)
class CaseScore:
    """The score of one case. Per class (in the order of the job): border uncertainty, Dice, presence.

    class_uncertainty: mean normalized entropy of the network in the band around the class, 0 sure to 1 a
    guess; None where the class is absent. class_dice: of labeler and network, empty without a labeler.
    class_present: whether the network finds the class at all. slices: at plan grid, the worst first.
    """

    uncertainty: float
    class_uncertainty: tuple[float | None, ...]
    class_dice: tuple[float, ...]
    class_present: tuple[bool, ...]
    slices: tuple[SliceRequest, ...]

    @property
    def disagreement(self) -> float:
        """1 - Dice(labeler, network), mean over classes; 0 without a labeler."""
        return 1.0 - float(np.mean(self.class_dice)) if self.class_dice else 0.0

    @property
    def absence(self) -> float:
        """Share of the classes of which the network finds nothing."""
        return 1.0 - float(np.mean(self.class_present))

    @property
    def total(self) -> float:
        """Uncertainty + disagreement + absence, 0 to 3."""
        return self.uncertainty + self.disagreement + self.absence


def score_case(network: np.ndarray, labeler: np.ndarray | None, slicing_axis: int, slices: int) -> CaseScore:
    """The score from probabilities (C,z,y,x) of the network and, where there is one, of the labeler.

    A volume in which the network finds nothing has no surface; it is worth a look, so its uncertainty is 1.
    """
    classes, labels = len(network) - 1, network.argmax(0)
    entropy, bands = normalized_entropy(network), class_bands(labels, classes)
    band = np.any(bands, axis=0)
    per_class = tuple(float(entropy[part].mean()) if part.any() else None for part in bands)
    found = tuple(bool((labels == index).any()) for index in range(1, classes + 1))
    nothing = not any(found)
    uncertain = 1.0 if nothing or not band.any() else float(entropy[band].mean())
    agreed = () if labeler is None else class_dice(labels, labeler.argmax(0), classes)
    where = np.ones_like(band) if nothing else band
    worst = slices_to_correct(entropy, where, slicing_axis, slices)
    return CaseScore(uncertain, per_class, agreed, found, worst)


def class_dice(first: np.ndarray, second: np.ndarray, classes: int) -> tuple[float, ...]:
    """Dice of two label maps (z,y,x) for class indices 1 ... classes; 1 where both show nothing."""
    scores = []
    for index in range(1, classes + 1):
        one, other = first == index, second == index
        size = int(one.sum()) + int(other.sum())
        scores.append(2 * int((one & other).sum()) / size if size else 1.0)
    return tuple(scores)


def needs(scores: Sequence[CaseScore | None]) -> np.ndarray:
    """Weights (N,) for `choose`: each case's total; the mean of the others where a case has no score."""
    known = [score.total for score in scores if score is not None]
    usual = float(np.mean(known)) if known else 1.0
    return np.array([usual if score is None else score.total for score in scores])
