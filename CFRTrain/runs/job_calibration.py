"""The section of a job on calibrating the labelers' probabilities. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from CFRTrain.runs.job_sections import require_range


@dataclass(frozen=True)
class Calibration:
    """Temperatures of the labelers' probabilities, so that 0.9 is right in nine of ten voxels.

    temperature: one for all classes, or one per class. folds: with several labeled cases, how many times a
    labeler is trained without a part of them, which it then labels; at most one fold per case. copies: with a
    single one, how many augmented copies of it are labeled instead, which is optimistic.
    """

    temperature: Literal["none", "one", "per_class"] = "none"
    folds: int = 2
    copies: int = 4

    def __post_init__(self) -> None:
        require_range(self, 2, 64, "folds")
        require_range(self, 1, 64, "copies")
