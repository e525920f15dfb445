"""How far the filters of one network are from all linear combinations of another network's filters.

For a layer with filters w_i of the one and v_j of the other network, and coefficients a_ij, it is the mean
over i of cos^2(w_i, sum_j a_ij v_j). As (sum_j a_ij v_j) w_i and |sum_j a_ij v_j|^2 are sums over the
products of filters, those are taken once, and the search for the worst coefficients costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST = 1e-12


class Products(NamedTuple):
    """Of one layer: w_i v_j for unit w_i (n, n), and v_i v_j (n, n)."""

    across: Tensor
    among: Tensor


def filters_of(network: nn.Module) -> list[Tensor]:
    """Return the filters (n, weights of each) of every convolution, one row per output channel."""
    found = []
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose3d):
            found.append(layer.weight.transpose(0, 1).flatten(1))
        elif isinstance(layer, nn.Conv3d):
            found.append(layer.weight.flatten(1))
    return found


def products(network: nn.Module, other: nn.Module) -> list[Products]:
    """Return the products of all layers; the gradient reaches `network`, not `other`."""
    pairs = zip(filters_of(network), filters_of(other), strict=True)
    with torch.autocast(next(network.parameters()).device.type, enabled=False):
        fixed = [(functional.normalize(own, dim=1), others.detach()) for own, others in pairs]
        return [Products(own @ others.T, others @ others.T) for own, others in fixed]


def squared_cosine(found: Sequence[Products], coefficients: Sequence[Tensor]) -> Tensor:
    """Return the mean over layers of the mean over filters of cos^2."""
    values = []
    for layer, weights in zip(found, coefficients, strict=True):
        with torch.autocast(weights.device.type, enabled=False):
            length = ((weights @ layer.among) * weights).sum(dim=1)
        along = (weights * layer.across).sum(dim=1)
        values.append((along.square() / length.clamp_min(SMALLEST)).mean())
    return torch.stack(values).mean()
