"""Losses against values computed by hand, and the promise that ignored voxels do not count."""

from __future__ import annotations

import math

import pytest
import torch

from CFRTrain.training.losses import (
    cross_entropy,
    dice_ce,
    dice_loss,
    probability_mse,
    softmax_mse,
)


def logits_of(*foreground: float) -> torch.Tensor:
    """Two-class logits (1, 2, 1, n) whose softmax gives the foreground these probabilities."""
    p = torch.tensor(foreground)
    return torch.stack([torch.log(1 - p), torch.log(p)]).view(1, 2, 1, -1).requires_grad_(True)


def test_cross_entropy_of_two_pixels():
    loss = cross_entropy(logits_of(0.5, 0.8), torch.tensor([[[1, 0]]]))
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.2)) / 2)


def test_dice_of_two_pixels_has_squared_denominators_and_all_classes():
    loss = dice_loss(logits_of(0.5, 0.8), torch.tensor([[[1, 0]]]))
    foreground = 2 * 0.5 / (0.25 + 0.64 + 1)
    background = 2 * 0.2 / (0.25 + 0.04 + 1)
    assert loss.item() == pytest.approx(1 - (foreground + background) / 2)


def test_dice_is_pooled_over_the_batch():
    logits = torch.cat([logits_of(0.5), logits_of(0.8)])
    pooled = dice_loss(logits, torch.tensor([[[1]], [[0]]]))
    assert pooled.item() == pytest.approx(dice_loss(logits_of(0.5, 0.8), torch.tensor([[[1, 0]]])).item())


def test_dice_ce_is_half_of_each():
    logits, target = logits_of(0.3, 0.9, 0.6), torch.tensor([[[1, 0, 255]]])
    weight = torch.tensor([[[0.2, 1.0, 1.0]]])
    expected = 0.5 * cross_entropy(logits, target, weight) + 0.5 * dice_loss(logits, target, weight)
    assert dice_ce(logits, target, weight).item() == pytest.approx(expected.item())


def test_the_weight_map_is_a_weighted_mean_in_cross_entropy():
    loss = cross_entropy(logits_of(0.5, 0.8), torch.tensor([[[1, 0]]]), torch.tensor([[[3.0, 1.0]]]))
    assert loss.item() == pytest.approx(-(3 * math.log(0.5) + math.log(0.2)) / 4)


def test_the_weight_map_is_in_all_three_sums_of_dice():
    loss = dice_loss(logits_of(0.5, 0.8), torch.tensor([[[1, 0]]]), torch.tensor([[[3.0, 1.0]]]))
    foreground = 2 * 3 * 0.5 / (3 * 0.25 + 0.64 + 3)
    background = 2 * 0.2 / (3 * 0.25 + 0.04 + 1)
    assert loss.item() == pytest.approx(1 - (foreground + background) / 2)


def test_soft_targets_count_with_their_probabilities():
    target = torch.tensor([0.25, 0.75]).view(1, 2, 1, 1)
    logits = logits_of(0.6)
    assert cross_entropy(logits, target).item() == pytest.approx(
        -(0.25 * math.log(0.4) + 0.75 * math.log(0.6))
    )
    background = 2 * 0.4 * 0.25 / (0.16 + 0.0625)
    foreground = 2 * 0.6 * 0.75 / (0.36 + 0.5625)
    assert dice_loss(logits, target).item() == pytest.approx(1 - (foreground + background) / 2)


def test_a_one_hot_soft_target_equals_the_hard_one():
    logits = torch.randn(2, 3, 4, 5, 6)
    hard = torch.randint(3, (2, 4, 5, 6))
    soft = torch.nn.functional.one_hot(hard, 3).movedim(-1, 1).float()
    assert dice_ce(logits, soft).item() == pytest.approx(dice_ce(logits, hard).item())


@pytest.mark.parametrize("loss", [cross_entropy, dice_loss, dice_ce])
@pytest.mark.parametrize("soft", [False, True])
def test_ignored_voxels_get_no_gradient_and_change_no_value(loss, soft):
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, 4, requires_grad=True)
    target = torch.randint(3, (2, 4, 4, 4))
    ignored = torch.zeros(2, 4, 4, 4, dtype=torch.bool)
    ignored[:, :2] = True
    if soft:
        distribution = torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
        value = loss(logits, distribution * ~ignored.unsqueeze(1))
    else:
        value = loss(logits, target.masked_fill(ignored, 255))
    value.backward()
    by_voxel = logits.grad.abs().sum(dim=1)
    assert by_voxel[ignored].max() == 0
    assert by_voxel[~ignored].min() > 0
    assert value.item() == pytest.approx(loss(logits[:, :, 2:], target[:, 2:]).item(), rel=1e-5)


@pytest.mark.parametrize("loss", [cross_entropy, dice_loss, dice_ce])
def test_ignored_voxels_get_no_gradient_whatever_their_weight(loss):
    logits = torch.randn(1, 2, 2, 2, 2, requires_grad=True)
    target = torch.tensor([[[[0, 1], [1, 0]], [[255, 255], [255, 255]]]])
    loss(logits, target, torch.full((1, 2, 2, 2), 0.5)).backward()
    assert logits.grad[:, :, 1].abs().max() == 0 and logits.grad[:, :, 0].abs().min() > 0


@pytest.mark.parametrize("loss", [cross_entropy, dice_loss])
def test_a_target_that_is_all_ignored_is_zero_and_harmless(loss):
    logits = torch.randn(1, 2, 3, 3, 3, requires_grad=True)
    value = loss(logits, torch.full((1, 3, 3, 3), 255))
    value.backward()
    assert value.item() == 0 and logits.grad.abs().max() == 0


@pytest.mark.parametrize("loss", [cross_entropy, dice_loss, dice_ce])
def test_the_gradient_is_the_derivative_of_the_value(loss):
    torch.manual_seed(1)
    logits = torch.randn(1, 3, 2, 2, 2, requires_grad=True)
    target, weight = torch.randint(3, (1, 2, 2, 2)), torch.rand(1, 2, 2, 2)
    loss(logits, target, weight).backward()
    direction = torch.randn_like(logits)
    with torch.no_grad():
        ahead, behind = (loss(logits + sign * 1e-2 * direction, target, weight) for sign in (1, -1))
    assert ((ahead - behind) / 2e-2).item() == pytest.approx((logits.grad * direction).sum().item(), rel=2e-2)


def test_shapes_that_do_not_fit_are_refused():
    logits = torch.zeros(1, 2, 4, 4, 4)
    with pytest.raises(ValueError, match="target"):
        dice_ce(logits, torch.zeros(1, 4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="weight map"):
        dice_ce(logits, torch.zeros(1, 4, 4, 4, dtype=torch.int64), torch.ones(1, 4, 4))


def test_softmax_mse_of_one_voxel():
    assert softmax_mse(logits_of(0.8), logits_of(0.5)).item() == pytest.approx(0.09)


def test_a_masked_mse_counts_the_masked_voxels_only():
    first, second = torch.softmax(logits_of(0.8, 0.1), 1), torch.softmax(logits_of(0.5, 0.9), 1)
    assert probability_mse(first, second, torch.tensor([[[1.0, 0.0]]])).item() == pytest.approx(0.09)
    assert probability_mse(first, second, torch.zeros(1, 1, 2)).item() == 0
