"""CCT, cross-consistency training: decoders that read perturbed features agree with the one that does not.

Y. Ouali et al., Semi-supervised semantic segmentation with cross-consistency training, CVPR 2020, arXiv
2003.09005, section 3; with three decoders more, as in SSL4MIS, here in 3D. With the main decoder's softmax p
and those of the others q_k, on the unlabeled items,

    L = mean over k of |p - q_k|^2,  w(t)

As the paper says, and unlike SSL4MIS, p is a target: no gradient of L reaches the main decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term
from CFRTrain.retraining.perturbations import feature_drop, feature_noise
from CFRTrain.training.losses import softmax_mse

DROPOUT = 0.3


class CrossConsistency(Method):
    """Its outputs are those of all decoders, which learn from all labels; only the main one is kept."""

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        self.perturbations = (feature_noise, partial(functional.dropout, p=DROPOUT), feature_drop)
        width = models.student.head.in_channels
        self.decoders = nn.ModuleList(models.student.new_decoder() for _ in self.perturbations)
        self.heads = nn.ModuleList(nn.Conv3d(width, setting.classes, 1) for _ in self.perturbations)

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Return the main decoder's features, then with their logits replaced by each other decoder's."""
        skips = models.student.encode(batch.images)
        main = models.student.decode(skips)
        parts = zip(self.perturbations, self.decoders, self.heads, strict=True)
        found = [
            head(decoder([perturbed(level) for level in skips])[-1]) for perturbed, decoder, head in parts
        ]
        return [main, *(main._replace(logits=logits) for logits in found)]

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the mean squared difference to the main decoder's softmax."""
        if not batch.unlabeled:
            return {}
        main, *others = (output.logits[batch.labeled :] for output in outputs)
        value = torch.stack([softmax_mse(logits, main.detach()) for logits in others]).mean()
        return {"consistency": Term(value, self.ramp(batch.step))}
