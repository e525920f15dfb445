"""ACMT, the ambiguity-consensus mean teacher: consistency where it matters, on ambiguous voxels only.

Z. Xu et al., Ambiguity-selective consistency regularization for mean-teacher semi-supervised medical image
segmentation, Medical Image Analysis 88 (2023) 102880: with the mask M of the ambiguous voxels,

    L_c = mean over M of |s - t|^2,  s and t the softmax of student and teacher on the unlabeled items

in three of the paper's ways to find M. Thresholds follow the authors' code, which says that they work better
than the paper's, and are relative to the entropy's maximum ln C, not to that of two classes. Not here: the
paper's confident learning, which needs a further library and is the slowest.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.retraining.perturbations import with_noise
from CFRTrain.retraining.prototypes import class_prototypes, nearest_class
from CFRTrain.retraining.uncertainty import mean_of_passes, normalized_entropy
from CFRTrain.training.losses import softmax_mse

LOWEST_ENTROPY = 0.75
UNCERTAINTY_PASSES = 8
PROTOTYPE_PASSES = 10
CERTAIN_BELOW = 0.1
TEMPERATURE = 2.0


class _Acmt(Method):
    needs_ema = True

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the consistency on the ambiguous voxels of the unlabeled items."""
        if not batch.unlabeled:
            return {}
        logits, weight = outputs[0].logits[batch.labeled :], self.ramp(batch.step)
        with torch.no_grad():
            teacher_logits = models.teacher(with_noise(batch.image_u))
            ambiguous = self.ambiguous(models, batch, logits.detach().float().softmax(dim=1))
        terms = {"consistency": softmax_mse(logits, teacher_logits, ambiguous)}
        terms |= self.further_terms(logits.float().softmax(dim=1), ambiguous)
        return {name: Term(value, weight) for name, value in terms.items()}

    @abstractmethod
    def ambiguous(self, models: Models, batch: Batch, student: Tensor) -> Tensor:
        """Return the mask M (U, z, y, x); student are its probabilities (U, C, z, y, x)."""

    def further_terms(self, student: Tensor, ambiguous: Tensor) -> dict[str, Tensor]:
        """Return what else is asked of the student's probabilities."""
        return {}


class AcmtEntropy(_Acmt):
    """Ambiguous: H(s) / ln C >= 0.75 + 0.20 exp(-5 (1 - t/T)^2), fewer voxels as training goes on."""

    def ambiguous(self, models: Models, batch: Batch, student: Tensor) -> Tensor:
        """Return the mask from the student's entropy."""
        return normalized_entropy(student) >= LOWEST_ENTROPY + 0.20 * self.whole_ramp(batch.step)


class AcmtUncertainty(_Acmt):
    """Ambiguous: the entropy of the student's mean over 8 noisy passes, with 0.15 instead of 0.20."""

    def ambiguous(self, models: Models, batch: Batch, student: Tensor) -> Tensor:
        """Return the mask from passes in which noise and dropout differ."""
        entropy = normalized_entropy(mean_of_passes(models.student, batch.image_u, UNCERTAINTY_PASSES))
        return entropy >= LOWEST_ENTROPY + 0.15 * self.whole_ramp(batch.step)


class AcmtPrototypes(_Acmt):
    """Ambiguous: the student's class is not the one whose prototype is nearest; low entropy elsewhere.

    The prototypes are the teacher's mean bottleneck features of each class where ten passes agree; they see
    noise too, so that they differ without dropout. Unlike in the authors' code, voxels where they disagree
    belong to no class instead of to the background, softmax takes the place of a sigmoid per class, and the
    entropy of a voxel is masked by that voxel, not by those of another item.
    """

    def ambiguous(self, models: Models, batch: Batch, student: Tensor) -> Tensor:
        """Return the mask from the prototypes of each item."""
        passes = [models.teacher.features(with_noise(batch.image_u)) for _ in range(PROTOTYPE_PASSES)]
        softened = torch.stack([one.logits.float().div(TEMPERATURE).softmax(dim=1) for one in passes])
        certain = softened.std(dim=0).amax(dim=1) < CERTAIN_BELOW
        teacher = passes[0].logits.float().softmax(dim=1)
        confidence, label = teacher.max(dim=1)
        counted = (confidence * certain).unsqueeze(1)
        weights = torch.zeros_like(teacher).scatter_(1, label.unsqueeze(1), counted)
        features = torch.stack([one.bottleneck.float() for one in passes]).mean(dim=0)
        nearest = nearest_class(features, *class_prototypes(features, weights), size=teacher.shape[2:])
        return nearest != student.max(dim=1).indices

    def further_terms(self, student: Tensor, ambiguous: Tensor) -> dict[str, Tensor]:
        """Return the mean over all voxels of the entropy, which counts where nothing is ambiguous."""
        return {"entropy": (normalized_entropy(student) * ~ambiguous).mean()}
