"""UA-MT, the uncertainty-aware mean teacher: consistency where the teacher is certain.

L. Yu et al., Uncertainty-aware self-ensembling model for semi-supervised 3D left atrium segmentation, MICCAI
2019, arXiv 1907.07034, equations 2 and 3: with u the entropy of the teacher's mean over 8 noisy passes,

    L_c = mean over u < H of |s - t|^2,  H = (0.75 + 0.25 exp(-5 (1 - step/steps)^2)) ln C
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.retraining.perturbations import with_noise
from CFRTrain.retraining.uncertainty import mean_of_passes, normalized_entropy
from CFRTrain.training.losses import softmax_mse

PASSES = 8


class UncertaintyAwareMeanTeacher(Method):
    """On the unlabeled items; ln C where the authors, who have two classes, write ln 2."""

    needs_ema = True

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the consistency on the voxels of which the teacher is certain."""
        if not batch.unlabeled:
            return {}
        with torch.no_grad():
            teacher_logits = models.teacher(with_noise(batch.image_u))
            entropy = normalized_entropy(mean_of_passes(models.teacher, batch.image_u, PASSES))
        certain = entropy < 0.75 + 0.25 * self.whole_ramp(batch.step)
        value = softmax_mse(outputs[0].logits[batch.labeled :], teacher_logits, certain)
        return {"consistency": Term(value, self.ramp(batch.step))}
