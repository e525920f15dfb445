"""Fusion of labelers whose errors differ: a weighted mean of their probabilities, or a log-opinion pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np

from CFRTrain.labelers.base import Labeler, PseudoLabel, PseudoLabelCache

PROBABILITY_FLOOR = 1e-3  # one labeler that is sure of a mistake must not veto the others in a log pool

Pool = Literal["arithmetic", "logarithmic"]


OpinionsOf = Callable[[str], Sequence[np.ndarray]]


class Trust(Protocol):
    """Says how far to trust each member, without a reference."""

    def weights(self, opinions_of: OpinionsOf) -> tuple[float, ...]:
        """One weight above zero per member, from their opinions (C,z,y,x) on cases of its choice."""


class FusionLabeler:
    """Labels a case by several labelers, or their caches, together.

    members: labelers (wrap one in CachedLabeler to reuse its results) or caches already filled.
    weights: one per member, above zero; None: all alike. trust: finds the weights instead, once.
    agreement: whether the confidence is scaled by how far the members agree.
    """

    name = "fusion"

    def __init__(
        self,
        members: Sequence[Labeler | PseudoLabelCache],
        *,
        weights: Sequence[float] | None = None,
        pool: Pool = "arithmetic",
        agreement: bool = True,
        trust: Trust | None = None,
    ) -> None:
        weights = tuple(float(weight) for weight in (weights or [1.0] * len(members)))
        if not members or len(weights) != len(members) or min(weights) <= 0:
            raise ValueError("A fusion needs at least one member and one weight above zero for each.")
        self.members = tuple(members)
        self.weights = tuple(weight / sum(weights) for weight in weights)
        self.pool = pool
        self.agreement = agreement
        self.trust = trust

    def prepare(self) -> None:
        """Prepares each member in turn."""
        for member in self.members:
            if not isinstance(member, PseudoLabelCache):
                member.prepare()

    def label(self, case_id: str) -> PseudoLabel:
        """The fused pseudo-label. DataError from a cache without the case; ValueError when grids differ."""
        opinions = self.opinions_of(case_id)
        if self.trust is not None:
            found = self.trust.weights(self.opinions_of)
            self.weights, self.trust = tuple(weight / sum(found) for weight in found), None
        fused = fuse(opinions, self.weights, self.pool)
        agreement = member_agreement(opinions, fused, self.weights) if self.agreement else None
        return PseudoLabel(fused, agreement)

    def opinions_of(self, case_id: str) -> list[np.ndarray]:
        """The members' probabilities (C,z,y,x). Raises what `label` raises."""
        opinions = []
        for member in self.members:
            pseudo = member.load(case_id) if isinstance(member, PseudoLabelCache) else member.label(case_id)
            opinions.append(pseudo.probabilities)
        if len({opinion.shape for opinion in opinions}) > 1:
            raise ValueError(f"Members gave different grids: {[opinion.shape for opinion in opinions]}.")
        return opinions


def fuse(opinions: Sequence[np.ndarray], weights: Sequence[float], pool: Pool = "arithmetic") -> np.ndarray:
    """Fused probabilities (C,z,y,x) of opinions (C,z,y,x): sum of w p, or the normalized product of p^w."""
    fused = np.zeros(opinions[0].shape, np.float32)
    for opinion, weight in zip(opinions, weights, strict=True):
        term = np.log(np.maximum(opinion, PROBABILITY_FLOOR)) if pool == "logarithmic" else opinion
        fused += np.float32(weight) * term
    if pool == "logarithmic":
        fused = np.exp(fused - fused.max(0))
    return fused / fused.sum(0)


def member_agreement(
    opinions: Sequence[np.ndarray], fused: np.ndarray, weights: Sequence[float]
) -> np.ndarray:
    """Share of the weight, float32 (z,y,x) in (0, 1], held by members whose arg-max is that of `fused`."""
    winner = fused.argmax(0)
    agreeing = sum(
        np.float32(weight) * (opinion.argmax(0) == winner)
        for opinion, weight in zip(opinions, weights, strict=True)
    )
    return np.asarray(agreeing / sum(weights), np.float32)
