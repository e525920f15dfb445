"""Networks by name: repeatable initialization and the head that keeps classes alive."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CFRTrain.retraining.networks import NETWORKS, OWN_CLASS_WEIGHT, build_network, deterministic_head_
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.training.losses import dice_ce


def tiny(name: str = "vnet", **options):
    return build_network(name, 1, 3, width=4, levels=2, **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_decides_the_weights(name):
    assert weights_hash(tiny(name, seed=1)) == weights_hash(tiny(name, seed=1))
    assert weights_hash(tiny(name, seed=1)) != weights_hash(tiny(name, seed=2))


def test_building_leaves_the_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    tiny()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_is_deterministic_unless_asked_otherwise(name):
    assert torch.equal(tiny(name, seed=1).head.weight, tiny(name, seed=2).head.weight)
    random = [tiny(name, seed=seed, deterministic_head=False).head.weight for seed in (1, 2)]
    assert not torch.equal(*random)


def test_the_head_gives_every_class_its_own_channels():
    head = nn.Conv3d(8, 3, 1)
    deterministic_head_(head)
    weight = head.weight[:, :, 0, 0, 0]
    for channel in range(8):
        for index in range(3):
            expected = OWN_CLASS_WEIGHT if channel % 3 == index else -OWN_CLASS_WEIGHT / 2
            assert weight[index, channel].item() == pytest.approx(expected)
    assert torch.equal(head.bias, torch.zeros(3))


def test_no_class_is_at_risk_under_the_deterministic_head():
    for classes in (2, 3, 9, 14):
        head = nn.Conv3d(16, classes, 1)
        deterministic_head_(head)
        weight = head.weight[:, :, 0, 0, 0]
        margins = (weight[1:] - weight[:1]).max(dim=1).values
        assert margins.min() > 0.16  # below it classes died (trials)


def test_more_classes_than_channels_are_refused():
    with pytest.raises(ValueError, match="widen"):
        build_network("vnet", 1, 9, width=8, levels=2)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="vnet, unet"):
        build_network("resnet", 1, 2)


def gradients(network, image, label):
    """Of one pass in bfloat16, in memory where freed pieces hold NaN."""
    freed = [torch.full((size,), float("nan")) for size in range(10, 20_000, 500)]
    del freed
    network.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = dice_ce(network(image), label)
    loss.backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_in_bfloat16_are_finite_and_repeat_themselves_where_a_map_has_depth_two(name):
    torch.manual_seed(0)
    network = build_network(name, 1, 3, width=8, levels=3).to(memory_format=torch.channels_last_3d)
    image, label = torch.randn(2, 1, 8, 16, 16), torch.randint(0, 3, (2, 8, 16, 16))
    first = gradients(network, image, label)
    assert all(bool(torch.isfinite(gradient).all()) for gradient in first)
    for _ in range(8):
        assert all(map(torch.equal, first, gradients(network, image, label)))
