"""The 3D U-Net: its size and its shape."""

from __future__ import annotations

import pytest
import torch

from CFRTrain.retraining.unet import UNet3D
from CFRTrain.retraining.vnet import VNet


def test_the_papers_unet_has_5884050_parameters():
    assert sum(parameter.numel() for parameter in UNet3D(1, 2).parameters()) == 5_884_050


def test_logits_and_features_have_their_sizes():
    network = UNet3D(1, 3, width=4, levels=3).eval()
    image = torch.randn(2, 1, 8, 12, 16)
    found = network.features(image)
    assert found.logits.shape == (2, 3, 8, 12, 16)
    assert found.bottleneck.shape == (2, 16, 2, 3, 4)
    assert torch.equal(network.head(found.last), found.logits)


def test_skips_are_concatenated():
    assert UNet3D(1, 2, width=4, levels=2).decoder.blocks[0][0].in_channels == 4 + 8


def test_dropout_drops_single_elements_in_training_only():
    torch.manual_seed(0)
    network = UNet3D(1, 2, width=4, levels=2, dropout=0.3)
    image = torch.randn(1, 1, 8, 8, 8)
    with_dropout = (network.features(image).last == 0).float().mean(dim=(0, 2, 3, 4))
    assert bool((with_dropout < 1).all())
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))


def test_a_side_that_cannot_be_halved_is_named():
    with pytest.raises(ValueError, match="divide by 16"):
        UNet3D(1, 2, width=2)(torch.zeros(1, 1, 16, 8, 16))


def test_both_networks_take_the_same_arguments_and_say_what_does_not_fit():
    for network, most in ((UNet3D, 8), (VNet, 5)):
        assert "__init__" not in vars(network)
        with pytest.raises(ValueError, match=f"a {network.__name__} has 2 to {most} levels, not {most + 1}"):
            network(1, 2, levels=most + 1)


def test_one_level_is_no_unet():
    with pytest.raises(ValueError, match="levels"):
        UNet3D(1, 2, levels=1)
