"""2D models that learn beside the 3D network: patches in, logits of patches out, whatever lies between."""

from __future__ import annotations

from CFRTrain.retraining.planar.base import PlanarBuilder
from CFRTrain.retraining.planar.segformer import build_segformer
from CFRTrain.retraining.planar.small import build_small

OWN_MODELS: dict[str, PlanarBuilder] = {"small": build_small, "segformer": build_segformer}
