"""Low-rank updates (LoRA) of the queries and values of SAM's encoder, through peft, and their merge back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.runs.errors import DependencyError

TARGETS = r"blocks\.\d+\.attn\.qkv\.(query|value)"


class SplitQkv(nn.Module):
    """One linear layer to query, key and value as three, so that two of them can be adapted alone.

    The same function as the fused layer: (..., width) to (..., 3 width).
    """

    def __init__(self, fused: nn.Linear) -> None:
        super().__init__()
        width = fused.out_features // 3
        for position, name in enumerate(("query", "key", "value")):
            part = nn.Linear(fused.in_features, width, bias=fused.bias is not None, device="meta")
            rows = slice(position * width, (position + 1) * width)
            part.weight = nn.Parameter(fused.weight.detach()[rows].clone())
            if fused.bias is not None:
                part.bias = nn.Parameter(fused.bias.detach()[rows].clone())
            self.add_module(name, part)

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.cat([self.query(tokens), self.key(tokens), self.value(tokens)], dim=-1)

    def fused(self) -> nn.Linear:
        """The three layers as one again."""
        parts = (self.query, self.key, self.value)
        inputs, outputs = self.query.in_features, sum(part.out_features for part in parts)
        layer = nn.Linear(inputs, outputs, bias=self.query.bias is not None, device="meta")
        layer.weight = nn.Parameter(torch.cat([part.weight.detach() for part in parts]))
        if self.query.bias is not None:
            layer.bias = nn.Parameter(torch.cat([part.bias.detach() for part in parts]))
        return layer


def add_lora(sam: ConcatenationSam, rank: int, seed: int) -> None:
    """Freezes the image encoder and adds trainable updates of `rank` to the q and v of every block, in place.

    Scale 1, no dropout, the up matrix zero (SAMed, CFR's code): the output is unchanged until the first step.
    Prompt encoder and mask decoder stay trainable as a whole. DependencyError when peft is not installed.
    """
    _peft()  # before anything is changed
    for block in sam.image_encoder.blocks:
        block.attn.qkv = SplitQkv(block.attn.qkv)
    inject_updates(sam.image_encoder, TARGETS, rank, seed)


def inject_updates(module: nn.Module, targets: str, rank: int, seed: int) -> None:
    """Freezes `module` and adds updates to its linear layers whose whole name matches `targets`, in place."""
    lora_config, inject = _peft()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    config = lora_config(r=rank, lora_alpha=rank, lora_dropout=0.0, bias="none", target_modules=targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject(config, module)


def merge_lora(sam: ConcatenationSam) -> None:
    """Adds the updates to the weights and restores fused layers and official state-dict keys, in place."""
    for block in sam.image_encoder.blocks:
        split = block.attn.qkv
        if not isinstance(split, SplitQkv):
            continue
        merge_updates(split, ("query", "value"))
        block.attn.qkv = split.fused()
    if hasattr(sam.image_encoder, "peft_config"):
        del sam.image_encoder.peft_config


def merge_updates(module: nn.Module, names: tuple[str, ...]) -> None:
    """Adds the updates of the layers `names` of `module` to their weights; layers without one stay."""
    for name in names:
        adapted = getattr(module, name)
        if hasattr(adapted, "get_base_layer"):
            adapted.merge(safe_merge=True)
            setattr(module, name, adapted.get_base_layer())


def lora_parameters(sam: ConcatenationSam) -> list[nn.Parameter]:
    """The low-rank matrices alone; 147,456 numbers for ViT-B at rank 4."""
    return [parameter for name, parameter in sam.named_parameters() if ".lora_" in name]


def _peft() -> tuple[Any, Any]:
    """peft's configuration and injection, imported late: it brings transformers along and takes seconds."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise DependencyError(
            "peft_missing",
            f"The Python package peft cannot be used: {error}.",
            "Install peft into this Python, or fine-tune the small SAM, which needs none.",
        ) from error
    return LoraConfig, inject_adapter_in_model
