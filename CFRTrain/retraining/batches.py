"""Batches of labeled and unlabeled patches, each a function of (seed, step) and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from CFRTrain.data.augmentation import (
    STRONG_INTENSITY,
    STRONG_SPATIAL,
    IntensityOptions,
    SpatialOptions,
    apply_spatial,
    augment_intensity,
    crop,
    draw_crop_start,
    draw_spatial,
    generator_for,
)
from CFRTrain.data.store import CaseStore
from CFRTrain.retraining.methods.base import Batch
from CFRTrain.retraining.sources import ForegroundSource, PairSource, PseudoLabelSource, RecentPseudoLabels

# Arrays of one item: the image (1, z, y, x), then the label (z, y, x) or the pseudo-label's channels.
Item = tuple[np.ndarray, ...]
Start = tuple[int, int, int]

NO_SPATIAL = SpatialOptions(rotation=0.0, scale=(1.0, 1.0), elastic=0.0)
MARGIN_SHARE = 0.125  # of the patch side, cut on every side more, so that rotated corners show anatomy


@dataclass(frozen=True)
class BatchOptions:
    """Sizes and randomness of the batches.

    patch_zyx in voxels, spacing_zyx in mm. foreground: share of patches centered on a structure.
    pair_probability: share of labeled items that come from the pair source. spatial, intensity: the
    augmentation, None for none.
    """

    patch_zyx: tuple[int, int, int]
    spacing_zyx: tuple[float, float, float]
    labeled: int = 2
    unlabeled: int = 2
    foreground: float = 0.5
    pair_probability: float = 0.0
    spatial: SpatialOptions | None = STRONG_SPATIAL
    intensity: IntensityOptions | None = STRONG_INTENSITY


class BatchBuilder:
    """Makes the batch of any step; a single labeled case fills the labeled half, cut differently.

    foreground: where unlabeled patches without pseudo-labels are centered; None: anywhere.
    """

    def __init__(
        self,
        store: CaseStore,
        labeled: Sequence[str],
        unlabeled: Sequence[str],
        pseudo: PseudoLabelSource | None,
        options: BatchOptions,
        *,
        seed: int,
        device: torch.device,
        pairs: PairSource | None = None,
        foreground: ForegroundSource | None = None,
    ) -> None:
        self.store, self.options = store, options
        self.labeled, self.unlabeled = tuple(labeled), tuple(unlabeled)
        self.pseudo = None if pseudo is None else RecentPseudoLabels(pseudo)
        self.pairs, self.seed, self.device = pairs, seed, device
        self.foreground = foreground
        self._margin = tuple(round(side * MARGIN_SHARE) for side in options.patch_zyx)
        sides = zip(options.patch_zyx, self._margin, strict=True)
        self._cut_zyx = tuple(side + 2 * margin for side, margin in sides)

    def batch(self, step: int, local_step: int, items: tuple[int, int] | None = None) -> Batch:
        """Return the batch of a step; the method sees `local_step`, counted from the last restart.

        items: how many labeled and unlabeled ones; None: as many as the options say.
        """
        generator = generator_for(self.seed, "batch", step)
        first, second = items or (self.options.labeled, self.options.unlabeled)
        labeled = [self._labeled_item(case, generator) for case in _draw(self.labeled, first, generator)]
        drawn = _draw(self.unlabeled, second, generator)
        unlabeled = [self._unlabeled_item(case, generator) for case in drawn]
        count = len(labeled)
        grid = self._grid(count + len(unlabeled), generator).to(self.device)
        moved = [apply_spatial(self._stack(labeled, 0), grid[:count])]
        probabilities = confidence = None
        if unlabeled:
            both = apply_spatial(self._unlabeled_channels(unlabeled), grid[count:])
            moved.append(both[:, :1])
            if self.pseudo is not None:
                probabilities, confidence = both[:, 1:-1], both[:, -1].clamp(0, 1)
        image = self._changed(torch.cat(moved), generator)
        label = self._labels(labeled, grid[:count])
        return Batch(image[:count], label, image[count:], probabilities, confidence, local_step)

    def _unlabeled_channels(self, items: Sequence[Item]) -> Tensor:
        """Return images and, where there are, pseudo-labels as channels: one sampling is cheaper than two."""
        images = self._stack(items, 0)
        return images if self.pseudo is None else torch.cat([images, self._stack(items, 1) / 255.0], dim=1)

    def labeled_pair(self, stream: str, step: int) -> tuple[Tensor, Tensor]:
        """Return augmented labeled images (L, 1, z, y, x) and labels (L, z, y, x) of another stream."""
        generator = generator_for(self.seed, stream, step)
        drawn = _draw(self.labeled, self.options.labeled, generator)
        items = [self._labeled_item(case, generator) for case in drawn]
        grid = self._grid(len(items), generator).to(self.device)
        images = apply_spatial(self._stack(items, 0), grid)
        return self._changed(images, generator), self._labels(items, grid)

    def _changed(self, images: Tensor, generator: torch.Generator) -> Tensor:
        options = self.options.intensity
        return images if options is None else augment_intensity(images, generator, options)

    def _labels(self, items: Sequence[Item], grid: Tensor) -> Tensor:
        return apply_spatial(self._stack(items, 1), grid).long()

    def _labeled_item(self, case: str, generator: torch.Generator) -> Item:
        replaced = float(torch.rand((), generator=generator)) < self.options.pair_probability
        if replaced and self.pairs is not None:
            image, label = self.pairs.sample(generator)
        else:
            image, label = self.store.image(case), self.store.label(case)
        start = self._start(image, label, generator)
        return self._cut(image, start)[None], self._cut(label, start)

    def _unlabeled_item(self, case: str, generator: torch.Generator) -> Item:
        image = self.store.image(case)
        packed = None if self.pseudo is None else self.pseudo.get(case)
        start = self._start(image, self._found(case) if packed is None else packed.labels, generator)
        picture = self._cut(image, start)[None]
        if packed is None:
            return (picture,)
        return picture, np.stack([self._cut(channel, start) for channel in packed.channels])

    def _found(self, case: str) -> np.ndarray | None:
        return None if self.foreground is None else self.foreground.labels(case)

    def _start(self, image: np.ndarray, labels: np.ndarray | None, generator: torch.Generator) -> Start:
        options = self.options
        start = draw_crop_start(image.shape, options.patch_zyx, generator, labels, options.foreground)
        return tuple(first - margin for first, margin in zip(start, self._margin, strict=True))

    def _cut(self, array: np.ndarray, start: Start) -> np.ndarray:
        return crop(array, start, self._cut_zyx)

    def _grid(self, count: int, generator: torch.Generator) -> Tensor:
        options = self.options
        spatial = options.spatial or NO_SPATIAL
        return draw_spatial(
            count, self._cut_zyx, generator, spatial, options.spacing_zyx, out_zyx=options.patch_zyx
        )

    def _stack(self, items: Sequence[Item], part: int) -> Tensor:
        return torch.from_numpy(np.stack([item[part] for item in items])).to(self.device)


def _draw(cases: Sequence[str], count: int, generator: torch.Generator) -> list[str]:
    """Return `count` of the cases: different ones as long as there are enough."""
    if not cases:
        return []
    order = torch.randperm(len(cases), generator=generator).tolist()
    return [cases[order[position % len(order)]] for position in range(count)]
