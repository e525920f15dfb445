"""Registration of one volume onto another: a linear transform, then demons on three levels; in a few ways.

Pure functions of arrays (axes `zyx`) and spacings in mm; both volumes lie on grids whose first voxel is the
origin and whose axes are not rotated, as all volumes at plan grid do. The same inputs give the same bits:
every filter whose sums depend on how the work is split works in one piece; run registrations side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import SimpleITK as sitk

from CFRTrain.labelers.affine_registration import Linear, Metric, linear_transform
from CFRTrain.labelers.demons_registration import demons_field
from CFRTrain.labelers.image_grids import coarser_grid, locally_normalized, resampled, to_image
from CFRTrain.labelers.transforms import Transform, matrix_zyx, warp_image, warp_probabilities

__all__ = [
    "RegistrationOptions",
    "Transform",
    "automatic_resolution",
    "register",
    "register_each_way",
    "warp_image",
    "warp_probabilities",
]

MOST_REGISTERED_VOXELS = 1_200_000  # several seconds on one core; anatomy varies more smoothly

Intensities = Literal["plain", "local"]
Way = tuple[Linear, Metric, Intensities]


@dataclass(frozen=True)
class RegistrationOptions:
    """How to register.

    resolution_mm: both volumes are first brought down to this where finer (None: they stay as they are).
    ways: (linear part, its metric, intensities for demons), all tried. An affine transform is wrong where a
    crop shows different surroundings, a translation where sizes differ: both, averaged, label better than
    either (Dice on development cases, left atrium: 0.69 and 0.75, together 0.77; hippocampus: 0.782 and
    0.790, together 0.795). An affine by correlation is left out: on left atrium it often ends far off, with a
    high similarity (0.35). Plain intensities let demons diverge where contrast varies (left atrium: 0.46
    against 0.71). affine_shrinks: how much coarser each level is. affine_samples: voxels that each affine
    step looks at; too few overfit.
    demons: "symmetric" (fast symmetric forces) or "diffeomorphic" (Vercauteren et al. 2009, NeuroImage
    45:S61), which never folds, takes twice the time and loses 0.5 Dice points (hippocampus). demons_levels:
    (shrink factor, iterations). field_sigma: smoothing of the displacement field in voxels of each level.
    """

    resolution_mm: float | None = None
    ways: tuple[Way, ...] = (("affine", "information", "local"), ("translation", "information", "local"))
    affine_shrinks: tuple[float, ...] = (4, 2, 1)
    affine_iterations: int = 60
    affine_samples: int = 20_000
    demons: Literal["symmetric", "diffeomorphic", "off"] = "symmetric"
    demons_levels: tuple[tuple[float, int], ...] = ((4, 50), (2, 50), (1, 25))
    field_sigma: float = 1.5


def automatic_resolution(shape_zyx: Sequence[int], spacing_zyx: Sequence[float]) -> float | None:
    """Resolution in mm at which a volume has about MOST_REGISTERED_VOXELS; None where it has no more."""
    if np.prod(shape_zyx, dtype=float) <= MOST_REGISTERED_VOXELS:
        return None
    spacing = np.array(spacing_zyx, float)
    extent, resolution = np.array(shape_zyx) * spacing, float(spacing.min())
    while np.prod(extent / np.maximum(spacing, resolution)) > MOST_REGISTERED_VOXELS:
        resolution *= 1.05
    return resolution


def register(
    fixed: np.ndarray,
    moving: np.ndarray,
    spacing_fixed: Sequence[float],
    spacing_moving: Sequence[float],
    options: RegistrationOptions | None = None,
    focus: np.ndarray | None = None,
) -> Transform:
    """The best of `register_each_way`."""
    return register_each_way(fixed, moving, spacing_fixed, spacing_moving, options, focus)[0]


def register_each_way(
    fixed: np.ndarray,
    moving: np.ndarray,
    spacing_fixed: Sequence[float],
    spacing_moving: Sequence[float],
    options: RegistrationOptions | None = None,
    focus: np.ndarray | None = None,
) -> tuple[Transform, ...]:
    """A transform per way that brings `moving` (z,y,x) onto `fixed` (z,y,x), the most similar match first.

    Intensities are on a common scale. focus: weights (z,y,x) on the moving grid, where the match counts most
    when ways are compared.
    """
    options = options or RegistrationOptions()
    pair = _Pair(fixed, moving, spacing_fixed, spacing_moving, options, focus)
    found = [pair.transform(*way) for way in options.ways]
    return tuple(sorted(found, key=lambda transform: -transform.similarity))  # stable: the first of equals


class _Pair:
    """Two volumes at registration resolution, as they are and locally normalized."""

    def __init__(
        self, fixed, moving, spacing_fixed, spacing_moving, options: RegistrationOptions, focus
    ) -> None:
        self.options = options
        self.shape, self.spacing = tuple(fixed.shape), tuple(float(value) for value in spacing_fixed)
        scale = max(float(fixed.std()), float(moving.std()), 1e-6)
        weights = np.ones(moving.shape, np.float32) if focus is None else focus
        self.fixed = self._coarse(fixed / scale, spacing_fixed)
        self.moving = self._coarse(moving / scale, spacing_moving)
        self.focus = self._coarse(weights, spacing_moving)
        self.fixed_local, self.moving_local = (
            locally_normalized(image) for image in (self.fixed, self.moving)
        )
        self._linear_parts: dict[tuple[Linear, Metric], tuple[sitk.AffineTransform, bool]] = {}

    def transform(self, kind: Linear, metric: Metric, intensities: Intensities) -> Transform:
        """One way to register the two."""
        affine, converged = self._linear(kind, metric)
        local = intensities == "local"
        fixed, moving = (self.fixed_local, self.moving_local) if local else (self.fixed, self.moving)
        field = self._field(fixed, resampled(moving, self.fixed, affine))
        vectors = np.moveaxis(sitk.GetArrayFromImage(field), -1, 0)[::-1]
        found = Transform(
            affine=matrix_zyx(affine),
            displacement=np.ascontiguousarray(vectors, np.float32),
            field_spacing_zyx=field.GetSpacing()[::-1],
            field_origin_zyx=field.GetOrigin()[::-1],
            shape_zyx=self.shape,
            spacing_zyx=self.spacing,
            affine_converged=converged,
        )
        return replace(found, similarity=self._similarity(affine, field))

    def _coarse(self, array: np.ndarray, spacing_zyx: Sequence[float]) -> sitk.Image:
        image = to_image(array, spacing_zyx)
        return resampled(image, coarser_grid(image, self.options.resolution_mm))

    def _linear(self, kind: Linear, metric: Metric) -> tuple[sitk.AffineTransform, bool]:
        if (kind, metric) not in self._linear_parts:
            local = metric == "correlation"
            images = (self.fixed_local, self.moving_local) if local else (self.fixed, self.moving)
            options = self.options
            steps = options.affine_shrinks, options.affine_iterations, options.affine_samples
            self._linear_parts[kind, metric] = linear_transform(*images, kind, metric, *steps)
        return self._linear_parts[kind, metric]

    def _field(self, fixed: sitk.Image, moving: sitk.Image) -> sitk.Image:
        options = self.options
        levels = () if options.demons == "off" else options.demons_levels
        return demons_field(fixed, moving, options.demons, levels, options.field_sigma)

    def _similarity(self, affine: sitk.AffineTransform, field: sitk.Image) -> float:
        """Correlation of the locally normalized images, weighted by the focus."""
        warp = sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(sitk.Image(field))])
        warped, weight = (resampled(image, self.fixed, warp) for image in (self.moving_local, self.focus))
        arrays = [
            sitk.GetArrayFromImage(image).astype(np.float64) for image in (self.fixed_local, warped, weight)
        ]
        return weighted_correlation(*arrays[:2], np.maximum(arrays[2], 0) + 1e-6)


def weighted_correlation(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> float:
    """Correlation of two images (z,y,x) with weights (z,y,x); 0 where one of them is flat."""
    first = first - np.average(first, weights=weight)
    second = second - np.average(second, weights=weight)
    scale = np.sqrt((first * first * weight).sum() * (second * second * weight).sum())
    return float((first * second * weight).sum() / scale) if scale > 0 else 0.0
