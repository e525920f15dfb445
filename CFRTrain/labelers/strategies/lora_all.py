"""Low-rank updates of queries and values in the encoder and in the decoder's attention (SAMed_s).

As in SAMed's code, the decoder's transformer is frozen, with its 7 attentions updated; its tokens, upscaling
and class filters, and the prompt encoder, learn as a whole.
"""

from __future__ import annotations

from CFRTrain.labelers.sam_lora import add_lora, inject_updates, merge_lora, merge_updates
from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.labelers.strategies.base import Strategy
from CFRTrain.runs.job import FineTune

UPDATED = ("q_proj", "v_proj")
TARGETS = rf".*attn.*\.({'|'.join(UPDATED)})"


def _prepare(sam: ConcatenationSam, options: FineTune, seed: int) -> None:
    add_lora(sam, options.rank, seed)
    inject_updates(sam.mask_decoder.transformer, TARGETS, options.rank, seed + 1)


def _finish(sam: ConcatenationSam) -> None:
    merge_lora(sam)
    transformer = sam.mask_decoder.transformer
    for module in list(transformer.modules()):
        if hasattr(module, UPDATED[0]):
            merge_updates(module, UPDATED)
    if hasattr(transformer, "peft_config"):
        del transformer.peft_config


LORA_ALL = Strategy(
    "lora_all",
    "LoRA on queries and values of encoder and decoder, and the decoder's rest, learn.",
    _prepare,
    _finish,
)
