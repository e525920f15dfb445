"""What a 2D model costs that learns beside the 3D network (M&N): any one, from its own layers.

The model is built as the training builds it, and looks at a patch on PyTorch's meta device, where layers have
shapes but compute nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from CFRTrain.labelers.planar_models import PLANAR_MODELS, uses_planar
from CFRTrain.retraining.assembly import build_planar
from CFRTrain.retraining.turns import Turns, Work
from CFRTrain.stages.context import Context
from CFRTrain.stages.sam_estimate import (
    BYTES_PER_PARAMETER,
    LEARNED_COPIES,
    MULTIPLICATIONS_PER_SECOND,
    STEP_PASSES,
)

# Peak of a step against what is kept for the backward pass. Measured: 1.2 to 1.6 for the three models.
STEP_PEAK = 1.4


@dataclass(frozen=True)
class PatchCost:
    """Of one patch, forward. activation_bytes: what is kept for the backward pass, without parameters."""

    multiplications: int
    activation_bytes: int


@dataclass(frozen=True)
class PlanarCost:
    """seconds: of a whole training's 2D model on one processor thread. memory_bytes: of weights and one step.

    trainable: numbers that learn, which are in each checkpoint.
    """

    seconds: float
    memory_bytes: int
    trainable: int


NO_PLANAR = PlanarCost(0.0, 0, 0)


def planar_cost(context: Context) -> PlanarCost:
    """The cost of the 2D model of the job's method, if it has one. Raises what its builder raises."""
    if not uses_planar(context.job):
        return NO_PLANAR
    job, plan = context.job, context.planned()
    module = build_planar(job, plan, context.run.root, PLANAR_MODELS, seed=0).module
    count = sum(item.numel() for item in module.parameters())
    trainable = sum(item.numel() for item in module.parameters() if item.requires_grad)
    one = patch_cost(module, plan.patch_zyx)
    work = co_training_work(context)[1]
    passes = STEP_PASSES * work.learned + work.answered
    items = sum(batch_items(context))
    return PlanarCost(
        seconds=passes * one.multiplications / MULTIPLICATIONS_PER_SECOND,
        memory_bytes=BYTES_PER_PARAMETER * (count + LEARNED_COPIES * trainable)
        + round(STEP_PEAK * items * one.activation_bytes),
        trainable=trainable,
    )


def co_training_work(context: Context) -> tuple[Work, Work]:
    """Patches of one training of the 3D network and of the 2D model."""
    return Turns(context.job.mn, context.job.retrain.steps).work(*batch_items(context))


def batch_items(context: Context) -> tuple[int, int]:
    """Labeled and unlabeled items of a batch, as the job says them."""
    retrain = context.job.retrain
    return retrain.batch_labeled, retrain.batch_unlabeled if context.ids("unlabeled") else 0


def patch_cost(module: nn.Module, patch_zyx: tuple[int, int, int]) -> PatchCost:
    """The cost of one patch for a network of patches (B, 1, z, y, x), which is moved to the meta device."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[id(storage)] = storage
        return tensor

    module.to("meta").train()
    patch = torch.empty(1, 1, *patch_zyx, device="meta")
    with saved_tensors_hooks(keep, lambda tensor: tensor), FlopCounterMode(display=False) as counted:
        module(patch)
    # a multiplication and its addition count as two
    return PatchCost(counted.get_total_flops() // 2, sum(storage.nbytes() for storage in kept.values()))
