"""Fine-tuning of SAM's mask decoder alone, on embeddings that the frozen encoder makes once (MedSAM).

Augmentation changes pictures, and so embeddings. Therefore each labeled case gets a fixed number of augmented
patches (finetune.views), the same in every epoch: the encoder runs views x cases times, whatever the steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from CFRTrain.data.augmentation import generator_for
from CFRTrain.labelers.embedding_cache import EmbeddedView, EmbeddingCache
from CFRTrain.labelers.finetuning import FineTuneStage
from CFRTrain.training.precision import autocast, autocast_dtype

PICTURES_AT_ONCE = 4


class DecoderStage(FineTuneStage):
    """A fine-tuning whose steps draw from the views in `cache`."""

    def __init__(self, *arguments: Any, cache: EmbeddingCache) -> None:
        """arguments: those of FineTuneStage."""
        super().__init__(*arguments)
        self.cache = cache

    def answer(self, step: int) -> tuple[Tensor, Tensor]:
        """Logits (N,C,canvas,canvas) and targets (N,canvas,canvas) of this step's random views."""
        generator = generator_for(self.seed, self.name, step)
        views = [
            self.view(case, int(torch.randint(self.options.views, (1,), generator=generator)))
            for case in self.draw_cases(self.options.batch, generator)
        ]
        features = torch.cat([torch.from_numpy(view.embeddings) for view in views]).float().to(self.device)
        targets = torch.cat([torch.from_numpy(view.targets) for view in views]).long().to(self.device)
        chosen = self.drawn_pictures(len(features), step)
        with autocast(self.device, autocast_dtype(self.device)):
            logits = self.sam.enlarged(self.sam.decode(features[chosen]))
        return logits, targets[chosen]

    def view(self, case: str, number: int) -> EmbeddedView:
        """The kept view `number` of a labeled case."""
        return self.cache.view(case, number, lambda: self._made(case, number))

    def _made(self, case: str, number: int) -> EmbeddedView:
        """The view from the case's volume; float16 from the start, so that reading it changes nothing."""
        generator = generator_for(self.seed, f"{self.name}/{case}", number)
        images, labels = self.patches([case], generator)
        pictures, targets = self.sam_input.pictures(images), self.sam_input.label_pictures(labels)
        with torch.no_grad(), autocast(self.device, autocast_dtype(self.device)):
            parts = [self.sam.embed(part).half().cpu() for part in pictures.split(PICTURES_AT_ONCE)]
        return EmbeddedView(torch.cat(parts).numpy(), targets.to(torch.uint8).cpu().numpy())
