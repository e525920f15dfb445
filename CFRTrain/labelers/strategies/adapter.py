"""Bottleneck adapters in the blocks of a frozen encoder (Medical SAM Adapter, 2D part).

Two per block, 0.296 M parameters each in ViT-B: one after the attention, with a skip around it, one parallel
to the MLP, scaled, without. Prompt encoder and decoder learn as a whole, as with LoRA. Here the last layer of
an adapter starts at zero, so that SAM's output is unchanged at the start; in the published code it is random.

Left out: the branch that attends along depth, as slices lie side by side on a canvas and the encoder's global
attention relates them anyway, and adapters in the decoder, which here learns as a whole.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.labelers.strategies.base import Strategy, train_only
from CFRTrain.runs.job import FineTune

RATIO = 0.25  # of the bottleneck's width to the block's
MLP_SCALE = 0.5  # of the adapter parallel to the MLP


class Adapter(nn.Module):
    """Down to a quarter of the width, GELU, up again: (..., width) to (..., width), zero at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, int(width * RATIO))
        self.up = nn.Linear(int(width * RATIO), width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.up(nn.functional.gelu(self.down(tokens)))


class AdaptedAttention(nn.Module):
    """An attention with an adapter behind it, and a skip around the adapter."""

    def __init__(self, attention: nn.Module, width: int) -> None:
        super().__init__()
        self.attention = attention
        self.adapter = Adapter(width)

    def forward(self, tokens: Tensor) -> Tensor:
        mixed = self.attention(tokens)
        return mixed + self.adapter(mixed)


class AdaptedMlp(nn.Module):
    """An MLP with an adapter beside it."""

    def __init__(self, mlp: nn.Module, width: int) -> None:
        super().__init__()
        self.mlp = mlp
        self.adapter = Adapter(width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.mlp(tokens) + MLP_SCALE * self.adapter(tokens)


def adapter_parameters(sam: ConcatenationSam) -> list[nn.Parameter]:
    """The adapters' parameters alone; 7.1 million numbers for all blocks of ViT-B."""
    return [parameter for name, parameter in sam.named_parameters() if ".adapter." in name]


def _prepare(sam: ConcatenationSam, options: FineTune, seed: int) -> None:
    train_only(sam, sam.prompt_encoder, sam.mask_decoder)
    width = sam.architecture.width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for index in options.adapter_blocks or range(sam.architecture.depth):
            block = sam.image_encoder.blocks[index]
            block.attn = AdaptedAttention(block.attn, width)
            block.mlp = AdaptedMlp(block.mlp, width)


ADAPTER = Strategy("adapter", "Adapters in the encoder's blocks, and the decoder, learn.", _prepare)
