"""ICT, interpolation consistency training: of a mixture of images, the same mixture of predictions.

V. Verma et al., Interpolation consistency training for semi-supervised learning, IJCAI 2019, arXiv
1903.03825, section 2, with student f, its moving average f' and unlabeled images a, b:

    L = |f(m(a, b)) - m(f'(a), f'(b))|^2,  m(a, b) = share a + (1 - share) b,  share ~ Beta(0.2, 0.2)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.distributions import Beta

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.retraining.perturbations import mixed
from CFRTrain.training.losses import probability_mse

BETA = 0.2


class InterpolationConsistency(Method):
    """Each unlabeled image is mixed with the next one; a single one with a labeled image."""

    needs_ema = True

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Leave the unmixed unlabeled images out unless there are pseudo-labels to learn from."""
        images = batch.image_l if batch.probabilities_u is None else batch.images
        return [models.student.features(images)]

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the squared difference of both softmaxes on the mixed images."""
        if not batch.unlabeled:
            return {}
        images = batch.image_u if batch.unlabeled > 1 else torch.cat([batch.image_u, batch.image_l[:1]])
        share = Beta(BETA, BETA).sample((batch.unlabeled, 1, 1, 1, 1)).to(images.device)
        with torch.no_grad():
            teacher = models.teacher(images).float().softmax(dim=1)
        image, target = (
            mixed(values[: batch.unlabeled], values.roll(-1, dims=0)[: batch.unlabeled], share)
            for values in (images, teacher)
        )
        student = models.student(image).float().softmax(dim=1)
        return {"consistency": Term(probability_mse(student, target), self.ramp(batch.step))}
