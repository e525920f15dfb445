"""How unsure a network is of each voxel, as several semi-supervised methods measure it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from CFRTrain.retraining.perturbations import with_noise


def normalized_entropy(probabilities: Tensor) -> Tensor:
    """Return H / ln C in [0, 1] (B, *spatial) of distributions (B, C, *spatial)."""
    return torch.special.entr(probabilities).sum(dim=1) / math.log(probabilities.shape[1])


@torch.no_grad()
def mean_of_passes(network: nn.Module, image: Tensor, passes: int) -> Tensor:
    """Return the mean softmax (B, C, z, y, x) of passes over images with fresh noise.

    The network is in training mode, so that its dropout is drawn anew as well.
    """
    total = sum(network(with_noise(image)).float().softmax(dim=1) for _ in range(passes))
    return total / passes
