"""The V-Net: its size, its shape, its dropout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CFRTrain.retraining.vnet import VNet, VNetDecoder


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_the_papers_vnet_has_9448866_parameters(norm):
    assert parameters(VNet(1, 2, norm=norm)) == 9_448_866


def test_every_further_class_costs_one_row_of_the_head():
    assert parameters(VNet(1, 9, norm="batch")) == 9_448_866 + 7 * (16 + 1)


def test_convolutions_per_level_are_the_papers():
    network = VNet(1, 2)
    assert [len(block) for block in network.encoder.blocks] == [1, 2, 3, 3, 3]
    assert [len(block) for block in network.decoder.blocks] == [1, 2, 3, 3]


@pytest.mark.parametrize(("levels", "width"), [(2, 4), (4, 8), (5, 4)])
def test_logits_have_the_size_of_the_image(levels, width):
    side = 2 ** (levels - 1)
    image = torch.randn(2, 1, 2 * side, side, 3 * side)
    assert VNet(1, 3, width=width, levels=levels)(image).shape == (2, 3, *image.shape[2:])


def test_features_are_what_the_head_reads_and_the_bottleneck():
    network = VNet(1, 3, width=4, levels=3).eval()
    image = torch.randn(2, 1, 8, 12, 16)
    found = network.features(image)
    assert found.bottleneck.shape == (2, 16, 2, 3, 4)
    assert [tuple(level.shape[1:]) for level in found.maps] == [(8, 4, 6, 8), (4, 8, 12, 16)]
    assert torch.equal(network.head(found.last), found.logits)
    assert torch.equal(found.part(1, 2).bottleneck, found.bottleneck[1:2])
    assert torch.equal(network(image), found.logits)


def test_a_side_that_cannot_be_halved_is_named():
    with pytest.raises(ValueError, match=r"\(16, 16, 24\).*divide by 16"):
        VNet(1, 2, width=2)(torch.zeros(1, 1, 16, 16, 24))


def test_a_patch_with_one_voxel_at_the_bottleneck_is_refused():
    network = VNet(1, 2, width=2, levels=3)
    with pytest.raises(ValueError, match="too small to normalize"):
        network(torch.zeros(1, 1, 4, 4, 4))


def test_dropout_drops_whole_channels_in_training_and_nothing_in_evaluation():
    torch.manual_seed(0)
    network = VNet(1, 2, width=8, levels=2, dropout=0.5)
    image = torch.randn(1, 1, 8, 8, 8)
    last = network.features(image).last
    dropped = (last == 0).flatten(2).all(dim=2)
    assert 0 < dropped.sum() < 8
    network.eval()
    assert torch.equal(network(image), network(image))


def test_skips_are_added():
    network = VNet(1, 2, width=4, levels=2).eval()
    with torch.no_grad():
        for parameter in network.decoder.ups.parameters():
            parameter.zero_()
    skips = network.encode(torch.randn(1, 1, 8, 8, 8))
    assert torch.allclose(network.decoder(skips)[-1], network.decoder.blocks[0](skips[0]), atol=1e-6)


def test_a_new_decoder_fits_the_same_encoder_with_other_weights():
    network = VNet(1, 2, width=4, levels=3)
    second = network.new_decoder()
    skips = network.encode(torch.randn(1, 1, 8, 8, 8))
    assert second(skips)[-1].shape == network.decoder(skips)[-1].shape
    assert not torch.equal(second(skips)[-1], network.decoder(skips)[-1])


@pytest.mark.parametrize("upsampling", ["trilinear", "nearest"])
def test_decoders_of_other_kinds_fit_too(upsampling):
    skips = VNet(1, 2, width=4, levels=2).encode(torch.randn(1, 1, 8, 8, 8))
    assert VNetDecoder([4, 8], "instance", upsampling)(skips)[-1].shape == (1, 4, 8, 8, 8)


def test_instance_normalization_does_not_see_the_rest_of_the_batch():
    network = VNet(1, 2, width=4, levels=2, norm="instance")
    first, second = torch.randn(2, 1, 1, 8, 8, 8)
    together = network(torch.cat([first, second * 9]))
    assert torch.allclose(together[:1], network(first), atol=1e-5)


def test_impossible_options_are_refused():
    with pytest.raises(ValueError, match="levels"):
        VNet(1, 2, levels=6)
    with pytest.raises(ValueError, match="normalization"):
        VNet(1, 2, norm="layer")
