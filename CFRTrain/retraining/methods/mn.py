"""M&N: a 2D and a 3D model teach each other with soft pseudo-masks, in turns.

arXiv 2509.15167 (MLMI 2025). Until the transition T both learn from labeled items alone. Then one learns,
for some steps, while the other one, in evaluation mode, gives probabilities of the same augmented unlabeled
items, of which a batch holds more and more (`CFRTrain.retraining.sampling`); then it is the other's turn:

    L = Dice(p, t) + mean(t log(t / p)),    t: labels of labeled items, the teacher's probabilities of others

Labeled and unlabeled items are one batch, over which Dice is pooled. Each model has its own AdamW; learning
rates follow a cosine that restarts at T. At set steps the 3D network looks for structures in the unlabeled
volumes, around which patches are cut (`foreground_at` in the job). Departure from the released code: cases
of the validation are never among the unlabeled ones. Pseudo-labels of a labeler, where there are any, are
one more soft target, or a hard one of the job's robust loss; what the two models teach each other is soft,
as in the paper, with any of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term
from CFRTrain.retraining.turns import Turns
from CFRTrain.training.losses import dice_kl, one_hot
from CFRTrain.training.schedules import restarting_cosine


class MutualTeaching(Method):
    """The 3D network is `models.student`, which is kept; the 2D model is `models.planar`."""

    needs_planar = True

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        options = setting.mn
        self.turns = Turns(options, setting.total_steps)
        self.warmup = round(options.warmup * setting.total_steps)
        trainable = [item for item in models.planar.parameters() if item.requires_grad]
        self._planar = AdamW(trainable, options.learning_rate, weight_decay=options.weight_decay)

    def own_optimizers(self) -> dict[str, Optimizer]:
        """Return the 2D model's optimizer."""
        return {"planar": self._planar}

    def items(self, step: int, labeled: int, unlabeled: int) -> tuple[int, int]:
        """Return how many of a batch's items are labeled and unlabeled at this step."""
        return self.turns.items(step, labeled, unlabeled)

    def foreground_steps(self) -> tuple[int, ...]:
        """Return the steps of the job's foreground-aware cropping."""
        return tuple(round(share * self.setting.total_steps) for share in self.setting.mn.foreground_at)

    def learning_rate_factor(self, step: int) -> float:
        """Return the factor of both models' learning rates."""
        return restarting_cosine(step, self.setting.total_steps, self.turns.transition, self.warmup)

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Return the logits of those that learn, the 3D network first; a teacher's are not among them."""
        found = [learner(batch.images) for learner, _ in self._pairs(models, batch)]
        return [Features(logits, logits, logits, ()) for logits in found]

    def labeled_logits(self, batch: Batch, outputs: Sequence[Features]) -> Tensor | None:
        """Return the 3D network's where it learns."""
        return outputs[0].logits[: batch.labeled] if self.turns.learns(batch.step)[0] else None

    def supervised(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return the loss of each learner over the whole batch, summed: each learns as it would alone."""
        losses = []
        for (_, teacher), output in zip(self._pairs(models, batch), outputs, strict=True):
            target = one_hot(batch.label_l, self.setting.classes)
            if batch.unlabeled and batch.step >= self.turns.transition:
                target = torch.cat([target, probabilities(teacher, batch.image_u)])
            losses.append(dice_kl(output.logits[: len(target)], target))
        return torch.stack(losses).sum()

    def pseudo(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return the loss of each learner against the labeler's pseudo-labels, weighted as usual.

        The method's own loss takes their probabilities; the robust ones are defined for labels and take
        those, with Dice, as in every method.
        """
        labels, weight = self.pseudo_target(batch)
        own = self.setting.pseudo_loss == "cross_entropy"
        loss, target = (dice_kl, batch.probabilities_u) if own else (self.pseudo_loss, labels)
        return torch.stack([loss(one.logits[batch.labeled :], target, weight) for one in outputs]).sum()

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return nothing: what the other model teaches is part of `supervised`, as it is one batch."""
        return {}

    def after_step(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> None:
        """Update the 2D model where it learned; the 3D network is updated already."""
        if self.turns.learns(batch.step)[1]:
            rate = self.setting.mn.learning_rate * self.learning_rate_factor(batch.step)
            for group in self._planar.param_groups:
                group["lr"] = rate
            self._planar.step()
        self._planar.zero_grad(set_to_none=True)

    def _pairs(self, models: Models, batch: Batch) -> list[tuple[nn.Module, nn.Module]]:
        """Each model that learns at this step, with its teacher."""
        both = [(models.student, models.planar), (models.planar, models.student)]
        return [pair for pair, learns in zip(both, self.turns.learns(batch.step), strict=True) if learns]


@torch.no_grad()
def probabilities(model: nn.Module, images: Tensor) -> Tensor:
    """Return a model's softmax (B, C, z, y, x) in evaluation mode; it is left in the mode it was in."""
    was_training = model.training
    model.eval()
    found = model(images).float().softmax(dim=1)
    model.train(was_training)
    return found
