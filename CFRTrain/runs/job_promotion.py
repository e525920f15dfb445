"""The section of a job on cases that join a labeler's training in later rounds. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from CFRTrain.runs.job_sections import require_at_least
from CFRTrain.runs.strict_json import require


@dataclass(frozen=True)
class Promotion:
    """Before each further round of re-training, the labelers sam and network learn confident cases, too.

    confidence: mean over a case's voxels of the largest probability, from which on it is promoted (SFR+:
    0.985; most voxels are background, so that this is not much), 0 = none ever is. labeled_share: of the
    crops that a labeler then learns from, at least this share (above 0 to 1) comes from labeled cases; the
    less, the more the promoted ones weigh. steps: of that training; 0 = as many as of the first.
    """

    confidence: float = 0.0
    labeled_share: float = 0.5
    steps: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.confidence <= 1, "confidence", "must be 0 to 1")
        require(0 < self.labeled_share < 1, "labeled_share", "must be above 0 and below 1")
        require_at_least(self, 0, "steps")
