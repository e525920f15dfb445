"""CPCL, cyclic prototype consistency: labeled prototypes classify unlabeled features, and back.

Z. Xu et al., All-around real label supervision: cyclic prototype consistency learning for semi-supervised
medical image segmentation, IEEE JBHI 26 (2022) 3174, arXiv 2109.13930. Prototypes are the mean bottleneck
features per class, weighted with the predicted probability; a feature's class is softmax(20 cosine). With
the student on the labeled item of a pair and the teacher, whose softmax is t, on the unlabeled one,

    L = w(t) |classes of the unlabeled features by labeled prototypes - t|^2
      + 10 w(t) CE(classes of the labeled features by unlabeled prototypes, true label)
      + w(t) |student - teacher|^2 on all items, with noise

The released code detaches the labeled prototypes, so that its first term has no gradient at all, takes the
softmax in the second one twice, and compares logits in the third one. Classes that an item does not show are
no candidates here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.retraining.perturbations import with_noise
from CFRTrain.retraining.prototypes import class_prototypes, cosine_logits, has_prototype
from CFRTrain.training.losses import cross_entropy, probability_mse, softmax_mse

SCALE = 20.0
BACKWARD_FACTOR = 10.0


class CyclicPrototypes(Method):
    """The first labeled item goes with the first unlabeled one, and so on."""

    needs_ema = True

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return both directions of the cycle, and the consistency of Mean Teacher."""
        if not batch.unlabeled:
            return {}
        with torch.no_grad():
            stable = models.teacher(with_noise(batch.images))
            teacher = models.teacher.features(batch.image_u)
        first, second = batch.pairs()
        student, label = outputs[0], batch.label_l[first]
        labeled, unlabeled = student.bottleneck[first], teacher.bottleneck[second]
        confidence = student.logits[first].detach().float().softmax(dim=1)
        target = teacher.logits[second].float().softmax(dim=1)
        forward = self._forward(labeled, self._weights(confidence, label), unlabeled, target)
        backward = self._backward(unlabeled, target, labeled, label)
        weight = self.ramp(batch.step)
        return {
            "labeled_to_unlabeled": Term(forward, weight),
            "unlabeled_to_labeled": Term(backward, BACKWARD_FACTOR * weight),
            "stability": Term(softmax_mse(student.logits, stable), weight),
        }

    def _forward(self, labeled: Tensor, weights: Tensor, unlabeled: Tensor, target: Tensor) -> Tensor:
        """Squared difference to the teacher where its class has a labeled prototype."""
        prototypes, present = class_prototypes(labeled, weights)
        logits = cosine_logits(unlabeled, prototypes, present, target.shape[2:], SCALE)
        known = has_prototype(present, target.max(dim=1).indices)
        return probability_mse(logits.softmax(dim=1), target, known)

    def _backward(self, unlabeled: Tensor, target: Tensor, labeled: Tensor, label: Tensor) -> Tensor:
        """Cross-entropy with the true label where its class has an unlabeled prototype."""
        weights = self._weights(target, target.max(dim=1).indices)
        prototypes, present = class_prototypes(unlabeled, weights)
        logits = cosine_logits(labeled, prototypes, present, label.shape[1:], SCALE)
        return cross_entropy(logits, label, has_prototype(present, label))

    def _weights(self, confidence: Tensor, label: Tensor) -> Tensor:
        """The confidence in each voxel's own class, 0 for the others and where the label is unknown."""
        known = label < self.setting.classes
        one_hot = functional.one_hot(torch.where(known, label, 0), self.setting.classes)
        return confidence * (one_hot * known.unsqueeze(-1)).movedim(-1, 1)
