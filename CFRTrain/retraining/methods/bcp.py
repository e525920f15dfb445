"""BCP, bidirectional copy-paste: a box of an unlabeled image in a labeled one, and the other way round.

Y. Bai et al., Bidirectional copy-paste for semi-supervised medical image segmentation, CVPR 2023, arXiv
2305.00673, section 3. With M = 0 in the box and 1 around it, labeled images X, labels Y, unlabeled images U
and their labels V by the teacher, of which the largest piece of each class is kept:

    X M + U (1 - M)  learns  Y M + V (1 - M),   U M + X (1 - M)  learns  V M + Y (1 - M)

with CE + Dice by region, the teacher's regions at half weight. First, in 2 of 17 parts of the training, the
labeled images alone are pasted into each other, and the teacher begins as the student that this gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.masks import largest_pieces, random_box
from CFRTrain.retraining.methods.base import Batch, Method, Models, Term
from CFRTrain.training.losses import dice_ce
from CFRTrain.training.robust_losses import Loss

BOX_SHARE = 2 / 3
TEACHER_WEIGHT = 0.5
PRETRAINING = 2000 / 17000


class BidirectionalCopyPaste(Method):
    """A labeler's pseudo-labels are pasted like the teacher's; with them, unlabeled images count at once.

    The loss is the mean of both directions, not their sum, so that it is as large as that of other methods.
    """

    needs_ema = True

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Return the features of the mixed images: first those with labels around the box."""
        self._box = random_box(batch.image_l.shape[2:], BOX_SHARE, batch.image_l.device)  # for this step only
        if self._labels_only(batch):
            return [models.student.features(self._paste(batch.image_l.roll(1, dims=0), batch.image_l))]
        labeled, unlabeled = batch.pairs()
        labeled, unlabeled = batch.image_l[labeled], batch.image_u[unlabeled]
        mixed = torch.cat([self._paste(unlabeled, labeled), self._paste(labeled, unlabeled)])
        return [models.student.features(mixed)]

    def supervised(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return the loss where the mixed images show labeled ones."""
        logits, label = outputs[0].logits, batch.label_l
        if self._labels_only(batch):
            return dice_ce(logits, self._paste(label.roll(1, dims=0), label))
        return self._by_region(logits, label[batch.pairs()[0]], (~self._box, self._box))

    def pseudo(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return the loss against the labeler where the mixed images show unlabeled ones."""
        return self._on_unlabeled(batch, outputs[0].logits, *self.pseudo_target(batch), self.pseudo_loss)

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the same against the teacher, once it has learned from the labels."""
        if not batch.unlabeled or batch.step < self._pretraining():
            return {}
        with torch.no_grad():
            label = largest_pieces(models.teacher(batch.image_u).max(dim=1).indices)
        value = self._on_unlabeled(batch, outputs[0].logits, label, None)
        return {"teacher": Term(value, TEACHER_WEIGHT)}

    def labeled_logits(self, batch: Batch, outputs: Sequence[Features]) -> None:
        """Return None: every image is mixed."""

    def after_step(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> None:
        """Let the teacher begin as the pre-trained student."""
        if batch.step + 1 == self._pretraining():
            models.teacher.load_state_dict(models.student.state_dict())

    def _pretraining(self) -> int:
        return round(PRETRAINING * self.setting.total_steps)

    def _labels_only(self, batch: Batch) -> bool:
        early = batch.step < self._pretraining() and batch.probabilities_u is None
        return early or not batch.unlabeled

    def _paste(self, inside: Tensor, around: Tensor) -> Tensor:
        return torch.where(self._box, inside, around)

    def _on_unlabeled(
        self, batch: Batch, logits: Tensor, label: Tensor, weight: Tensor | None, loss: Loss = dice_ce
    ) -> Tensor:
        order = batch.pairs()[1]
        weight = torch.ones_like(label) if weight is None else weight
        label, weight = label[order], weight[order]
        return self._by_region(logits, label, (self._box * weight, ~self._box * weight), loss)

    def _by_region(
        self, logits: Tensor, label: Tensor, regions: tuple[Tensor, Tensor], loss: Loss = dice_ce
    ) -> Tensor:
        """Mean over both directions of the loss, weighted with a region (*, z, y, x) of each."""
        losses = [
            loss(half, label, region.expand(label.shape).float())
            for half, region in zip(logits.chunk(2), regions, strict=True)
        ]
        return torch.stack(losses).mean()
