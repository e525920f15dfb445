"""SAM's encoder attention as one fused call that is equal to it, and needs no matrix of all pairs.

SAM adds two terms to the score of a query at (y, x) and a key at (y', x'): q . Rh[y - y'] + q . Rw[x - x'].
The sum is itself a dot product: of all possible terms, appended to the query, with the one-hot vectors of y'
and x', appended to the key. So plain attention with scale 1 computes the same scores.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad, scaled_dot_product_attention

KERNEL_STEP = 8  # fused kernels want head sizes in multiples of this


class FusedAttention(nn.Module):
    """Drop-in for segment-anything's `Attention`: same parameters, names and result."""

    def __init__(self, attention: nn.Module) -> None:
        """Takes over the layers and tables of `attention`; they are shared, not copied."""
        super().__init__()
        self.num_heads = attention.num_heads
        self.scale = attention.scale
        self.qkv = attention.qkv
        self.proj = attention.proj
        self.use_rel_pos = attention.use_rel_pos
        if self.use_rel_pos:
            self.rel_pos_h = attention.rel_pos_h
            self.rel_pos_w = attention.rel_pos_w

    def forward(self, tokens: Tensor) -> Tensor:
        """Self-attention over the height x width tokens of (B,height,width,channels)."""
        batch, height, width, channels = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, height * width, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.use_rel_pos:
            query, key = self._with_positions(query, key, height, width)
        else:
            query = query * self.scale
        mixed = _fused(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(batch, height, width, channels))

    def _with_positions(self, query: Tensor, key: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Query and key (B,heads,tokens,size) with the relative position terms appended as features."""
        grid = query.unflatten(2, (height, width))
        by_row = relative_positions(self.rel_pos_h, height)
        by_col = relative_positions(self.rel_pos_w, width)
        rows = torch.einsum("bnhwc,hkc->bnhwk", grid, by_row).flatten(2, 3)
        cols = torch.einsum("bnhwc,wkc->bnhwk", grid, by_col).flatten(2, 3)
        place = _one_hot_places(height, width).to(key).expand(*key.shape[:2], -1, -1)
        query = torch.cat([query * self.scale, rows.to(query.dtype), cols.to(query.dtype)], dim=-1)
        return query, torch.cat([key, place], dim=-1)


def relative_positions(table: Tensor, size: int) -> Tensor:
    """Rows of `table` (2 size - 1, channels) by query and key position: (size, size, channels)."""
    position = torch.arange(size, device=table.device)
    return table[position[:, None] - position[None, :] + size - 1]


def _one_hot_places(height: int, width: int) -> Tensor:
    """For each token of the raster its row and its column as one-hot vectors (tokens, height + width)."""
    row = torch.arange(height).repeat_interleave(width)
    col = torch.arange(width).repeat(height)
    return torch.cat([one_hot(row, height), one_hot(col, width)], dim=1)


def _fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention with scale 1; heads are zero-padded to one common size, as the fused kernels require."""
    size = -(-query.shape[-1] // KERNEL_STEP) * KERNEL_STEP
    query, key, filled = (pad(part, (0, size - part.shape[-1])) for part in (query, key, value))
    return scaled_dot_product_attention(query, key, filled, scale=1.0)[..., : value.shape[-1]]


def fuse_attention(image_encoder: nn.Module) -> None:
    """Replaces the attention of every block by the fused one; parameters and state-dict keys stay."""
    for block in image_encoder.blocks:
        if not isinstance(block.attn, FusedAttention):
            block.attn = FusedAttention(block.attn)
