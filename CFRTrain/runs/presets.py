"""Named settings: how each preset differs from the defaults in the `job_` files. Standard library only.

preview: says in a minute or two on two processor cores whether the cohort is understood; not for use.
standard: SAM labels the cases where its weights are given, else the atlas; three rounds of re-training with
InstanceNorm, confidence weights and a pseudo-label weight that decays. On a CPU with a small network.
paper: the published values (CFR: SAM ViT-B at 1024 pixels, V-Net with BatchNorm and dropout, 6000 steps of
SGD, constant pseudo-label weight, Mean Teacher); SAM's weights file is to be given with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PREVIEW: dict[str, Any] = {
    "labeler": "atlas",
    "atlas.atlases": 3,
    "atlas.templates": 0,
    "finetune.steps": 60,
    "finetune.warmup": 10,
    "finetune.checkpoint_every": 20,
    "network_labeler.steps": 60,
    "retrain.width": 8,
    "retrain.levels": 4,
    "retrain.steps": 150,
    "retrain.batch_labeled": 1,
    "retrain.batch_unlabeled": 1,
    "retrain.learning_rate": 4e-3,
    "retrain.pairs": 0.0,
    "retrain.result": "ema",
    "retrain.ema_decay": 0.95,
    "retrain.checkpoint_every": 25,
    "retrain.log_every": 5,
}

PAPER: dict[str, Any] = {
    "labeler": "sam",
    "method": "mean_teacher",
    "finetune.model": "vit_b",
    "finetune.canvas": 1024,
    "finetune.steps": 6000,
    "finetune.batch": 2,
    "finetune.learning_rate": 1e-3,
    "finetune.warmup": 0,
    "finetune.weight_decay": 0.1,
    "finetune.rank": 4,
    "finetune.layout": "official",
    "finetune.checkpoint_every": 250,
    "retrain.network": "vnet",
    "retrain.width": 16,
    "retrain.levels": 5,
    "retrain.norm": "batch",
    "retrain.dropout": 0.5,
    "retrain.steps": 6000,
    "retrain.batch_labeled": 2,
    "retrain.batch_unlabeled": 2,
    "retrain.optimizer": "sgd",
    "retrain.learning_rate": 0.01,
    "retrain.weight_decay": 1e-4,
    "retrain.schedule": "step",
    "retrain.warmup": 0,
    "retrain.gradient_clip": 0.0,
    "retrain.augmentation": "weak",
    "retrain.pairs": 0.0,
    "retrain.pseudo_weight": 1.0,
    "retrain.pseudo_decay": "none",
    "retrain.confidence_gamma": 0.0,
    "retrain.consistency": 0.1,
    "retrain.ramp_length": 40,
    "retrain.ema_decay": 0.99,
    "retrain.rounds": 1,
    "retrain.result": "student",
    "retrain.checkpoint_every": 250,
    "retrain.guard": False,
}

STANDARD: dict[str, Any] = {
    "network_labeler.networks": 3,
    "network_labeler.pairs": 0.7,
    "retrain.pairs": 0.3,
    "retrain.rounds": 3,
    "retrain.result": "ema",
}

# A step of the 9.4 M network takes seconds on a CPU. In the same time, more steps of two items learn more
# than fewer steps of four.
STANDARD_ON_CPU: dict[str, Any] = {
    "network_labeler.steps": 300,
    "retrain.width": 8,
    "retrain.levels": 4,
    "retrain.steps": 750,
    "retrain.batch_labeled": 1,
    "retrain.batch_unlabeled": 1,
    "retrain.learning_rate": 4e-3,
}

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"preview": PREVIEW, "standard": STANDARD, "paper": PAPER}
)
ON_CPU: Mapping[str, Mapping[str, Any]] = MappingProxyType({"standard": STANDARD_ON_CPU})
