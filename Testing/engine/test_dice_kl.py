"""M&N's loss against numbers computed by hand, and the ignored voxels that it must not see."""

from __future__ import annotations

import math

import pytest
import torch

from CFRTrain.training.losses import dice_kl, dice_loss, one_hot


def logits_of(probabilities: list[list[float]]) -> torch.Tensor:
    """Logits (1, C, 1, 1, voxels) whose softmax has these probabilities, one list per class."""
    return torch.tensor(probabilities).log()[None, :, None, None]


def test_a_soft_target_by_hand():
    """Two voxels, two classes: p = (0.8, 0.5) of background, t = (0.5, 1)."""
    logits, target = logits_of([[0.8, 0.5], [0.2, 0.5]]), torch.tensor([[0.5, 1.0], [0.5, 0.0]])
    value = dice_kl(logits, target[None, :, None, None])
    background = 1 - 2 * (0.8 * 0.5 + 0.5 * 1) / (0.64 + 0.25 + 0.25 + 1)
    foreground = 1 - 2 * (0.2 * 0.5) / (0.04 + 0.25 + 0.25)
    first = 0.5 * math.log(0.5 / 0.8) + 0.5 * math.log(0.5 / 0.2)
    second = math.log(1 / 0.5)
    expected = (background + foreground) / 2 + (first + second) / 4  # the mean over all four elements
    assert expected == pytest.approx(0.6233, abs=1e-4)
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_labels_by_hand_with_three_classes():
    """A label's divergence is its cross-entropy, divided by the number of classes."""
    logits = logits_of([[0.7, 0.1], [0.2, 0.3], [0.1, 0.6]])
    value = dice_kl(logits, torch.tensor([[[[0, 2]]]]))
    dice = [1 - 1.4 / (0.5 + 1), 1 - 0.0, 1 - 1.2 / (0.37 + 1)]
    dice[1] = 1.0  # absent from the target and predicted: no overlap
    expected = sum(dice) / 3 - (math.log(0.7) + math.log(0.6)) / 6
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_a_soft_target_is_least_at_the_target():
    target = torch.softmax(torch.randn(2, 3, 2, 2, 2, generator=torch.Generator().manual_seed(0)), dim=1)
    logits = target.log().requires_grad_()
    value = dice_kl(logits, target)
    divergence = value - dice_loss(logits, target)
    assert divergence.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.autograd.grad(divergence, logits)[0].abs().max() < 1e-7


@pytest.mark.parametrize("soft", [False, True])
def test_ignored_voxels_have_no_gradient(soft):
    logits = torch.randn(2, 3, 2, 2, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    label = torch.randint(3, (2, 2, 2, 2), generator=torch.Generator().manual_seed(1))
    label[:, 0] = 255
    target = one_hot(label, 3) if soft else label
    gradient = torch.autograd.grad(dice_kl(logits, target), logits)[0]
    assert gradient[:, :, 0].abs().max() == 0 and gradient[:, :, 1].abs().min() > 0
    kept = dice_kl(logits[:, :, 1:], label[:, 1:])
    assert dice_kl(logits, target).item() == pytest.approx(kept.item(), rel=1e-5)


def test_a_weight_of_two_counts_a_voxel_twice_in_the_divergence():
    logits, label = logits_of([[0.8, 0.4], [0.2, 0.6]]), torch.tensor([[[[0, 1]]]])
    weight = torch.tensor([[[[2.0, 1.0]]]])
    divergence = dice_kl(logits, label, weight) - dice_loss(logits, label, weight)
    assert divergence.item() == pytest.approx(-(2 * math.log(0.8) + math.log(0.6)) / 3 / 2, rel=1e-5)


def test_one_hot_is_empty_where_a_label_is_ignored():
    found = one_hot(torch.tensor([[[[0, 2, 255]]]]), 3)
    assert found[0, :, 0, 0].T.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
