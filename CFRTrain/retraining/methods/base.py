"""The plug-in contract: a method is what differs between two semi-supervised training scripts.

A new method is one file with a subclass of `Method` and one line in `METHODS`. It sees the networks and a
batch, and answers with named loss terms. It never sees the loop, the store or another method. The training
stage adds

    L = supervised + pseudo_weight(t) * pseudo + sum(weight * value over the terms of `loss`)

Where the files of methods write |p - q|^2 for two predictions, it is the mean over classes and voxels.

A method is a module: extra heads and decoders are submodules and trained with the networks, memory banks
are buffers, and both are in the checkpoint. State in plain attributes is lost when the run is resumed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from CFRTrain.retraining.encoder_decoder import EncoderDecoder, Features
from CFRTrain.runs.job import MN
from CFRTrain.training.losses import dice_ce
from CFRTrain.training.robust_losses import PSEUDO_LOSSES, Loss
from CFRTrain.training.schedules import gaussian_ramp


class Term(NamedTuple):
    """One loss term: its value (a scalar with gradient) and the factor it enters the sum with."""

    value: Tensor
    weight: float


@dataclass(frozen=True)
class Batch:
    """What one step sees, augmented and on the training device; axes are `zyx`.

    image_l (L, 1, z, y, x); label_l (L, z, y, x) class indices, 255 ignored; image_u (U, 1, z, y, x), U may
    be 0; probabilities_u (U, C, z, y, x) and confidence_u (U, z, y, x) in [0, 1] of the pseudo-labels, or
    None. The same spatial draw moved an image and its labels. step counts from the start, or from the
    restart, of the training. trusted_u: where the pseudo-labels count, bool (U, z, y, x), or None:
    everywhere.
    """

    image_l: Tensor
    label_l: Tensor
    image_u: Tensor
    probabilities_u: Tensor | None
    confidence_u: Tensor | None
    step: int
    trusted_u: Tensor | None = None

    @property
    def labeled(self) -> int:
        """Number of labeled items, which come first in `images`."""
        return self.image_l.shape[0]

    @property
    def unlabeled(self) -> int:
        """Number of unlabeled items, which may be 0."""
        return self.image_u.shape[0]

    @property
    def images(self) -> Tensor:
        """All images (L + U, 1, z, y, x), labeled ones first."""
        return torch.cat([self.image_l, self.image_u]) if self.unlabeled else self.image_l

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Return indices of labeled and of unlabeled items, so that each of both has a partner.

        The first belongs to the first; the items of the shorter half come again.
        """
        order = torch.arange(max(self.labeled, self.unlabeled), device=self.image_l.device)
        return order % self.labeled, order % self.unlabeled


@dataclass(frozen=True)
class Models:
    """The networks that are trained, and their EMA teachers in the same order where they are needed.

    planar: a 2D model, from images (B, 1, z, y, x) to logits, for methods that want one.
    """

    networks: tuple[EncoderDecoder, ...]
    teachers: tuple[EncoderDecoder, ...] = ()
    planar: nn.Module | None = None

    @property
    def student(self) -> EncoderDecoder:
        """The first network: the one that is kept."""
        return self.networks[0]

    @property
    def teacher(self) -> EncoderDecoder:
        """The first network's EMA teacher."""
        return self.teachers[0]


@dataclass(frozen=True)
class Setting:
    """What a method may know of the run: classes with background, steps, weights, patch in voxels.

    mn: the job's section of the method mn.
    """

    classes: int
    total_steps: int
    patch_zyx: tuple[int, int, int]
    consistency: float = 0.1
    ramp_length: int = 40
    confidence_gamma: float = 1.0
    pseudo_loss: str = "cross_entropy"
    seed: int = 0
    mn: MN = MN()


class Method(nn.Module, ABC):
    """A semi-supervised method. Subclasses implement `loss`; everything else has a usual answer."""

    networks: ClassVar[int] = 1
    needs_ema: ClassVar[bool] = False
    needs_planar: ClassVar[bool] = False
    uses_unlabeled: ClassVar[bool] = True

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__()
        self.setting = setting

    @abstractmethod
    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the method's own terms; {} for none."""

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Return every network's features on all images.

        Methods that mix inputs return others instead, methods with more decoders several of one network; the
        first are always those of the network that is kept.
        """
        images = batch.images
        return [network.features(images) for network in models.networks]

    def supervised(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return 0.5 CE + 0.5 Dice on the labeled items.

        The mean over a network's outputs, summed over the networks: each learns as it would alone.
        """
        losses = [dice_ce(output.logits[: batch.labeled], batch.label_l) for output in outputs]
        return torch.stack(losses).mean() * self.networks

    def labeled_logits(self, batch: Batch, outputs: Sequence[Features]) -> Tensor | None:
        """Return the first network's logits of the labeled items, for the curve of Dice.

        None where a method mixes its inputs, so that none of them is a labeled item.
        """
        return outputs[0].logits[: batch.labeled]

    def pseudo(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return 0.5 CE + 0.5 Dice, or the job's robust loss, against the pseudo-labels.

        Combined as in `supervised`. Called only for batches with pseudo-labels.
        """
        target, weight = self.pseudo_target(batch)
        losses = [self.pseudo_loss(output.logits[batch.labeled :], target, weight) for output in outputs]
        return torch.stack(losses).mean() * self.networks

    @property
    def pseudo_loss(self) -> Loss:
        """The loss of logits against hard pseudo-labels with weights."""
        return PSEUDO_LOSSES[self.setting.pseudo_loss]

    def pseudo_target(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Return hard pseudo-labels (U, z, y, x) and their weights confidence^gamma, None where all are 1.

        Weights are 0 where the batch says that pseudo-labels do not count.
        """
        # on the CPU max is 18 times faster than argmax along a strided axis
        target, gamma = batch.probabilities_u.max(dim=1).indices, self.setting.confidence_gamma
        weight = batch.confidence_u**gamma if gamma else None
        if batch.trusted_u is None:
            return target, weight
        counts = batch.trusted_u.float()
        return target, counts if weight is None else weight * counts

    def after_step(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> None:
        """Do what follows the update of weights and teachers; memory banks go into buffers."""

    def own_optimizers(self) -> dict[str, Optimizer]:
        """Return optimizers of inner loops that the method steps itself.

        Their parameters are left out of the networks' optimizer; their state is in the checkpoint.
        """
        return {}

    def items(self, step: int, labeled: int, unlabeled: int) -> tuple[int, int]:
        """Return how many labeled and unlabeled items this step's batch has; given is what the job says."""
        return labeled, unlabeled

    def foreground_steps(self) -> tuple[int, ...]:
        """Return the steps at which the first network looks for structures in every unlabeled volume.

        From then on half of the unlabeled patches show some of what it found. Only without a labeler: where
        there are pseudo-labels, these say where structures lie.
        """
        return ()

    def learning_rate_factor(self, step: int) -> float | None:
        """Return the factor of the job's learning rate; None: the job's own warm-up and schedule."""
        return None

    def ramp(self, step: int) -> float:
        """Return w(t): the job's consistency weight under the Gaussian ramp of ramp_length * 150 steps."""
        return gaussian_ramp(step, self.setting.consistency, self.setting.ramp_length)

    def whole_ramp(self, step: int) -> float:
        """Return exp(-5 (1 - t/T)^2): from 0.0067 at the first step to 1 at the last, for thresholds."""
        return gaussian_ramp(step, 1.0, self.setting.total_steps, per=1)
