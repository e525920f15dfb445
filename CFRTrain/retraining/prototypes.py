"""Prototypes: the mean feature of each class, and which class a voxel's feature is nearest to.

`features` are coarse maps (B, F, *coarse) such as the bottleneck, `weights` (B, C, *fine) says how much each
voxel counts for each class. Published code enlarges the features to full resolution, a gigabyte per crop;
here the weights are averaged down instead, and distances and cosines, not the features, are enlarged. For
squared distances the nearest class is the same: enlarging is linear, |feature|^2 is common to all classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_MASS = 1e-6


def class_prototypes(features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted mean features (B, C, F) and which classes have any weight (B, C)."""
    coarse = functional.adaptive_avg_pool3d(weights.float(), features.shape[2:]).flatten(2)
    with torch.autocast(features.device.type, enabled=False):
        sums = coarse @ features.float().flatten(2).transpose(1, 2)
    mass = coarse.sum(dim=2)
    return sums / mass.clamp_min(SMALLEST_MASS).unsqueeze(2), mass > SMALLEST_MASS


def nearest_class(features: Tensor, prototypes: Tensor, present: Tensor, size: Sequence[int]) -> Tensor:
    """Return the class (B, *size) with the smallest squared distance; absent classes are never nearest."""
    fields = features.float().unsqueeze(1)
    distances = (fields - prototypes[..., None, None, None]).square().sum(dim=2)
    fine = functional.interpolate(distances, size=tuple(size), mode="trilinear")
    return fine.masked_fill(~present[..., None, None, None], torch.inf).min(dim=1).indices


def cosine_logits(
    features: Tensor, prototypes: Tensor, present: Tensor, size: Sequence[int], scale: float
) -> Tensor:
    """Return logits (B, C, *size): scale times the cosine with each prototype, -scale for absent classes."""
    fields = features.float().unsqueeze(1)
    cosines = functional.cosine_similarity(fields, prototypes[..., None, None, None], dim=2)
    cosines = cosines.masked_fill(~present[..., None, None, None], -1.0)
    return scale * functional.interpolate(cosines, size=tuple(size), mode="trilinear")


def has_prototype(present: Tensor, labels: Tensor) -> Tensor:
    """Return which voxels of labels (B, *spatial) have a class that is `present` (B, C)."""
    known = labels < present.shape[1]
    chosen = present.gather(1, torch.where(known, labels, 0).flatten(1)).view_as(labels)
    return chosen & known
