"""Where a batch comes from besides the store: pseudo-labels of unlabeled cases, and further labeled pairs."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from CFRTrain.runs.machine import cache_limit


class PseudoLabelVolume(Protocol):
    """One case's pseudo-label: float32 probabilities (C, z, y, x), confidence (z, y, x) in [0, 1]."""

    probabilities: np.ndarray
    confidence: np.ndarray


class PseudoLabelSource(Protocol):
    """Anything that has the pseudo-label of a case, such as the labelers' cache."""

    def load(self, case_id: str) -> PseudoLabelVolume:
        """Return the pseudo-label on the plan's grid."""


class PairSource(Protocol):
    """Anything that makes exact labeled pairs, such as the labeled case warped onto others' shapes."""

    def sample(self, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return an image float32 (z, y, x) and its label of class indices, drawn by the generator alone."""


class ForegroundSource(Protocol):
    """Anything that knows roughly where structures lie in unlabeled cases, so that patches show them."""

    def as_of(self, look: int | None, network: nn.Module, step: int) -> None:
        """Have what `network` finds at the step `look`, which is `step` or before; None: nothing yet."""

    def labels(self, case_id: str) -> np.ndarray | None:
        """Return class indices uint8 (z, y, x), or None where nothing is known yet."""


@dataclass(frozen=True)
class PackedPseudoLabel:
    """A pseudo-label in bytes.

    channels (C + 1, z, y, x): the probabilities and, last, the confidence, times 255. labels (z, y, x): their
    arg-max.
    """

    channels: np.ndarray
    labels: np.ndarray

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.channels.nbytes + self.labels.nbytes


class RecentPseudoLabels:
    """Pseudo-labels in memory, a quarter of their full size and never more than `byte_limit` (None: by the
    machine's free memory) beyond the last one.

    Every step needs crops of two random cases: unpacking whole volumes each time would cost more than a step.
    """

    def __init__(self, source: PseudoLabelSource, byte_limit: int | None = None) -> None:
        self._source = source
        self._limit = cache_limit() if byte_limit is None else byte_limit
        self._recent: OrderedDict[str, PackedPseudoLabel] = OrderedDict()

    def get(self, case_id: str) -> PackedPseudoLabel:
        """Return the packed pseudo-label of a case."""
        if case_id not in self._recent:
            self._recent[case_id] = _pack(self._source.load(case_id))
            while len(self._recent) > 1 and sum(item.nbytes for item in self._recent.values()) > self._limit:
                self._recent.popitem(last=False)
        self._recent.move_to_end(case_id)
        return self._recent[case_id]


def _pack(volume: PseudoLabelVolume) -> PackedPseudoLabel:
    probabilities = volume.probabilities
    channels = np.empty((len(probabilities) + 1, *probabilities.shape[1:]), np.uint8)
    for index, values in enumerate((*probabilities, volume.confidence)):
        channels[index] = np.rint(np.clip(values, 0, 1) * 255)
    return PackedPseudoLabel(channels, probabilities.argmax(axis=0).astype(np.uint8))
