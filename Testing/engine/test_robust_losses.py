"""The robust losses against values computed by hand; a wrong label pulls less than in cross-entropy."""

from __future__ import annotations

import math

import pytest
import torch

from CFRTrain.training.losses import IGNORE, cross_entropy, dice_ce, dice_loss
from CFRTrain.training.robust_losses import (
    PSEUDO_LOSSES,
    dice_generalized,
    dice_symmetric,
    generalized_cross_entropy,
    symmetric_cross_entropy,
)


def logits_of(*foreground: float) -> torch.Tensor:
    """Two-class logits (1, 2, 1, n) whose softmax gives the foreground these probabilities."""
    p = torch.tensor(foreground, dtype=torch.float64)
    return torch.stack([torch.log(1 - p), torch.log(p)]).view(1, 2, 1, -1).float().requires_grad_(True)


TARGET = torch.tensor([[[1, 0]]])


def test_generalized_cross_entropy_of_two_pixels():
    found = generalized_cross_entropy(logits_of(0.5, 0.8), TARGET)
    expected = ((1 - 0.5**0.7) / 0.7 + (1 - 0.2**0.7) / 0.7) / 2
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_symmetric_cross_entropy_of_two_pixels():
    found = symmetric_cross_entropy(logits_of(0.5, 0.8), TARGET)
    forward = -(math.log(0.5) + math.log(0.2)) / 2
    reverse = 4 * (0.5 + 0.8) / 2
    assert found.item() == pytest.approx(0.1 * forward + reverse, rel=1e-5)


@pytest.mark.parametrize("loss", [generalized_cross_entropy, symmetric_cross_entropy])
def test_weights_give_a_weighted_mean(loss):
    single = [loss(logits_of(0.5), TARGET[..., :1]).item(), loss(logits_of(0.8), TARGET[..., 1:]).item()]
    found = loss(logits_of(0.5, 0.8), TARGET, torch.tensor([[[3.0, 1.0]]]))
    assert found.item() == pytest.approx((3 * single[0] + single[1]) / 4, rel=1e-5)


@pytest.mark.parametrize("loss", PSEUDO_LOSSES.values(), ids=PSEUDO_LOSSES)
def test_ignored_and_unweighted_voxels_have_neither_value_nor_gradient(loss):
    logits = logits_of(0.3, 0.9, 0.6)
    found = loss(logits, torch.tensor([[[1, IGNORE, 0]]]), torch.tensor([[[1.0, 1.0, 0.0]]]))
    assert found.item() == pytest.approx(loss(logits_of(0.3), TARGET[..., :1], None).item(), rel=1e-5)
    found.backward()
    assert logits.grad[..., 0].abs().sum() > 0
    assert logits.grad[..., 1:].abs().sum() == 0


@pytest.mark.parametrize("loss", PSEUDO_LOSSES.values(), ids=PSEUDO_LOSSES)
def test_without_any_label_the_loss_is_finite_and_has_no_gradient(loss):
    logits = logits_of(0.3, 0.9)
    found = loss(logits, torch.full((1, 1, 2), IGNORE), None)
    found.backward()
    assert math.isfinite(found.item()) and logits.grad.abs().sum() == 0


def test_a_label_that_the_network_finds_impossible_pulls_less_than_in_cross_entropy():
    pulls = {}
    for loss in (cross_entropy, generalized_cross_entropy, symmetric_cross_entropy):
        logits = logits_of(0.001)
        loss(logits, TARGET[..., :1]).backward()
        pulls[loss] = float(logits.grad.abs().sum())
    assert pulls[cross_entropy] == pytest.approx(2 * 0.999, rel=1e-4)
    assert pulls[generalized_cross_entropy] == pytest.approx(2 * 0.999 * 0.001**0.7, rel=1e-3)
    assert pulls[symmetric_cross_entropy] < 0.11 * pulls[cross_entropy]


def test_each_stands_beside_dice_with_half_of_the_weight():
    logits = logits_of(0.5, 0.8)
    dice = dice_loss(logits, TARGET).item()
    generalized = generalized_cross_entropy(logits, TARGET)
    symmetric = symmetric_cross_entropy(logits, TARGET)
    assert dice_generalized(logits, TARGET).item() == pytest.approx((generalized.item() + dice) / 2)
    assert dice_symmetric(logits, TARGET).item() == pytest.approx((symmetric.item() + dice) / 2)
    assert PSEUDO_LOSSES["cross_entropy"] is dice_ce


def test_a_target_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        generalized_cross_entropy(logits_of(0.5), torch.zeros(1, 2, 2, dtype=torch.long))
