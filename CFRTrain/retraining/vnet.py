"""The V-Net of CFR and SSL4MIS: additive skips, no residuals; 9,448,866 parameters at two outputs."""

from __future__ import annotations

from torch import Tensor, nn

from CFRTrain.retraining.encoder_decoder import Convolution, EncoderDecoder, normalization

ENCODER_CONVOLUTIONS = (1, 2, 3, 3, 3)
DECODER_CONVOLUTIONS = (1, 2, 3, 3)


class VNetEncoder(nn.Module):
    """Convolutions per level and strided 2^3 convolutions between levels."""

    def __init__(self, in_channels: int, widths: list[int], norm: str) -> None:
        super().__init__()
        sources = [in_channels, *widths[1:]]
        self.blocks = nn.ModuleList(
            _block(count, source, width, norm)
            for count, source, width in zip(ENCODER_CONVOLUTIONS, sources, widths, strict=False)
        )
        self.downs = nn.ModuleList(
            _unit(nn.Conv3d(fine, coarse, kernel_size=2, stride=2), coarse, norm)
            for fine, coarse in zip(widths, widths[1:], strict=False)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the maps of all levels from fine to coarse."""
        maps = [self.blocks[0](image)]
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            maps.append(block(down(maps[-1])))
        return maps


class VNetDecoder(nn.Module):
    """Upsampling, addition of the encoder's map, convolutions; from the bottleneck to full resolution.

    `upsampling` is "transposed" (the network's own), "trilinear" or "nearest" (further decoders of some
    methods).
    """

    def __init__(self, widths: list[int], norm: str, upsampling: str = "transposed") -> None:
        super().__init__()
        pairs = list(zip(widths, widths[1:], strict=False))
        self.ups = nn.ModuleList(
            _unit(_enlarge(coarse, fine, upsampling), fine, norm) for fine, coarse in pairs
        )
        self.blocks = nn.ModuleList(
            _block(count, fine, fine, norm)
            for count, (fine, _) in zip(DECODER_CONVOLUTIONS, pairs, strict=False)
        )

    def forward(self, skips: list[Tensor]) -> list[Tensor]:
        """Return the decoder's maps from coarse to fine for the encoder's maps from fine to coarse."""
        maps = [skips[-1]]
        for level in reversed(range(len(self.ups))):
            maps.append(self.blocks[level](self.ups[level](maps[-1]) + skips[level]))
        return maps[1:]


class VNet(EncoderDecoder):
    """A V-Net from images (B, in_channels, z, y, x) to logits (B, out_channels, z, y, x).

    It has 2 to 5 levels; "instance" normalization has affine parameters. `dropout` drops whole channels after
    the bottleneck and before the head.
    """

    encoder_type = VNetEncoder
    decoder_type = VNetDecoder
    dropout_type = nn.Dropout3d
    most_levels = len(ENCODER_CONVOLUTIONS)


def _unit(convolution: nn.Module, channels: int, norm: str) -> nn.Sequential:
    return nn.Sequential(convolution, normalization(norm, channels), nn.ReLU(inplace=True))


def _block(count: int, source: int, width: int, norm: str) -> nn.Sequential:
    channels = [source, *[width] * count]
    convolutions = (Convolution(a, b) for a, b in zip(channels, channels[1:], strict=False))
    return nn.Sequential(*(_unit(convolution, width, norm) for convolution in convolutions))


def _enlarge(coarse: int, fine: int, upsampling: str) -> nn.Module:
    if upsampling == "transposed":
        return nn.ConvTranspose3d(coarse, fine, kernel_size=2, stride=2)
    enlarge = nn.Upsample(scale_factor=2, mode=upsampling)
    return nn.Sequential(enlarge, Convolution(coarse, fine))
