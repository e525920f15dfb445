"""Random boxes and the largest piece of each class."""

from __future__ import annotations

import torch

from CFRTrain.retraining.masks import largest_pieces, random_box

CPU = torch.device("cpu")


def test_a_box_has_its_share_of_every_side_and_lies_in_one_piece():
    torch.manual_seed(0)
    for _ in range(20):
        mask = random_box((9, 12, 6), 2 / 3, CPU)
        sides = [int(mask.any(dim=axes).sum()) for axes in ((1, 2), (0, 2), (0, 1))]
        assert sides == [6, 8, 4] and int(mask.sum()) == 6 * 8 * 4


def test_boxes_come_to_lie_everywhere():
    torch.manual_seed(0)
    found = sum(random_box((9, 9, 9), 2 / 3, CPU).int() for _ in range(200))
    assert bool((found > 0).all()) and int(found[4, 4, 4]) == 200


def test_of_each_class_of_each_item_the_largest_piece_stays():
    labels = torch.zeros(2, 4, 4, 8, dtype=torch.long)
    labels[0, 0, 0, :3], labels[0, 3, 3, 3:] = 1, 1
    labels[1, 0, 0, :3], labels[1, 2, :, 7] = 1, 2
    expected = labels.clone()
    expected[0, 0, 0, :3] = 0
    cleaned = largest_pieces(labels)
    assert torch.equal(cleaned, expected) and cleaned.dtype == torch.long
