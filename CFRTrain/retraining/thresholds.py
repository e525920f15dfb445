"""A threshold of its own for each class: the least certain share of what is labeled so does not count.

One threshold for all classes would take rare and small structures away, about which every labeler is less
sure. B. Zhang et al., FlexMatch, NeurIPS 2021, arXiv 2110.08263, and Y. Zou et al., class-balanced
self-training, ECCV 2018, arXiv 1810.07911, choose thresholds by class in other ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from CFRTrain.retraining.sources import RecentPseudoLabels

LEVELS = 256  # of the 8 bits in which pseudo-labels are kept
CERTAIN = LEVELS - 1


def certainty_counts(pseudo: RecentPseudoLabels, cases: Sequence[str]) -> np.ndarray:
    """How many voxels of all cases are labeled c with a largest probability of v / 255: int64 (C, 256)."""
    counts = np.zeros((0, LEVELS), np.int64)
    for case in cases:
        packed = pseudo.get(case)
        probabilities = packed.channels[:-1]
        classes = len(probabilities)
        joint = packed.labels.astype(np.int64) * LEVELS + probabilities.max(axis=0)
        found = np.bincount(joint.ravel(), minlength=classes * LEVELS).reshape(classes, LEVELS)
        counts = found if not len(counts) else counts + found
    return counts


def class_thresholds(counts: np.ndarray, share: float) -> tuple[float, ...]:
    """The threshold of each class: at most `share` of the voxels that are labeled so lie below it.

    Background that is certain is not counted: there is so much of it that every doubtful voxel of it would
    be among the worst. A class that is nowhere has the threshold 0.
    """
    counted = counts.copy()
    counted[0, CERTAIN] = 0
    return tuple(_quantile(row, share) for row in counted)


def _quantile(row: np.ndarray, share: float) -> float:
    """The largest level with at most `share` of the voxels below it, half a level down: equals stay."""
    if not row.any():
        return 0.0
    below = np.concatenate([[0], np.cumsum(row)[:-1]])
    level = int(np.flatnonzero(below <= share * row.sum())[-1])
    level = min(level, int(np.flatnonzero(row)[-1]))
    return max(level - 0.5, 0.0) / CERTAIN


def above_threshold(probabilities: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Which voxels of probabilities (U, C, z, y, x) reach the threshold of their class: bool (U, z, y, x)."""
    largest, label = probabilities.max(dim=1)
    return largest >= torch.tensor(thresholds, device=largest.device, dtype=largest.dtype)[label]
