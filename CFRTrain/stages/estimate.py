"""Rough estimates of memory and time, said before the work begins."""

from __future__ import annotations

import math
import os

import torch

from CFRTrain.retraining.networks import build_network
from CFRTrain.stages.context import Context

# Seconds of one processor thread for one forward and backward pass of a V-Net in float32 with AVX2, per voxel
# and squared width. Measured: 2.5e-8 to 3.3e-8 for widths 8 and 16, patches of 90,000 to 1,000,000 voxels.
SECONDS_PER_VOXEL = 2.7e-8
GPU_SPEED = 200  # a GPU against one such thread: an assumption from peak rates, not measured
SECONDS_PER_REGISTERED_VOXEL = 3e-5  # one thread; measured on 60,000 voxels
# Bytes of one such pass per voxel and channel of the first level. Measured: 69 to 132 for widths 8 and 16,
# four and five levels, patches of 49,000 to 1,000,000 voxels.
ACTIVATION_BYTES = 100
BASE_BYTES = 700 << 20  # interpreter, libraries, volumes in memory


def announce_estimate(context: Context) -> None:
    """Writes the estimate event: peak memory in bytes and seconds for the whole run."""
    memory, seconds = estimate(context)
    context.run.events.estimate(memory, seconds)


def estimate(context: Context) -> tuple[int, float]:
    """Peak memory in bytes and seconds of labeling and training, right to a factor of about two."""
    return memory_estimate(context), training_seconds(context) + atlas_seconds(context)


def training_seconds(context: Context) -> float:
    """Seconds of all training steps of 3D networks."""
    job, retrain = context.job, context.job.retrain
    items = retrain.batch_labeled + retrain.batch_unlabeled
    steps = retrain.steps * retrain.rounds
    if job.labeler == "network" or job.labeler == "fusion" and "network" in job.fusion_members:
        steps += job.network_labeler.steps
    seconds = steps * items * math.prod(context.planned().patch_zyx) * retrain.width**2 * SECONDS_PER_VOXEL
    on_gpu = job.device.startswith("cuda") or job.device == "auto" and torch.cuda.is_available()
    return seconds / (GPU_SPEED if on_gpu else _threads(context))


def atlas_seconds(context: Context) -> float:
    """Seconds of all registrations, which run side by side."""
    job = context.job
    if job.labeler in ("none", "sam", "network") and job.retrain.pairs == 0:
        return 0.0
    atlases = min(len(context.ids("labeled")), job.atlas.atlases)
    rounds = math.ceil(len(context.ids("unlabeled")) * atlases / _threads(context))
    return rounds * math.prod(context.planned().median_shape) * SECONDS_PER_REGISTERED_VOXEL


def memory_estimate(context: Context) -> int:
    """Peak bytes of training: weights, gradients and moments, and the activations of one step."""
    job, retrain = context.job, context.job.retrain
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
    items = retrain.batch_labeled + retrain.batch_unlabeled
    activations = ACTIVATION_BYTES * retrain.width * items * math.prod(context.planned().patch_zyx)
    return int(BASE_BYTES + 20 * parameters + activations)


def _threads(context: Context) -> int:
    return context.job.threads or os.cpu_count() or 1
