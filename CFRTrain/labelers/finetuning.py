"""Fine-tune: SAM learns the classes from the few labeled volumes (CFR, section III-B, equation 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from CFRTrain.data.augmentation import augment_intensity, augment_spatial, generator_for, sample_crop
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.sam_input import SamInput
from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.runs.job import FineTune
from CFRTrain.training.losses import dice_ce
from CFRTrain.training.measures import mean_dice
from CFRTrain.training.precision import autocast, autocast_dtype
from CFRTrain.training.schedules import learning_rate_factor
from CFRTrain.training.trainable import Trainable

BETAS = (0.9, 0.999)
MARGIN = 1.2  # a crop is this much larger than the patch, so that rotated corners show anatomy, not padding


class FineTuneStage:
    """Trains what is trainable in a SAM on random augmented crops of the labeled cases; a stage of `train`.

    Loss 0.5 cross-entropy + 0.5 Dice on full-resolution logits, pixels without a voxel in neither (in the
    released code they are part of Dice). AdamW; warm-up, then the rate falls with (1 - step/steps)^0.9.
    """

    name = "finetune"

    def __init__(
        self,
        sam: ConcatenationSam,
        sam_input: SamInput,
        store: CaseStore,
        labeled: Sequence[str],
        spacing_zyx: Sequence[float],
        options: FineTune,
        seed: int,
        device: torch.device,
    ) -> None:
        """labeled: ids of cases in `store` that have labels. spacing_zyx: mm, of the stored volumes."""
        self.sam, self.sam_input, self.store, self.labeled = sam.to(device), sam_input, store, tuple(labeled)
        self.spacing_zyx = tuple(spacing_zyx)
        self.options, self.seed, self.device = options, seed, device
        self.total_steps = options.steps
        # SAM's one buffer comes from its file or seed, as what is frozen does
        self.trainable = nn.ModuleDict({"shared": Trainable(self.sam, buffers=False)})
        parameters, rate = self.trainable.parameters(), options.learning_rate
        self.optimizer = AdamW(parameters, lr=rate, betas=BETAS, weight_decay=options.weight_decay)

    def modules(self) -> dict[str, nn.Module]:
        """For checkpoints: LoRA, prompt encoder and mask decoder, or all of a SAM trained from scratch."""
        return {"sam": self.trainable}

    def optimizers(self) -> dict[str, Optimizer]:
        return {"adamw": self.optimizer}

    def step(self, step: int) -> dict[str, float]:
        """One optimization step on the batch of this step; returns loss, learning rate, and Dice if any."""
        self.sam.train()
        rate = self._set_learning_rate(step)
        logits, targets = self.answer(step)
        loss = dice_ce(logits, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        values, dice = {"loss": float(loss.detach()), "learning_rate": rate}, mean_dice(logits, targets)
        return values if dice is None else {**values, "dice": dice}

    def answer(self, step: int) -> tuple[Tensor, Tensor]:
        """Logits (N,C,canvas,canvas) of this step's pictures and their class indices (N,canvas,canvas)."""
        images, labels = self.batch(step)
        pictures, targets = self.sam_input.pictures(images), self.sam_input.label_pictures(labels)
        chosen = self.drawn_pictures(len(pictures), step)
        with autocast(self.device, autocast_dtype(self.device)):
            logits = self.sam(pictures[chosen])
        return logits, targets[chosen]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Augmented patches of this step: images (B,1,z,y,x) float32 and class indices (B,z,y,x) int64."""
        generator = generator_for(self.seed, self.name, step)
        return self.patches(self.draw_cases(self.options.batch, generator), generator)

    def draw_cases(self, count: int, generator: torch.Generator) -> Iterator[str]:
        """Labeled cases, with repetition, each drawn when it is asked for."""
        for _ in range(count):
            yield self.labeled[int(torch.randint(len(self.labeled), (1,), generator=generator))]

    def patches(self, cases: Iterable[str], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One augmented patch per case: images (B,1,z,y,x) float32 and class indices (B,z,y,x) int64."""
        patch = self.sam_input.patch_zyx
        larger = tuple(ceil(side * MARGIN) for side in patch)
        images, labels = [], []
        for case in cases:
            image, label = sample_crop(self.store.image(case), self.store.label(case), larger, generator)
            images.append(image)
            labels.append(label)
        image, label = torch.stack(images).to(self.device), torch.stack(labels).to(self.device)
        image, label = augment_spatial(
            image, label, generator=generator, spacing_zyx=self.spacing_zyx, out_zyx=patch
        )
        return augment_intensity(image, generator), label

    def drawn_pictures(self, count: int, step: int) -> Tensor | slice:
        """Which of the step's `count` pictures are learned from: options.pictures of them, or all."""
        if not 0 < self.options.pictures < count:
            return slice(None)
        generator = generator_for(self.seed, f"{self.name}/pictures", step)
        return torch.randperm(count, generator=generator)[: self.options.pictures].sort().values

    def _set_learning_rate(self, step: int) -> float:
        options = self.options
        factor = learning_rate_factor("poly", step, options.steps, options.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = options.learning_rate * factor
        return options.learning_rate * factor
