"""DTC, dual-task consistency: a signed distance and a mask, predicted side by side, that must agree.

X. Luo et al., Semi-supervised medical image segmentation through dual-task consistency, AAAI 2021, arXiv
2009.04448. With the distance d of the second head (tanh), the true one D, and the probability p, per class,

    L = 0.3 |d - D|^2 on labeled items + 10 w(t) |1 / (1 + exp(1500 d)) - p|^2 on all items

The authors segment one structure and give a map of zeros, which says "all surface", to crops without it;
here there is one distance per class, and an absent class is far away everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term
from CFRTrain.retraining.signed_distance import signed_distances
from CFRTrain.training.losses import IGNORE, probability_mse

DISTANCE_WEIGHT = 0.3
STEEPNESS = 1500.0
CONSISTENCY_FACTOR = 10.0  # the authors' final weight is 1.0, that of Mean Teacher 0.1


class DualTaskConsistency(Method):
    """There is no teacher; the head of distances is dropped after training."""

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        self.distance = nn.Conv3d(models.student.head.in_channels, setting.classes - 1, kernel_size=1)

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the regression of distances and the agreement of both heads."""
        distance = self.distance(outputs[0].last).float().tanh()
        mask = torch.sigmoid(-STEEPNESS * distance)
        probabilities = outputs[0].logits.float().softmax(dim=1)[:, 1:]
        return {
            "distance": Term(self._distance_loss(distance[: batch.labeled], batch.label_l), DISTANCE_WEIGHT),
            "consistency": Term(
                probability_mse(mask, probabilities), CONSISTENCY_FACTOR * self.ramp(batch.step)
            ),
        }

    def _distance_loss(self, distance: Tensor, label: Tensor) -> Tensor:
        """Mean squared error over the voxels that are labeled."""
        target = signed_distances(label, self.setting.classes)
        return probability_mse(distance, target, label != IGNORE)
