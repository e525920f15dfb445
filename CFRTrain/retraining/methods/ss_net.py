"""SS-Net: predictions that small changes of the image cannot move, and classes that lie apart.

Y. Wu et al., Exploring smoothness and class-separation for semi-supervised medical image segmentation, MICCAI
2022, arXiv 2203.01324, section 2:

    L = 10 w(t) (Dice(p(x + r), p(x)) + 0.1 (C_labeled + C_unlabeled)),  on all images, labeled and unlabeled

with r the adversarial change and C the class separation of the last features, whose class is the label, or
the network's own prediction. In the authors' patch of 112 x 112 x 80 their |r| = 10 is a root mean square of
0.01 per voxel, which is kept for patches of any size. There is no teacher.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from CFRTrain.retraining.adversarial import adversarial_loss
from CFRTrain.retraining.class_separation import ClassSeparation
from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term

CHANGE = 0.01
SMOOTHNESS_FACTOR = 10.0  # the authors' final weight is 1.0, that of Mean Teacher 0.1
SEPARATION_FACTOR = 1.0


class SmoothnessAndSeparation(Method):
    """The memory holds features of foreground voxels that the network classifies rightly."""

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        self.separation = ClassSeparation(models.student.head.in_channels, setting.classes)

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the smoothness of all predictions and the separation of both halves."""
        output, weight = outputs[0], self.ramp(batch.step)
        probabilities = output.logits.detach().float().softmax(dim=1)
        labels = probabilities.max(dim=1).indices
        right = labels[: batch.labeled] == batch.label_l
        labeled = _per_voxel(output.last[: batch.labeled])
        self.separation.remember(labeled[right.flatten()], batch.label_l[right])
        separation = self.separation(labeled, batch.label_l.flatten())
        if batch.unlabeled:
            unlabeled = _per_voxel(output.last[batch.labeled :])
            separation = separation + self.separation(unlabeled, labels[batch.labeled :].flatten())
        smoothness = adversarial_loss(models.student, batch.images, probabilities, CHANGE)
        return {
            "smoothness": Term(smoothness, SMOOTHNESS_FACTOR * weight),
            "separation": Term(separation, SEPARATION_FACTOR * weight),
        }


def _per_voxel(features: Tensor) -> Tensor:
    """Features (B, F, z, y, x) as (voxels, F)."""
    return features.movedim(1, -1).flatten(0, -2)
