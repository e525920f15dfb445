"""SAM's position tables at another number of tokens than they were trained with."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import interpolate

from CFRTrain.labelers.sam_model import ConcatenationSam


def fit_position_tables(sam: ConcatenationSam, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Resizes the absolute table and the relative tables of the global blocks to `sam`'s canvas.

    Tables of windowed blocks keep their size: the window does not grow with the canvas (released CFR code).
    """
    side = sam.canvas // sam.architecture.token
    fitted = dict(state)
    absolute = state.get("image_encoder.pos_embed")
    if absolute is not None and absolute.ndim == 4 and absolute.shape[1:3] != (side, side):
        fitted["image_encoder.pos_embed"] = resized_absolute(absolute, side)
    for block in sam.architecture.global_blocks:
        for axis in ("h", "w"):
            key = f"image_encoder.blocks.{block}.attn.rel_pos_{axis}"
            table = state.get(key)
            if table is not None and table.ndim == 2 and len(table) != 2 * side - 1:
                fitted[key] = resized_relative(table, 2 * side - 1)
    return fitted


def resized_absolute(table: Tensor, side: int) -> Tensor:
    """A table (1,h,w,channels) of one vector per token as (1,side,side,channels), bilinear."""
    channels_first = table.permute(0, 3, 1, 2)
    resized = interpolate(channels_first, size=(side, side), mode="bilinear", align_corners=False)
    return resized.permute(0, 2, 3, 1).contiguous()


def resized_relative(table: Tensor, length: int) -> Tensor:
    """A table (2 n - 1, channels) of one vector per distance as (length, channels), linear."""
    lines = interpolate(table.T[None], size=length, mode="linear", align_corners=False)
    return lines[0].T.contiguous()
