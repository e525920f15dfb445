"""The 3D U-Net that CFR uses on BraTS: concatenated skips, InstanceNorm without affine parameters, 5.88 M."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from CFRTrain.retraining.encoder_decoder import Convolution, EncoderDecoder, normalization


class UNetEncoder(nn.Module):
    """Two convolutions per level, max-pooling between levels."""

    def __init__(self, in_channels: int, widths: list[int], norm: str) -> None:
        super().__init__()
        sources = [in_channels, *widths]
        self.blocks = nn.ModuleList(_block(a, b, norm) for a, b in zip(sources, widths, strict=False))
        self.pool = nn.MaxPool3d(kernel_size=2)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the maps of all levels from fine to coarse."""
        maps = [self.blocks[0](image)]
        for block in self.blocks[1:]:
            maps.append(block(self.pool(maps[-1])))
        return maps


class UNetDecoder(nn.Module):
    """Trilinear upsampling, concatenation with the encoder's map, two convolutions."""

    def __init__(self, widths: list[int], norm: str) -> None:
        super().__init__()
        self.enlarge = nn.Upsample(scale_factor=2, mode="trilinear")
        pairs = zip(widths, widths[1:], strict=False)
        self.blocks = nn.ModuleList(_block(fine + coarse, fine, norm) for fine, coarse in pairs)

    def forward(self, skips: list[Tensor]) -> list[Tensor]:
        """Return the decoder's maps from coarse to fine for the encoder's maps from fine to coarse."""
        maps = [skips[-1]]
        for level in reversed(range(len(self.blocks))):
            maps.append(self.blocks[level](torch.cat([skips[level], self.enlarge(maps[-1])], dim=1)))
        return maps[1:]


class UNet3D(EncoderDecoder):
    """A U-Net from images (B, in_channels, z, y, x) to logits (B, out_channels, z, y, x).

    Two 3^3 convolutions per level, max-pooling down, trilinear upsampling, Kaiming initialization (SSL4MIS).
    `dropout` drops single elements at the bottleneck and before the head; the paper's value is 0.3.
    """

    encoder_type = UNetEncoder
    decoder_type = UNetDecoder
    dropout_type = nn.Dropout


def _block(source: int, width: int, norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (source, width):
        convolution = Convolution(channels, width)
        nn.init.kaiming_normal_(convolution.weight)
        layers += [convolution, normalization(norm, width, affine=False), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
