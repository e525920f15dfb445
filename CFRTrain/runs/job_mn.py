"""The job's section on iterative co-training of a 2D and a 3D model. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from CFRTrain.runs.job_sections import require_above_zero, require_at_least, require_range
from CFRTrain.runs.strict_json import require


@dataclass(frozen=True)
class MN:
    """The method mn (M&N): what its 2D model is, and how the two models take turns.

    model: a name in the table of `CFRTrain.labelers.planar_models`; sam is the one that `finetune` describes.
    weights: SegFormer's official file as safetensors, relative to the run folder; null trains from scratch.
    width: of the small model's first level. rank: of SegFormer's low-rank adaptation.
    transition: share of the steps in which both models learn from labeled items alone. warmup: share in which
    the learning rates rise from 1 %. sampling: unlabeled items become more with the steps (official), or as
    the learning rate falls (rate). steps_per_turn: of one model before it is the other's turn; 0: both learn
    in every step. foreground_at: shares of the steps, rising, at which the 3D network looks for structures
    in every unlabeled volume, so that half of its patches show some; empty: never. learning_rate,
    weight_decay: of the 2D model; the 3D one's are retrain's.
    """

    model: str = "small"
    weights: str | None = None
    width: int = 16
    rank: int = 64
    transition: float = 0.125
    warmup: float = 0.0125
    sampling: Literal["official", "rate"] = "official"
    steps_per_turn: int = 8
    foreground_at: tuple[float, ...] = ()
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        named = re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.model)
        require(bool(named), "model", "must be a name like small")
        require_range(self, 1, 256, "width", "rank")
        for name in ("transition", "warmup"):
            require(0 <= getattr(self, name) < 1, name, "must be 0 to below 1")
        looks = self.foreground_at
        rising = list(looks) == sorted(set(looks)) and all(0 < share < 1 for share in looks)
        require(rising, "foreground_at", "must be rising shares above 0 and below 1")
        require_at_least(self, 0, "steps_per_turn", "weight_decay")
        require_above_zero(self, "learning_rate")
