"""CPS, cross pseudo supervision: two networks, each learning what the other says.

X. Chen et al., Semi-supervised semantic segmentation with cross pseudo supervision, CVPR 2021, arXiv
2106.01226, section 3; as in SSL4MIS on the unlabeled images only, with the ramped weight w(t):

    L = CE(p_1, argmax p_2) + CE(p_2, argmax p_1)
"""

from __future__ import annotations

from collections.abc import Sequence

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.training.losses import mutual_cross_entropy


class CrossPseudoSupervision(Method):
    """Both networks learn from all labels and pseudo-labels too; the first one is kept."""

    networks = 2

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return both cross-entropies; no gradient passes through an arg-max."""
        if not batch.unlabeled:
            return {}
        first, second = (output.logits[batch.labeled :] for output in outputs)
        return {"cross": Term(mutual_cross_entropy(first, second), self.ramp(batch.step))}
