"""Segmentation losses for hard or soft targets, with ignored voxels and a weight per voxel.

Everywhere `logits` is (B, C, *spatial) with two or three spatial axes (`yx` or `zyx`), a hard target is an
integer tensor (B, *spatial) of class indices in which `ignore` marks voxels without a label, a soft target
is a floating-point tensor (B, C, *spatial) of probabilities in which a voxel whose probabilities are all
zero has no label, and `weight_map` is (B, *spatial), not negative.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

IGNORE = 255
EPSILON = 1e-10


def cross_entropy(
    logits: Tensor, target: Tensor, weight_map: Tensor | None = None, ignore: int = IGNORE
) -> Tensor:
    """Return sum(w * ce) / sum(w) over the labeled voxels, 0 where there are none. Raises ValueError."""
    distribution, weight = _as_distribution(logits, target, weight_map, ignore)
    return _cross_entropy(functional.log_softmax(logits.float(), dim=1), distribution, weight)


def dice_loss(
    logits: Tensor, target: Tensor, weight_map: Tensor | None = None, ignore: int = IGNORE
) -> Tensor:
    """Return 1 - (2 sum(w p g) + e) / (sum(w p^2) + sum(w g^2) + e), averaged over all classes with
    background.

    Sums are pooled over the batch (CFR's code). Unlike there, ignored voxels leave all three sums.
    Raises ValueError when the shapes differ.
    """
    distribution, weight = _as_distribution(logits, target, weight_map, ignore)
    return _dice(functional.softmax(logits.float(), dim=1), distribution, weight)


def dice_ce(logits: Tensor, target: Tensor, weight_map: Tensor | None = None, ignore: int = IGNORE) -> Tensor:
    """Return 0.5 * cross-entropy + 0.5 * Dice loss (paper, equation 5). Raises ValueError on shapes."""
    distribution, weight = _as_distribution(logits, target, weight_map, ignore)
    log_probabilities = functional.log_softmax(logits.float(), dim=1)
    ce = _cross_entropy(log_probabilities, distribution, weight)
    return 0.5 * ce + 0.5 * _dice(log_probabilities.exp(), distribution, weight)


def dice_kl(logits: Tensor, target: Tensor, weight_map: Tensor | None = None, ignore: int = IGNORE) -> Tensor:
    """Return the Dice loss + the mean over voxels and classes of t log(t / p), t the target (M&N).

    As the mean counts every class, the second part is C times smaller than a divergence per voxel.
    Raises ValueError on shapes.
    """
    distribution, weight = _as_distribution(logits, target, weight_map, ignore)
    log_probabilities = functional.log_softmax(logits.float(), dim=1)
    known = -torch.special.entr(distribution).sum(dim=1)
    per_voxel = known - (distribution * log_probabilities).sum(dim=1)
    if weight is None:
        divergence = per_voxel.mean()
    else:
        divergence = (weight * per_voxel).sum() / weight.sum().clamp_min(EPSILON)
    return divergence / logits.shape[1] + _dice(log_probabilities.exp(), distribution, weight)


def one_hot(target: Tensor, classes: int, ignore: int = IGNORE) -> Tensor:
    """Return class indices (B, *spatial) as a soft target (B, classes, *spatial), 0 where ignored."""
    known = (target != ignore).unsqueeze(1)
    index = torch.where(known, target.unsqueeze(1), 0).long()
    shape = (target.shape[0], classes, *target.shape[1:])
    return torch.zeros(shape, device=target.device).scatter_(1, index, known.float())


def mutual_cross_entropy(first: Tensor, second: Tensor) -> Tensor:
    """Return the cross-entropies of both logits (B, C, *spatial) with the other's arg-max, added."""
    labels = [logits.detach().max(dim=1).indices for logits in (first, second)]
    return cross_entropy(first, labels[1]) + cross_entropy(second, labels[0])


def softmax_mse(student_logits: Tensor, teacher_logits: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean squared difference of both softmaxes; mask as in `probability_mse`."""
    student = functional.softmax(student_logits.float(), dim=1)
    return probability_mse(student, functional.softmax(teacher_logits.float(), dim=1), mask)


def probability_mse(first: Tensor, second: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean of (first - second)^2 over batch, classes and voxels of two (B, C, *spatial)
    distributions.

    With a mask (B, *spatial): sum(mask * difference^2) / (C * sum(mask)), as in ACMT; 0 where the mask is
    empty.
    """
    squared = (first - second).square()
    if mask is None:
        return squared.mean()
    weight = mask.to(squared.dtype)
    return (squared * weight.unsqueeze(1)).sum() / (weight.sum() * squared.shape[1] + 1e-16)


def _as_distribution(
    logits: Tensor, target: Tensor, weight_map: Tensor | None, ignore: int
) -> tuple[Tensor, Tensor | None]:
    """Return the target as probabilities (B, C, *spatial), and the weights with 0 where it is ignored."""
    spatial = (logits.shape[0], *logits.shape[2:])
    soft = target.is_floating_point()
    if tuple(target.shape) != (tuple(logits.shape) if soft else spatial):
        raise ValueError(f"target {tuple(target.shape)} does not fit logits {tuple(logits.shape)}")
    if weight_map is not None and tuple(weight_map.shape) != spatial:
        raise ValueError(f"weight map {tuple(weight_map.shape)} does not fit logits {tuple(logits.shape)}")
    with torch.no_grad():
        if soft:
            distribution = target.float()
            counts = distribution.sum(dim=1) > 0
        else:
            counts = target != ignore
            index = torch.where(counts, target, 0).long().unsqueeze(1)
            distribution = torch.zeros_like(logits, dtype=torch.float32).scatter_(1, index, 1.0)
        if weight_map is None and bool(counts.all()):
            return distribution, None
        weight = counts.float() if weight_map is None else counts * weight_map.float()
    return distribution, weight


def _cross_entropy(log_probabilities: Tensor, distribution: Tensor, weight: Tensor | None) -> Tensor:
    per_voxel = -(distribution * log_probabilities).sum(dim=1)
    if weight is None:
        return per_voxel.mean()
    return (weight * per_voxel).sum() / weight.sum().clamp_min(EPSILON)


def _dice(probabilities: Tensor, distribution: Tensor, weight: Tensor | None) -> Tensor:
    axes = (0, *range(2, probabilities.ndim))
    weighted = distribution if weight is None else distribution * weight.unsqueeze(1)
    kept = probabilities if weight is None else probabilities * weight.unsqueeze(1)
    overlap = (probabilities * weighted).sum(dim=axes)
    total = (probabilities * kept).sum(dim=axes) + (distribution * weighted).sum(dim=axes)
    return (1.0 - (2.0 * overlap + EPSILON) / (total + EPSILON)).mean()
