"""Self-training (paper, equation 8): the student learns from labels and pseudo-labels, nothing else.

The pipeline repeats it in rounds in which the last student helps to make the next pseudo-labels.
"""

from __future__ import annotations

from collections.abc import Sequence

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term


class SelfTraining(Method):
    """The pseudo-label term, which every method with unlabeled images has, and no term of its own."""

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return no terms."""
        return {}
