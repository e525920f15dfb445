"""LoRA on the encoder's queries and values; prompt encoder and decoder as a whole (SAMed, CFR)."""

from __future__ import annotations

from CFRTrain.labelers.sam_lora import add_lora, merge_lora
from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.labelers.strategies.base import Strategy
from CFRTrain.runs.job import FineTune


def _prepare(sam: ConcatenationSam, options: FineTune, seed: int) -> None:
    add_lora(sam, options.rank, seed)


LORA = Strategy(
    "lora", "LoRA on the encoder's queries and values, and the decoder, learn.", _prepare, merge_lora
)
