"""Supervised training on the labeled cases alone: the anchor every method is measured against."""

from __future__ import annotations

from collections.abc import Sequence

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term


class Supervised(Method):
    """No unlabeled images, no pseudo-labels."""

    uses_unlabeled = False

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return no terms."""
        return {}
