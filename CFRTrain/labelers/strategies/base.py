"""What a fine-tuning strategy is: which parts of a SAM learn, what is added to it, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.runs.job import FineTune


def leave_as_it_is(sam: ConcatenationSam) -> None:
    """For strategies that have nothing to merge."""


@dataclass(frozen=True)
class Strategy:
    """explanation: one sentence for log and report, after the strategy's name.

    prepare(sam, options, seed): marks what learns and adds what is to be added, in place; no output changes.
    finish(sam): merges into the weights what can be merged, in place. learns_features: whether the image
    encoder can learn; one that cannot needs official weights. embeds_once: whether the encoder never changes
    at all, so that its embeddings can be kept.
    """

    name: str
    explanation: str
    prepare: Callable[[ConcatenationSam, FineTune, int], None]
    finish: Callable[[ConcatenationSam], None] = leave_as_it_is
    learns_features: bool = False
    embeds_once: bool = False


def train_only(sam: ConcatenationSam, *parts: nn.Module) -> None:
    """Freezes all of `sam` but `parts`, in place."""
    for parameter in sam.parameters():
        parameter.requires_grad_(False)
    for part in parts:
        for parameter in part.parameters():
            parameter.requires_grad_(True)
