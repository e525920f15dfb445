"""The fine-tuning strategies by name; each is one file and needs no change elsewhere but its line here."""

from __future__ import annotations

from CFRTrain.labelers.strategies.adapter import ADAPTER
from CFRTrain.labelers.strategies.base import Strategy
from CFRTrain.labelers.strategies.decoder import DECODER
from CFRTrain.labelers.strategies.full import FULL
from CFRTrain.labelers.strategies.lora import LORA
from CFRTrain.labelers.strategies.lora_all import LORA_ALL
from CFRTrain.labelers.strategies.scratch import SCRATCH

STRATEGIES = {strategy.name: strategy for strategy in (SCRATCH, FULL, DECODER, ADAPTER, LORA, LORA_ALL)}


def chosen_strategy(name: str, pretrained: bool) -> Strategy:
    """The strategy called `name`; "auto" is LoRA for official weights (`pretrained`), else everything.

    Frozen random features cannot carry a low-rank update, so nothing is frozen in a SAM from scratch.
    """
    if name == "auto":
        return LORA if pretrained else SCRATCH
    return STRATEGIES[name]


__all__ = ["STRATEGIES", "Strategy", "chosen_strategy"]
