"""Choosing cases that stand for many others and do not repeat each other. Pure functions of distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SEPARATION = 0.25  # of the covering radius: nearer cases are repetitions of each other


@dataclass(frozen=True)
class Choice:
    """A chosen case by its position. gain: by which share it lowers what is left uncovered, 0 to 1.

    nearest: distance to the closest labeled or earlier chosen case, None for the very first. represents: how
    many unlabeled cases, itself among them, are now closer to it than to any other labeled or chosen one.
    """

    index: int
    gain: float
    nearest: float | None
    represents: int


def covering_radius(squared: np.ndarray, centers: Sequence[int]) -> float:
    """How far the worst covered case is from its closest center (the objective of k-center)."""
    return float(np.sqrt(squared[:, list(centers)].min(1).max())) if len(centers) else float("inf")


def choose(
    squared: np.ndarray, weights: np.ndarray, labeled: Sequence[int], count: int
) -> tuple[Choice, ...]:
    """`count` unlabeled cases in the order in which to label them, fewer where there are no more.

    squared: distances (N,N). weights: how much each case needs help (N,), 0 or more. Each choice is the one
    after which the weighted squared distances of all cases to their closest labeled or chosen case are least
    (greedy; with equal weights and no labeled case the first is the medoid). So a case is chosen for what it
    does for others: an outlier, of which no other case could learn, comes late however uncertain it is.

    k-center constraint: a case within SEPARATION of the covering radius of a labeled or chosen one repeats
    it and is passed over as long as there is another (Sener and Savarese 2018, ICLR, arXiv:1708.00489).
    """
    centers, chosen = list(labeled), []
    need = np.asarray(weights, float)
    need = need if need.sum() > 0 else np.ones(len(squared))
    closest = squared[:, centers].min(1) if centers else np.full(len(squared), squared.max(initial=0.0))
    for _ in range(min(count, len(squared) - len(set(centers)))):
        index = _best(squared, need, closest, centers)
        before, left = (need * closest).sum(), np.minimum(closest, squared[index])
        others = np.setdiff1d(np.arange(len(squared)), centers)
        mine = squared[index, others] < (squared[np.ix_(others, centers)].min(1) if centers else np.inf)
        nearest = float(np.sqrt(squared[index, centers].min())) if centers else None
        gain = float(1 - (need * left).sum() / before) if before > 0 else 0.0
        chosen.append(Choice(index, gain, nearest, int(np.count_nonzero(mine))))
        centers.append(index)
        closest = left
    return tuple(chosen)


def _best(squared: np.ndarray, need: np.ndarray, closest: np.ndarray, centers: Sequence[int]) -> int:
    """The next case: the one that leaves least uncovered, among those that repeat no other one."""
    left = np.round((need[None] * np.minimum(closest[None], squared)).sum(1), 12)
    taken = np.isin(np.arange(len(squared)), centers)
    near = taken.copy()
    if centers:
        limit = SEPARATION * covering_radius(squared, centers)
        near |= np.sqrt(squared[:, centers].min(1)) < limit
    allowed = ~near if not near.all() else ~taken
    return int(np.argmin(np.where(allowed, left, np.inf)))
