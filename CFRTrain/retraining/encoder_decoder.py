"""What the V-Net and the 3D U-Net share: the way from image to logits, open at every joint.

Semi-supervised methods read the bottleneck, the decoder's maps and the last features, or put decoders and
heads of their own on the same encoder, so these parts are modules with a plain interface.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

NORMS = ("instance", "plain_instance", "batch")


class Features(NamedTuple):
    """What one pass computes; shapes are (B, channels, z, y, x).

    logits: one channel per class, background first. last: what the head reads, full resolution. bottleneck:
    the deepest map, 2^(levels - 1) times coarser. maps: the decoder's outputs from coarse to fine, before
    dropout.
    """

    logits: Tensor
    last: Tensor
    bottleneck: Tensor
    maps: tuple[Tensor, ...]

    def part(self, start: int, stop: int) -> Features:
        """Return the same features for the items start:stop of the batch."""
        maps = tuple(level[start:stop] for level in self.maps)
        return Features(self.logits[start:stop], self.last[start:stop], self.bottleneck[start:stop], maps)


class EncoderDecoder(nn.Module):
    """An encoder, a decoder with skips and a 1^3 head, with dropout at the bottleneck and before the head.

    `encoder` maps an image (B, channels, z, y, x) to the list of its levels' maps from fine to coarse, a
    decoder such a list to its own maps from coarse to fine, `head` the last of them to logits. The first
    level has `width` channels and each of the `levels` doubles them. `norm` is one of NORMS.

    A network names its parts: encoder(in_channels, widths, norm), decoder(widths, norm), dropout(share).
    """

    encoder_type: ClassVar[type[nn.Module]]
    decoder_type: ClassVar[type[nn.Module]]
    dropout_type: ClassVar[type[nn.Module]]
    most_levels: ClassVar[int] = 8

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int = 16,
        levels: int = 5,
        norm: str = "instance",
        dropout: float = 0.0,
    ) -> None:
        """Raises ValueError for a number of levels or a norm that there is not."""
        super().__init__()
        if not 2 <= levels <= self.most_levels:
            raise ValueError(f"a {type(self).__name__} has 2 to {self.most_levels} levels, not {levels}")
        widths = [width * 2**level for level in range(levels)]
        self.levels = levels
        self.new_decoder = partial(self.decoder_type, widths, norm)
        self.encoder = self.encoder_type(in_channels, widths, norm)
        head = nn.Conv3d(width, out_channels, kernel_size=1)  # made in this order for the same random weights
        self.decoder = self.new_decoder()
        self.head, self.dropout = head, self.dropout_type(dropout)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, C, z, y, x). Raises ValueError unless all sides divide by 2^(levels - 1)."""
        return self.features(image).logits

    def features(self, image: Tensor) -> Features:
        """Return the logits with everything on the way to them. Raises ValueError as `forward` does."""
        return self.decode(self.encode(image))

    def encode(self, image: Tensor) -> list[Tensor]:
        """Return the encoder's maps from fine to coarse, the bottleneck after dropout. Raises ValueError."""
        self._check_sides(image)
        skips = self.encoder(image)
        skips[-1] = self.dropout(skips[-1])
        return skips

    def decode(self, skips: list[Tensor]) -> Features:
        """Return the features that the network's own decoder and head make of the encoder's maps."""
        maps = tuple(self.decoder(skips))
        last = self.dropout(maps[-1])
        return Features(self.head(last), last, skips[-1], maps)

    def _check_sides(self, image: Tensor) -> None:
        multiple = 2 ** (self.levels - 1)
        sides = tuple(image.shape[2:])
        if len(sides) != 3 or any(side % multiple for side in sides):
            raise ValueError(
                f"the sides {sides} (zyx) of a {self.levels}-level network must divide by {multiple}"
            )
        if all(side == multiple for side in sides):
            raise ValueError(
                f"a patch {sides} (zyx) leaves one voxel at the bottleneck: too small to normalize"
            )


class Convolution(nn.Conv3d):
    """A 3^3 convolution that keeps the size, right also where oneDNN is not.

    In bfloat16 on a CPU the gradient of its weights for maps of depth 2 is computed from memory that nobody
    wrote (PyTorch 2.13, oneDNN): noise, sometimes NaN, another one every time. Such maps take float32.
    """

    def __init__(self, source: int, width: int) -> None:
        super().__init__(source, width, kernel_size=3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        if image.device.type == "cpu" and torch.is_autocast_enabled("cpu") and image.shape[2] == 2:
            with torch.autocast("cpu", enabled=False):
                return super().forward(image.float())
        return super().forward(image)


def normalization(kind: str, channels: int, affine: bool = True) -> nn.Module:
    """Return BatchNorm ("batch") or InstanceNorm for 3D maps. Raises ValueError.

    "plain_instance" never has the affine parameters that "instance" has by default.
    """
    if kind == "batch":
        return nn.BatchNorm3d(channels)
    if kind in ("instance", "plain_instance"):
        return nn.InstanceNorm3d(channels, affine=affine and kind == "instance")
    raise ValueError(f"unknown normalization {kind!r}")
