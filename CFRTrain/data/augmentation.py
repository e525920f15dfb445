"""Random changes of image batches: where voxels lie (spatial) and what they show (intensity).

Every operation is split into drawing its parameters and applying them, so that one draw serves an image, its
label and its probabilities alike. All randomness comes from a `torch.Generator` (see `generator_for`).
"""

from __future__ import annotations

from CFRTrain.data.cropping import crop, crop_target, draw_crop_start, sample_crop
from CFRTrain.data.intensity_augmentation import (
    STRONG_INTENSITY,
    WEAK_INTENSITY,
    IntensityOptions,
    apply_intensity,
    augment_intensity,
    draw_intensity,
)
from CFRTrain.data.randomness import generator_for
from CFRTrain.data.spatial_augmentation import (
    STRONG_SPATIAL,
    WEAK_SPATIAL,
    SpatialOptions,
    affine_grid,
    apply_spatial,
    augment_spatial,
    draw_affine,
    draw_spatial,
)

__all__ = [
    "STRONG_INTENSITY",
    "STRONG_SPATIAL",
    "WEAK_INTENSITY",
    "WEAK_SPATIAL",
    "IntensityOptions",
    "SpatialOptions",
    "affine_grid",
    "apply_intensity",
    "apply_spatial",
    "augment_intensity",
    "augment_spatial",
    "crop",
    "crop_target",
    "draw_affine",
    "draw_crop_start",
    "draw_intensity",
    "draw_spatial",
    "generator_for",
    "sample_crop",
]
