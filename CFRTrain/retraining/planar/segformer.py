"""SegFormer on slices, as in M&N: low-rank adaptation of a published SegFormer-B2, and a head of its own.

E. Xie et al., SegFormer, NeurIPS 2021, arXiv 2105.15203, fine-tuned on ADE20K. LoRA on query, key, value and
the dense layers of attention and MLP; biases and LayerNorms of the encoder are trained too. The decoder is
trained as a whole, as SAM's is in CFR (what the released code of M&N does with it is not known here).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from CFRTrain.data.plan import Plan
from CFRTrain.retraining.planar.base import PlanarModel, SliceWise
from CFRTrain.retraining.planar.segformer_weights import (
    find_file,
    load_published,
    read_file,
    segformer_classes,
)
from CFRTrain.runs.errors import DependencyError
from CFRTrain.runs.job import Job

STRIDE = 4  # of the decoder's features, in pixels
COARSEST = 32  # pixels per token of the last stage
LORA_DROPOUT = 0.1
# Names of the layers in transformers before version 5.20 and since.
TARGETS = r".*\.(query|key|value|dense|dense1|dense2|q_proj|k_proj|v_proj|o_proj|fc1|fc2)"


@dataclass(frozen=True)
class SegformerSizes:
    """Sizes of the four stages, and the decoder's channels."""

    widths: tuple[int, ...] = (64, 128, 320, 512)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    heads: tuple[int, ...] = (1, 2, 5, 8)
    decoder: int = 768

    def config(self) -> Any:
        """Return transformers' configuration; what is not named here is the same in all SegFormers."""
        return segformer_classes()[0](
            hidden_sizes=list(self.widths),
            depths=list(self.depths),
            num_attention_heads=list(self.heads),
            decoder_hidden_size=self.decoder,
            num_labels=1,
        )


B2 = SegformerSizes()


class SegformerSlices(nn.Module):
    """Gray slices (N, 1, rows, cols) to logits of the same size; sides divide by 32.

    The decoder's features and the input, every fourth pixel of it, go through one transposed convolution.
    """

    def __init__(self, segformer: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        segformer.decode_head.classifier = nn.Identity()
        self.segformer = segformer
        self.head = nn.ConvTranspose2d(features + 1, classes, kernel_size=STRIDE, stride=STRIDE)

    def forward(self, slices: Tensor) -> Tensor:
        """Return logits (N, classes, rows, cols)."""
        features = self.segformer(slices.expand(-1, 3, -1, -1)).logits
        return self.head(torch.cat([features, slices[..., ::STRIDE, ::STRIDE]], dim=1))


def build_segformer(job: Job, plan: Plan, folder: Path, seed: int, sizes: SegformerSizes = B2) -> PlanarModel:
    """Return the model of `job.mn`: adapted from its file or, without one, trained whole from scratch.

    Frozen random features could not carry a low-rank update. Raises ModelError and DependencyError.
    """
    options, digest = job.mn, None
    explanation = "SegFormer-B2 is trained from scratch, without its published weights."
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        if options.weights is None:
            segformer = segformer_classes()[1](sizes.config())
        else:
            path = find_file(folder / options.weights)
            state, digest = read_file(path)
            segformer = load_published(sizes.config(), state, path.name)
            add_lora(segformer, options.rank)
            explanation = "SegFormer-B2 starts from its published weights."
        network = SegformerSlices(segformer, sizes.decoder, len(job.classes) + 1)
    return PlanarModel(
        SliceWise(network, plan.slicing_axis, COARSEST), "segformer", explanation, weights_sha256=digest
    )


def add_lora(segformer: nn.Module, rank: int) -> None:
    """Freeze the encoder but for biases and LayerNorms, and add updates of `rank` and scale 1, in place.

    Raises DependencyError where peft is missing.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise DependencyError(
            "peft_missing",
            f"The Python package peft cannot be used: {error}.",
            "Install peft into this Python, or set mn.model to small.",
        ) from error
    config = LoraConfig(
        r=rank, lora_alpha=rank, lora_dropout=LORA_DROPOUT, bias="none", target_modules=TARGETS
    )
    inject_adapter_in_model(config, segformer)
    for parameter in segformer.parameters():
        parameter.requires_grad_(False)
    for name, parameter in segformer.named_parameters():
        learns = ".lora_" in name or name.startswith("decode_head.") or name.endswith(".bias")
        parameter.requires_grad_(learns)
    for module in segformer.modules():
        if isinstance(module, nn.LayerNorm):
            module.requires_grad_(True)
