"""Rough estimates of memory and time, said before the work begins."""

from __future__ import annotations

import math

import torch

from CFRTrain.retraining.networks import build_network
from CFRTrain.stages.context import Context

# fp32 activations of one forward and backward pass of a V-Net, per voxel and channel of the first level:
# measured with width 8 and 16, four and five levels, at 40 x 56 x 40 and 112 x 112 x 80
ACTIVATION_BYTES = 56
FLOPS_PER_VOXEL_AND_WIDTH2 = 620  # forward and backward, measured as 240 GFLOP at width 16 and 112 x 112 x 80
CPU_FLOPS, GPU_FLOPS = 4e10, 1e13
SECONDS_PER_ATLAS_VOXEL = 8e-6
BASE_BYTES = 700 << 20  # interpreter and libraries


def announce_estimate(context: Context) -> None:
    """Writes the estimate event: peak memory in bytes and seconds for the whole run."""
    memory, seconds = estimate(context)
    context.run.events.estimate(memory, seconds)


def estimate(context: Context) -> tuple[int, float]:
    """Peak memory in bytes and seconds, right to a factor of about two."""
    job, plan, retrain = context.job, context.planned(), context.job.retrain
    voxels = math.prod(plan.patch_zyx)
    items = retrain.batch_labeled + retrain.batch_unlabeled
    network = build_network(
        retrain.network,
        1,
        len(job.classes) + 1,
        width=retrain.width,
        levels=retrain.levels,
        norm=retrain.norm,
        dropout=retrain.dropout,
    )
    parameters = sum(parameter.numel() for parameter in network.parameters())
    memory = BASE_BYTES + 16 * parameters + ACTIVATION_BYTES * voxels * retrain.width * items
    on_gpu = job.device.startswith("cuda") or job.device == "auto" and torch.cuda.is_available()
    step = (
        FLOPS_PER_VOXEL_AND_WIDTH2 * voxels * retrain.width**2 * items / (GPU_FLOPS if on_gpu else CPU_FLOPS)
    )
    steps = retrain.steps * retrain.rounds
    if job.labeler in ("network", "fusion"):
        steps += job.network_labeler.steps
    registrations = 0 if job.labeler in ("none", "sam", "network") else len(context.ids("unlabeled"))
    labeled = min(len(context.ids("labeled")), job.atlas.atlases)
    atlas = registrations * labeled * math.prod(plan.median_shape) * SECONDS_PER_ATLAS_VOXEL
    return int(memory), steps * step + atlas
