"""The mask decoder alone learns (MedSAM, first version): 3.78 M parameters at one class.

The encoder never changes, so what it makes of a picture is computed once and kept: see `decoder_stage.py`.
"""

from __future__ import annotations

from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.labelers.strategies.base import Strategy, train_only
from CFRTrain.runs.job import FineTune


def _prepare(sam: ConcatenationSam, options: FineTune, seed: int) -> None:
    train_only(sam, sam.mask_decoder)


DECODER = Strategy(
    "decoder", "The mask decoder alone learns, from embeddings that are kept.", _prepare, embeds_once=True
)
