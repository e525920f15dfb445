"""Perturbed copies of images that several semi-supervised methods show to a teacher."""

from __future__ import annotations

import torch
from torch import Tensor


def with_noise(image: Tensor, deviation: float = 0.1, limit: float = 0.2) -> Tensor:
    """Return z-scored images (any shape) with Gaussian noise, clamped to +-limit (UA-MT, CFR)."""
    return image + (deviation * torch.randn_like(image)).clamp(-limit, limit)


def mixed(values: Tensor, partners: Tensor, share: Tensor) -> Tensor:
    """Return share * values + (1 - share) * partners: mixup, alike for images and for probabilities."""
    return share * values + (1.0 - share) * partners
