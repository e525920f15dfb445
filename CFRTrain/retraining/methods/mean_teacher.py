"""Mean Teacher as CFR trains it: consistency with the moving average of the student's own past."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.retraining.perturbations import with_noise
from CFRTrain.training.losses import softmax_mse


class MeanTeacher(Method):
    """Mean squared difference of both softmaxes on all items; the teacher sees noisy images."""

    needs_ema = True

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the consistency term; both networks are in training mode, as in the authors' code."""
        with torch.no_grad():
            teacher_logits = models.teacher(with_noise(batch.images))
        value = softmax_mse(outputs[0].logits, teacher_logits)
        return {"consistency": Term(value, self.ramp(batch.step))}
