"""A class that died is seen, and comes back when the head alone is refitted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from CFRTrain.data.geometry import Geometry
from CFRTrain.data.store import CaseStore
from CFRTrain.retraining.head_guard import (
    check_steps,
    class_dice,
    crops_of_classes,
    dead_classes,
    refit_head,
)
from CFRTrain.retraining.inspection import cases_to_look_at
from CFRTrain.retraining.networks import build_network
from CFRTrain.runs.checkpoints import weights_hash


class Threshold(torch.nn.Module):
    """Predicts class 1 where the image is above 0, class 2 above 1."""

    def forward(self, image):
        return torch.cat([torch.zeros_like(image), 2 * image, 4 * image - 2], dim=1)


def test_dice_per_class_is_pooled_over_crops_and_skips_ignored_voxels():
    image = torch.tensor([-1.0, 0.5, 0.5, -1.0]).view(1, 1, 1, 1, 4)
    label = torch.tensor([0, 1, 0, 255]).view(1, 1, 1, 4)
    other = (torch.full((1, 1, 1, 1, 4), 0.5), torch.full((1, 1, 1, 4), 1))
    dice = class_dice(Threshold(), [(image, label), other], 3)
    assert dice[0] == pytest.approx(2 * 1 / (1 + 2))
    assert dice[1] == pytest.approx(2 * 5 / (6 + 5))
    assert dice[2] is None


def test_dice_is_asked_in_evaluation_mode_and_the_mode_comes_back():
    network = build_network("vnet", 1, 2, width=4, levels=2, norm="batch").train()
    before = weights_hash(network)
    class_dice(network, [(torch.randn(1, 1, 8, 8, 8), torch.zeros(1, 8, 8, 8, dtype=torch.int64))], 2)
    assert network.training and weights_hash(network) == before


def test_only_present_classes_without_dice_are_dead():
    assert dead_classes([0.9, 0.0, None, 0.002, 0.0005]) == [1, 4]
    assert dead_classes([1.0, None]) == []


def dead_network_and_crop():
    """An untrained network with a head that never names class 1."""
    torch.manual_seed(0)
    label = torch.zeros(1, 8, 8, 8, dtype=torch.int64)
    label[:, 2:6, 2:6, 2:6] = 1
    image = (1 - 2.0 * label.float()).unsqueeze(1)
    network = build_network("vnet", 1, 2, width=4, levels=2)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.weight[0] = 0.3
        network.head.bias[0] = 0.1
    return network, image, label


def test_refitting_the_head_brings_a_dead_class_back_and_leaves_the_body_alone():
    network, image, label = dead_network_and_crop()
    assert dead_classes(class_dice(network, [(image, label)], 2)) == [1]
    body = {key: value.clone() for key, value in network.state_dict().items() if not key.startswith("head")}
    refit_head(network, [(image, label)] * 40)
    assert class_dice(network, [(image, label)], 2)[1] > 0.3  # the body is untrained
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in body.items())
    assert network.training and all(parameter.grad is None for parameter in network.encoder.parameters())


def test_crops_show_every_class_of_the_label():
    label = np.zeros((20, 30, 40), np.uint8)
    label[2:4, 2:4, 2:4], label[15:18, 25:28, 35:38] = 1, 2
    image = np.arange(label.size, dtype=np.float32).reshape(label.shape)
    crops = crops_of_classes(image, label, (8, 8, 8), 3)
    assert len(crops) == 2
    assert {int(value) for _, truth in crops for value in truth.unique()} == {0, 1, 2}
    for picture, truth in crops:
        assert picture.shape == (1, 1, 8, 8, 8) and truth.shape == (1, 8, 8, 8)
        start = int(picture[0, 0, 0, 0, 0])
        z, y, x = np.unravel_index(start, label.shape)
        assert np.array_equal(truth[0].numpy(), label[z : z + 8, y : y + 8, x : x + 8])


def test_a_volume_smaller_than_the_patch_is_one_crop_with_the_volume_in_its_middle():
    label = np.ones((4, 6, 8), np.uint8)
    crops = crops_of_classes(np.zeros(label.shape, np.float32), label, (8, 8, 8), 3)
    assert len(crops) == 1 and crops[0][0].shape == (1, 1, 8, 8, 8)


def test_an_empty_label_gives_nothing_to_judge():
    label = np.zeros((8, 8, 8), np.uint8)
    assert crops_of_classes(np.zeros(label.shape, np.float32), label, (8, 8, 8), 2) == []
    assert dead_classes(class_dice(Threshold(), [], 3)) == []


@pytest.mark.parametrize(
    ("total", "optimizer", "steps"),
    [
        (1000, "adamw", (150, 500, 1000)),
        (300, "adamw", (150, 150, 300)),
        (120, "adamw", (120,)),
        (6000, "sgd", (600, 3000, 6000)),
    ],
)
def test_the_first_look_comes_when_a_network_can_be_judged(total, optimizer, steps):
    assert check_steps(total, optimizer) == steps


def test_a_class_that_only_a_later_labeled_case_shows_is_looked_at_too(tmp_path):
    store, grid = CaseStore(tmp_path), Geometry((4, 4, 4), (1.0, 1.0, 1.0))
    for case, present in {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2}.items():
        label = np.zeros((4, 4, 4), np.uint8)
        label[1] = present
        store.put(case, np.zeros((4, 4, 4), np.float32), label, grid, grid)
    assert cases_to_look_at(store, "abcde") == ("a", "b", "c", "e")
