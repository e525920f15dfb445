"""MagicNet: partition and recovery of cubes, across and within images, for several organs at once.

D. Chen et al., MagicNet: semi-supervised multi-organ segmentation via magic-cube partition and recovery,
CVPR 2023, arXiv 2212.14310, section 3:

    L = mean(CE, Dice, Dice_across, Dice_within) + 0.1 L_location + w(t) Dice(across, blended pseudo-label)

Right here, unlike in the released code: cubes are put back where they came from (there x and z are swapped),
and the blended label takes the cube-wise prediction of the same unlabeled image, from early on in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from CFRTrain.retraining.cubes import cube_grid, draw_mixing, from_cubes, mix, to_cubes, unmix
from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term
from CFRTrain.retraining.perturbations import with_noise
from CFRTrain.training.losses import cross_entropy, dice_loss

LOCATION_WEIGHT = 0.1
LOCATION_SIDE = 2  # of the bottleneck that the location head reads; larger ones are averaged down to it
BLEND_AFTER = 100  # steps, or a tenth of a short training
REMEMBERED_STEPS = 20


class MagicNet(Method):
    """Its outputs are the predictions of the images, recovered across images, and recovered within each."""

    needs_ema = True

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        multiple = 2 ** (models.student.levels - 1)
        self.grid = cube_grid(setting.patch_zyx, multiple)
        cube = [side // count // multiple for side, count in zip(setting.patch_zyx, self.grid, strict=True)]
        self.read = tuple(min(side, LOCATION_SIDE) for side in cube)
        channels = models.student.head.in_channels * multiple
        hidden = 2 * LOCATION_SIDE**3 * channels
        self.location = nn.Sequential(
            nn.Linear(channels * math.prod(self.read), hidden),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, math.prod(self.grid)),
        )
        self.register_buffer("seen", torch.zeros(REMEMBERED_STEPS, setting.classes))

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Return three predictions per image. As the head is 1^3, it may run before the recovery."""
        plain = models.student.features(batch.images)
        order = draw_mixing(len(batch.images), self.grid, batch.images.device)
        across = models.student.features(mix(batch.images, self.grid, order))
        within = models.student.features(to_cubes(batch.images, self.grid).flatten(0, 1))
        cubes = within.logits.unflatten(0, (len(batch.images), -1))
        return [
            plain,
            across._replace(logits=unmix(across.logits, self.grid, order)),
            within._replace(logits=from_cubes(cubes, self.grid)),
        ]

    def supervised(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return the mean of CE and Dice of the images, and of Dice of both recoveries."""
        logits, label = [output.logits[: batch.labeled] for output in outputs], batch.label_l
        dice = [dice_loss(one, label) for one in logits]
        return torch.stack([cross_entropy(logits[0], label), *dice]).mean()

    def pseudo(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> Tensor:
        """Return the usual loss, of the plain prediction alone."""
        return super().pseudo(models, batch, outputs[:1])

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the location of the cubes and, with unlabeled items, their blended pseudo-label."""
        terms = {}
        if math.prod(self.grid) > 1:
            terms["location"] = Term(self._location_loss(outputs[2]), LOCATION_WEIGHT)
        if batch.unlabeled:
            target = self._blended_label(models, batch, outputs[2].logits[batch.labeled :].detach().float())
            value = dice_loss(outputs[1].logits[batch.labeled :], target)
            terms["consistency"] = Term(value, self.ramp(batch.step))
        return terms

    def _location_loss(self, within: Features) -> Tensor:
        """Cross-entropy of each cube's place in the grid. (To shuffle cubes first would change nothing.)"""
        features = functional.adaptive_avg_pool3d(within.bottleneck.float(), self.read).flatten(1)
        place = torch.arange(math.prod(self.grid), device=features.device)
        return functional.cross_entropy(
            self.location(features).float(), place.repeat(len(features) // len(place))
        )

    @torch.no_grad()
    def _blended_label(self, models: Models, batch: Batch, within: Tensor) -> Tensor:
        """arg-max of (1 - f) teacher + f within, both logits; f: frequency of the teacher's class, at most 1.

        So rare classes follow the teacher, who sees the whole patch, and frequent ones the single cubes.
        """
        teacher = models.teacher(with_noise(batch.image_u)).float()
        label = teacher.max(dim=1).indices
        if batch.step > min(BLEND_AFTER, self.setting.total_steps // 10):
            frequency = self.seen.sum(dim=0)
            share = (frequency / frequency.max())[label].unsqueeze(1)
            label = torch.lerp(teacher, within, share).max(dim=1).indices
        counts = torch.bincount(label.flatten(), minlength=self.setting.classes)
        self.seen[batch.step % REMEMBERED_STEPS] = counts
        return label
