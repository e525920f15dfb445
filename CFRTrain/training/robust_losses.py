"""Losses for labels that may be wrong: what they say weighs less where the network firmly disagrees.

Cross-entropy's gradient grows without bound for a label that the network finds impossible, so that a wrong
pseudo-label pulls harder than a right one. Both losses here are bounded or nearly so. Shapes as in `losses`:
logits (B, C, *spatial), target integer (B, *spatial) with IGNORE where there is no label, weight_map
(B, *spatial), not negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from CFRTrain.training.losses import EPSILON, IGNORE, dice_ce, dice_loss

GENERALIZED_POWER = 0.7
SYMMETRIC_FORWARD, SYMMETRIC_REVERSE = 0.1, 1.0
LOG_OF_ZERO = -4.0

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def generalized_cross_entropy(logits: Tensor, target: Tensor, weight_map: Tensor | None = None) -> Tensor:
    """Return the weighted mean of (1 - p^q) / q, p the probability of the label, q = 0.7.

    Z. Zhang, M. Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels,
    NeurIPS 2018, arXiv 1805.07836, equation 6: cross-entropy for q -> 0, mean absolute error for q = 1.
    """
    log_p = _label_log_probability(logits, target)
    return _weighted_mean(-torch.expm1(GENERALIZED_POWER * log_p) / GENERALIZED_POWER, target, weight_map)


def symmetric_cross_entropy(logits: Tensor, target: Tensor, weight_map: Tensor | None = None) -> Tensor:
    """Return the weighted mean of 0.1 CE + 1.0 RCE, the reverse cross-entropy with log 0 := -4.

    Y. Wang et al., Symmetric cross entropy for robust learning with noisy labels, ICCV 2019, arXiv
    1908.06112, equations 6 to 8, weights of its CIFAR-10 experiment. For a hard label RCE = 4 (1 - p).
    """
    log_p = _label_log_probability(logits, target)
    reverse = -LOG_OF_ZERO * -torch.expm1(log_p)
    return _weighted_mean(SYMMETRIC_REVERSE * reverse - SYMMETRIC_FORWARD * log_p, target, weight_map)


def dice_generalized(logits: Tensor, target: Tensor, weight_map: Tensor | None = None) -> Tensor:
    """Return 0.5 generalized cross-entropy + 0.5 Dice, which is bounded as it is."""
    robust = generalized_cross_entropy(logits, target, weight_map)
    return 0.5 * robust + 0.5 * dice_loss(logits, target, weight_map)


def dice_symmetric(logits: Tensor, target: Tensor, weight_map: Tensor | None = None) -> Tensor:
    """Return 0.5 symmetric cross-entropy + 0.5 Dice."""
    robust = symmetric_cross_entropy(logits, target, weight_map)
    return 0.5 * robust + 0.5 * dice_loss(logits, target, weight_map)


# The pseudo-label losses by the name a job gives.
PSEUDO_LOSSES: Mapping[str, Loss] = MappingProxyType(
    {"cross_entropy": dice_ce, "generalized": dice_generalized, "symmetric": dice_symmetric}
)


def _label_log_probability(logits: Tensor, target: Tensor) -> Tensor:
    """Return log p of the label of each voxel (B, *spatial); of class 0 where there is none."""
    if tuple(target.shape) != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(f"target {tuple(target.shape)} does not fit logits {tuple(logits.shape)}")
    index = torch.where(target == IGNORE, 0, target).long().unsqueeze(1)
    return functional.log_softmax(logits.float(), dim=1).gather(1, index).squeeze(1)


def _weighted_mean(per_voxel: Tensor, target: Tensor, weight_map: Tensor | None) -> Tensor:
    """Return sum(w * value) / sum(w) over the labeled voxels, 0 where there are none."""
    counts = (target != IGNORE).float()
    weight = counts if weight_map is None else counts * weight_map.float()
    return (weight * per_voxel).sum() / weight.sum().clamp_min(EPSILON)
