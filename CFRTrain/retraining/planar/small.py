"""A small 2D U-Net for the slices, from scratch: the 2D model that needs no download."""

from __future__ import annotations

from pathlib import Path

import torch

from CFRTrain.data.plan import Plan
from CFRTrain.retraining.planar.base import PlanarModel, SliceWise
from CFRTrain.runs.job import Job

COARSEST = 32  # four halvings and, for InstanceNorm, more than one pixel at the bottleneck


def build_small(job: Job, plan: Plan, folder: Path, seed: int) -> PlanarModel:
    """Return MONAI's basic U-Net: five levels, InstanceNorm; 0.5 M parameters at the usual width of 16."""
    from monai.networks.nets import BasicUNet  # takes seconds, which runs with other methods need not wait

    width = job.mn.width
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        network = BasicUNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=len(job.classes) + 1,
            features=(width, width, 2 * width, 4 * width, 8 * width, width),
        )
    module = SliceWise(network, plan.slicing_axis, COARSEST)
    return PlanarModel(module, "small", "A small 2D U-Net is trained from scratch beside the 3D network.")
