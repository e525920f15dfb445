"""Several looks at one volume: changed copies are labeled, the answers changed back and averaged.

A look that does not matter to the anatomy (a small rotation, another brightness, another window) should not
matter to the label either; where it does, the labeler is guessing. G. Wang et al., Aleatoric uncertainty
estimation with test-time augmentation, Neurocomputing 338 (2019) 34, arXiv 1807.07356.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from CFRTrain.data.augmentation import (
    WEAK_INTENSITY,
    WEAK_SPATIAL,
    affine_grid,
    apply_spatial,
    augment_intensity,
    draw_affine,
    generator_for,
)
from CFRTrain.runs.job import Looks


class Look(Protocol):
    """One way to look at a volume."""

    def image(self, image: np.ndarray) -> np.ndarray:
        """The changed copy of an image float32 (z,y,x)."""

    def back(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (C,z,y,x) of the changed copy on the grid of the image."""


@dataclass(frozen=True)
class Plain:
    """The volume as it is."""

    def image(self, image: np.ndarray) -> np.ndarray:
        return image

    def back(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities


@dataclass(frozen=True)
class Flip:
    """Mirrored along axes (0 = z)."""

    axes: tuple[int, ...]

    def image(self, image: np.ndarray) -> np.ndarray:
        return np.flip(image, self.axes)

    def back(self, probabilities: np.ndarray) -> np.ndarray:
        return np.flip(probabilities, tuple(axis + 1 for axis in self.axes))


@dataclass(frozen=True)
class Turn:
    """Slices across `axis` turned by `quarters` of a full turn."""

    axis: int
    quarters: int

    def image(self, image: np.ndarray) -> np.ndarray:
        return np.rot90(image, self.quarters, self._plane)

    def back(self, probabilities: np.ndarray) -> np.ndarray:
        first, second = self._plane
        return np.rot90(probabilities, -self.quarters, (first + 1, second + 1))

    @property
    def _plane(self) -> tuple[int, int]:
        first, second = (axis for axis in range(3) if axis != self.axis)
        return first, second


@dataclass(frozen=True)
class Shift:
    """Windows, and what the network pools, begin `voxels` earlier along every axis."""

    voxels: int

    def image(self, image: np.ndarray) -> np.ndarray:
        return np.pad(image, ((self.voxels, 0),) * 3, mode="edge")

    def back(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities[:, self.voxels :, self.voxels :, self.voxels :]


class RandomLook:
    """A slightly rotated, scaled and otherwise bright copy; both ways are linear interpolations."""

    def __init__(self, seed: int, case_id: str, index: int, spacing_zyx: Sequence[float]) -> None:
        self._key = (seed, f"looks/{case_id}", index)
        self._affine = draw_affine(1, generator_for(*self._key), WEAK_SPATIAL)
        self._spacing = tuple(spacing_zyx)

    def image(self, image: np.ndarray) -> np.ndarray:
        """The image moved and otherwise bright."""
        seed, name, index = self._key
        generator = generator_for(seed, f"{name}/intensity", index)
        moved = torch.from_numpy(self.moved(image))[None, None]
        return augment_intensity(moved, generator, WEAK_INTENSITY)[0, 0].numpy()

    def moved(self, image: np.ndarray) -> np.ndarray:
        """The image (z,y,x) rotated and scaled, as bright as before."""
        image = torch.from_numpy(np.array(image, np.float32))[None, None]
        return self._sampled(image, self._affine)[0, 0].numpy()

    def back(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities of the moved image, moved back."""
        moved = torch.from_numpy(np.array(probabilities, np.float32))[None]
        return self._sampled(moved, torch.linalg.inv(self._affine))[0].numpy()

    def _sampled(self, tensor: Tensor, affine: Tensor) -> Tensor:
        return apply_spatial(tensor, affine_grid(affine, tensor.shape[2:], self._spacing))


def looks_at(
    case_id: str, options: Looks, slicing_axis: int, spacing_zyx: Sequence[float], seed: int
) -> Iterator[Look]:
    """The looks at one case, the plain one first; the random ones depend on seed and case alone."""
    yield Plain()
    for count in range(1, len(options.flips) + 1):
        yield from (Flip(axes) for axes in combinations(sorted(options.flips), count))
    if options.turns:
        yield from (Turn(slicing_axis, quarters) for quarters in (1, 2, 3))
    yield from (Shift(voxels) for voxels in range(1, options.shifts + 1))
    yield from (RandomLook(seed, case_id, index, spacing_zyx) for index in range(options.random))
