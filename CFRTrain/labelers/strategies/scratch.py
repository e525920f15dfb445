"""Everything learns: what a SAM without official weights needs, and gets unless the job says otherwise."""

from __future__ import annotations

from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.labelers.strategies.base import Strategy
from CFRTrain.runs.job import FineTune


def _prepare(sam: ConcatenationSam, options: FineTune, seed: int) -> None:
    """Every parameter of a new SAM is trainable."""


SCRATCH = Strategy("scratch", "Every part of SAM learns.", _prepare, learns_features=True)
