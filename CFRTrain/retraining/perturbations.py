"""Perturbed copies of images and of features that semi-supervised methods ask for the same answer."""

from __future__ import annotations

import torch
from torch import Tensor


def with_noise(image: Tensor, deviation: float = 0.1, limit: float = 0.2) -> Tensor:
    """Return z-scored images (any shape) with Gaussian noise, clamped to +-limit (UA-MT, CFR)."""
    return image + (deviation * torch.randn_like(image)).clamp(-limit, limit)


def mixed(values: Tensor, partners: Tensor, share: Tensor) -> Tensor:
    """Return share * values + (1 - share) * partners: mixup, alike for images and for probabilities."""
    return share * values + (1.0 - share) * partners


def feature_noise(features: Tensor, limit: float = 0.3) -> Tensor:
    """Return features (B, F, *spatial) times 1 + noise, uniform within +-limit, alike for all items (CCT)."""
    return features * (1.0 + torch.empty_like(features[:1]).uniform_(-limit, limit))


def feature_drop(features: Tensor, low: float = 0.7, high: float = 0.9) -> Tensor:
    """Return features (B, F, *spatial), 0 where their mean over F is above a share of its maximum (CCT).

    So the places that speak loudest are silent. The share is drawn from low to high.
    """
    attention = features.detach().mean(dim=1, keepdim=True)
    strongest = attention.flatten(1).amax(dim=1).view(-1, *[1] * (features.ndim - 1))
    share = torch.empty((), device=features.device).uniform_(low, high)
    return features * (attention < strongest * share)
