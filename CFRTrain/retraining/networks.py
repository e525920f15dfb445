"""Networks by name, built the same way every time for the same seed."""

from __future__ import annotations

import torch
from torch import nn

from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.retraining.unet import UNet3D
from CFRTrain.retraining.vnet import VNet

NETWORKS: dict[str, type[EncoderDecoder]] = {"vnet": VNet, "unet": UNet3D}
OWN_CLASS_WEIGHT = 1.05  # three times the value of the first trials: softer outputs learned half as fast


def build_network(
    name: str,
    in_channels: int,
    out_channels: int,
    *,
    width: int = 16,
    levels: int = 5,
    norm: str = "instance",
    dropout: float = 0.0,
    seed: int = 0,
    deterministic_head: bool = True,
) -> EncoderDecoder:
    """Return a network with the initialization that `seed` decides; the random state is left alone.

    The deterministic head keeps classes from dying in training. Raises ValueError on an unknown name or norm.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: choose from {', '.join(NETWORKS)}")
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        network = NETWORKS[name](in_channels, out_channels, width, levels, norm, dropout)
    if deterministic_head:
        deterministic_head_(network.head)
    return network


@torch.no_grad()
def deterministic_head_(head: nn.Conv3d) -> None:
    """Let input channel c speak for class c mod C: weight w for it, -w / (C - 1) for the others, bias 0.

    After a last ReLU a random head may have no direction that names some class, which then stays at Dice 0
    for the whole training; with this one every class, the background too, has channels of its own.
    """
    classes, channels = head.weight.shape[:2]
    if channels < classes:
        raise ValueError(f"{channels} channels cannot name {classes} classes: widen the network")
    weight = torch.full((classes, channels), -OWN_CLASS_WEIGHT / max(1, classes - 1))
    index = torch.arange(channels)
    weight[index % classes, index] = OWN_CLASS_WEIGHT
    head.weight.copy_(weight.view_as(head.weight))
    head.bias.zero_()
