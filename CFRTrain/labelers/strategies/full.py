"""Encoder and decoder learn, the prompt encoder does not (MedSAM, second version).

93.4 M parameters of ViT-B: the most memory, and few volumes are soon learned by heart. Published settings:
learning rate 1e-4, weight decay 0.01.
"""

from __future__ import annotations

from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.labelers.strategies.base import Strategy, train_only
from CFRTrain.runs.job import FineTune


def _prepare(sam: ConcatenationSam, options: FineTune, seed: int) -> None:
    train_only(sam, sam.image_encoder, sam.mask_decoder)


FULL = Strategy("full", "Encoder and mask decoder learn.", _prepare, learns_features=True)
