"""Rough estimates of memory and time, said before the work begins."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import torch

from CFRTrain.labelers.planar_models import uses_planar
from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.networks import build_network
from CFRTrain.stages.context import Context
from CFRTrain.stages.labeling import labels_cases, uses
from CFRTrain.stages.planar_estimate import co_training_work, planar_cost
from CFRTrain.stages.sam_estimate import STEP_PASSES, SamCost, sam_cost, windows

# Seconds of one processor thread for one forward and backward pass of a V-Net in float32 with AVX2, per voxel
# and squared width. Measured: 2.5e-8 to 3.3e-8 for widths 8 and 16, patches of 90,000 to 1,000,000 voxels.
SECONDS_PER_VOXEL = 2.7e-8
GPU_SPEED = 200  # a GPU against one such thread: an assumption from peak rates, not measured
SECONDS_PER_REGISTERED_VOXEL = 3e-5  # one thread; measured on 60,000 voxels
# Bytes of one such pass per voxel and channel of the first level. Measured: 69 to 132 for widths 8 and 16,
# four and five levels, patches of 49,000 to 1,000,000 voxels.
ACTIVATION_BYTES = 100
BASE_BYTES = 700 << 20  # interpreter, libraries, volumes in memory
GPU_HOST_BYTES = 4 << 30  # main memory of a run on a GPU: libraries of CUDA, volumes; not measured
GPU_RUNTIME_BYTES = 600 << 20  # of the GPU's memory, before anything is computed; not measured


@dataclass(frozen=True)
class RunEstimate:
    """Right to a factor of about two.

    memory_bytes: peak of main memory. gpu_memory_bytes: of the GPU's, None without one. parts: seconds of the
    stages `label` and `retrain`.
    """

    memory_bytes: int
    gpu_memory_bytes: int | None
    parts: dict[str, float]

    @property
    def seconds(self) -> float:
        """Seconds of the whole run."""
        return sum(self.parts.values())


def announce_estimate(context: Context) -> None:
    """Writes the estimate event: peak memory in bytes and seconds for the whole run."""
    found = estimate(context)
    context.run.events.estimate(found.memory_bytes, found.seconds, found.gpu_memory_bytes, found.parts)


def estimate(context: Context) -> RunEstimate:
    """Peak memory in bytes and seconds of labeling and training, from the networks' sizes and the plan."""
    sam = sam_cost(context) if uses(context, "sam") and labels_cases(context) else SamCost()
    planar = planar_cost(context)
    needed = max(memory_estimate(context) + planar.memory_bytes, sam.memory_bytes)
    label = network_labeler_seconds(context) + atlas_seconds(context)
    sam_seconds = sam.finetune_seconds * labeler_trainings(context)
    label += (sam_seconds + sam.label_seconds * context.job.looks.count) / _speed(context)
    retrain = training_seconds(context) + planar.seconds * _trainings(context) / _speed(context)
    on_gpu = _on_gpu(context)
    return RunEstimate(
        memory_bytes=GPU_HOST_BYTES if on_gpu else BASE_BYTES + needed,
        gpu_memory_bytes=GPU_RUNTIME_BYTES + needed if on_gpu else None,
        parts={"label": round(label, 1), "retrain": round(retrain, 1)},
    )


def training_seconds(context: Context) -> float:
    """Seconds of the 3D networks in all re-training steps."""
    retrain = context.job.retrain
    patches: float = retrain.steps * (retrain.batch_labeled + retrain.batch_unlabeled) * _networks(context)
    if uses_planar(context.job):
        work = co_training_work(context)[0]
        patches = work.learned + (work.answered + _looked_at(context)) / STEP_PASSES
    return _patch_seconds(context, patches * _trainings(context))


def _networks(context: Context) -> int:
    """How many 3D networks the method trains side by side."""
    return METHODS[context.job.method].networks


def _looked_at(context: Context) -> int:
    """Windows in which the 3D network looks for structures of unlabeled cases."""
    if labels_cases(context):
        return 0
    plan, volumes = context.planned(), len(context.job.mn.foreground_at) * len(context.ids("unlabeled"))
    return volumes * windows(plan.median_shape, plan.patch_zyx)


def _trainings(context: Context) -> int:
    """How many trainings the stage `retrain` does: without pseudo-labels there are no further rounds."""
    return context.job.retrain.rounds if labels_cases(context) else 1


def network_labeler_seconds(context: Context) -> float:
    """Seconds of training the networks that label; 0 where none does."""
    labeler = context.job.network_labeler
    retrain = context.job.retrain
    steps = labeler.steps * labeler.networks * labeler_trainings(context)
    patches = steps * (retrain.batch_labeled + retrain.batch_unlabeled)
    return _patch_seconds(context, patches) if uses(context, "network") else 0.0


def labeler_trainings(context: Context) -> int:
    """How often a labeler is trained: once, for each fold of its calibration, before each promoted round."""
    job, cases = context.job, len(context.ids("labeled"))
    calibrated = cases > 1 and job.calibration.temperature != "none"
    folds = min(job.calibration.folds, cases) if calibrated else 0
    return 1 + folds + (job.retrain.rounds - 1 if job.promotion.confidence else 0)


def _patch_seconds(context: Context, patches: float) -> float:
    """Seconds of learning from so many patches."""
    voxels = math.prod(context.planned().patch_zyx)
    return patches * voxels * context.job.retrain.width**2 * SECONDS_PER_VOXEL / _speed(context)


def atlas_seconds(context: Context) -> float:
    """Seconds of all registrations, which run side by side."""
    job = context.job
    if job.labeler in ("none", "sam", "network") and job.retrain.pairs == 0:
        return 0.0
    atlases = min(len(context.ids("labeled")), job.atlas.atlases)
    rounds = math.ceil(len(context.ids("unlabeled")) * atlases / _threads(context))
    return rounds * math.prod(context.planned().median_shape) * SECONDS_PER_REGISTERED_VOXEL


def memory_estimate(context: Context) -> int:
    """Bytes of a step of training: weights, gradients and moments, and the activations, of every network."""
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
    return _networks(context) * (20 * parameters + activations)


def _on_gpu(context: Context) -> bool:
    device = context.job.device
    return device.startswith("cuda") or device == "auto" and torch.cuda.is_available()


def _speed(context: Context) -> int:
    """How many times faster than one processor thread networks are computed."""
    return GPU_SPEED if _on_gpu(context) else _threads(context)


def _threads(context: Context) -> int:
    return context.job.threads or os.cpu_count() or 1
