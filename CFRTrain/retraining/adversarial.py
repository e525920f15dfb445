"""Virtual adversarial training: the small change of an image that changes the prediction most."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from CFRTrain.training.losses import dice_loss

SMALLEST = 1e-12


def adversarial_loss(network: nn.Module, image: Tensor, probabilities: Tensor, size: float) -> Tensor:
    """Return the Dice loss between the network's answer to changed images and `probabilities`, its answer to
    the images (B, 1, z, y, x).

    The change has the root mean square `size` and the direction that one power iteration finds.
    """
    with _unchanged_statistics(network):
        direction = _unit(torch.rand_like(image) - 0.5).requires_grad_()
        probe = dice_loss(network(image + size * direction), probabilities)
        worst = _unit(torch.autograd.grad(probe, direction)[0])
        return dice_loss(network(image + size * worst), probabilities)


def _unit(values: Tensor) -> Tensor:
    """Scale each item to a root mean square of 1."""
    items = tuple(range(1, values.ndim))
    return values / values.square().mean(dim=items, keepdim=True).sqrt().clamp_min(SMALLEST)


@contextlib.contextmanager
def _unchanged_statistics(network: nn.Module) -> Iterator[None]:
    """Keep BatchNorm's running statistics from learning the changed images."""
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 0.0
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
