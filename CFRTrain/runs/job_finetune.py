"""The section of a job on fine-tuning SAM. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from CFRTrain.runs.job_sections import require_above_zero, require_at_least, require_range
from CFRTrain.runs.strict_json import require


@dataclass(frozen=True)
class FineTune:
    """Fine-tuning SAM on the labeled volumes (the CFR paper's first stage).

    weights: SAM's official file or its converted copy, relative to the run folder; null trains from scratch.
    batch: patches per step. canvas: side in pixels of what SAM sees, 0 = plan.canvas.
    strategy: what learns; auto is lora with official weights, everything without. rank: of low-rank updates.
    adapter_blocks: blocks of the encoder, from 0, that get adapters; empty = all. views: augmented patches
    per labeled case that the strategy decoder keeps the embeddings of.
    input: how a patch is shown. layout: of slices on a canvas. scale: slices per row of the input scale.
    axes: of the input axes, array axes in the order z, y, x. pictures: of a step's patches that the step
    learns from, drawn anew each time; 0 = all.
    """

    model: Literal["small", "vit_b", "vit_l", "vit_h"] = "small"
    weights: str | None = None
    steps: int = 400
    batch: int = 2
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.1
    strategy: Literal["auto", "lora", "lora_all", "adapter", "decoder", "full"] = "auto"
    rank: int = 4
    adapter_blocks: tuple[int, ...] = ()
    views: int = 8
    canvas: int = 0
    layout: Literal["official", "paper", "token"] = "official"
    input: Literal["concatenated", "slicewise", "small", "scale", "neighbors", "neighbor_tiles", "axes"] = (
        "concatenated"
    )
    scale: int = 4
    axes: tuple[int, ...] = (0, 1, 2)
    pictures: int = 0
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        require_at_least(self, 1, "steps", "batch", "checkpoint_every")
        require_at_least(self, 0, "warmup", "weight_decay", "pictures")
        require_above_zero(self, "learning_rate")
        require_range(self, 1, 64, "rank")
        require_range(self, 1, 1000, "views")
        require_range(self, 1, 16, "scale")
        require(self.canvas == 0 or 64 <= self.canvas <= 4096, "canvas", "must be 0 or 64 to 4096")
        blocks = self.adapter_blocks
        valid = len(set(blocks)) == len(blocks) and all(0 <= block < 32 for block in blocks)
        require(valid, "adapter_blocks", "must be different blocks from 0 on")
        several = len(set(self.axes)) == len(self.axes) > 1 and set(self.axes) <= {0, 1, 2}
        require(several, "axes", "must be two or three different axes of 0, 1, 2")
