"""The Dice in the curves: of a step's own prediction, on what its labels show."""

from __future__ import annotations

import torch

from CFRTrain.training.measures import mean_dice


def logits_of(labels: torch.Tensor, classes: int = 3) -> torch.Tensor:
    return torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float()


def test_a_perfect_prediction_has_dice_1_and_a_wrong_one_0():
    labels = torch.tensor([[[0, 1, 1], [2, 2, 0]]])
    assert mean_dice(logits_of(labels), labels) == 1.0
    assert mean_dice(logits_of((labels + 1) % 3), labels) == 0.0


def test_half_of_a_class_found_counts_by_the_definition():
    labels, found = torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[1, 0, 0, 0]]])
    assert mean_dice(logits_of(found, 2), labels) == 2 * 1 / (2 + 1)


def test_classes_and_voxels_without_a_label_count_nowhere():
    labels, found = torch.tensor([[[1, 255, 0]]]), torch.tensor([[[1, 1, 0]]])
    assert mean_dice(logits_of(found), labels) == 1.0
    assert mean_dice(logits_of(found), torch.zeros(1, 1, 3, dtype=torch.long)) is None
