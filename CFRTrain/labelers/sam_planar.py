"""SAM on concatenated slices as the 2D model of a co-training (M&N with CFR's input)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from CFRTrain.data.plan import Plan
from CFRTrain.labelers.inputs.base import SamInput, plane_of
from CFRTrain.labelers.sam_choice import build_chosen, choose_sam
from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.retraining.planar.base import PlanarModel
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Job
from CFRTrain.runs.official_weights import OFFICIAL_WEIGHTS


class SamOnPatches(nn.Module):
    """Patches (B, 1, z, y, x) to SAM's logits (B, C, z, y, x).

    A patch with more slices than the input takes is cut into pieces; the last one is filled up with copies of
    the last slice, whose logits are left out.
    """

    def __init__(self, sam: ConcatenationSam, sam_input: SamInput, axis: int) -> None:
        super().__init__()
        self.sam, self.sam_input, self.axis = sam, sam_input, axis

    def forward(self, patches: Tensor) -> Tensor:
        """Return logits of every voxel."""
        stack = patches.movedim(2 + self.axis, 2)
        slices, longest = stack.shape[2], self.sam_input.patch_zyx[self.axis]
        filled = stack[:, :, [min(index, slices - 1) for index in range(slices + -slices % longest)]]
        pieces = filled.unflatten(2, (-1, longest)).movedim(2, 1).flatten(0, 1).movedim(2, 2 + self.axis)
        answers = self.sam(self.sam_input.pictures(pieces))
        logits = self.sam_input.volumes(answers).movedim(2 + self.axis, 2).unflatten(0, (len(patches), -1))
        return logits.movedim(1, 2).flatten(2, 3)[:, :, :slices].movedim(2, 2 + self.axis)


def build_sam_planar(job: Job, plan: Plan, folder: Path, seed: int) -> PlanarModel:
    """Return the SAM that the job's section `finetune` describes, with its input and what it trains.

    Raises JobError where its input does not show whole slices, and what `build_chosen` raises.
    """
    choice = choose_sam(job, folder)
    sam, sam_input = build_chosen(choice, replace(job, seed=seed % 2**62), plan)
    axis = plan.slicing_axis
    if plane_of(sam_input.patch_zyx, axis) != plane_of(tuple(plan.patch_zyx), axis):
        raise JobError(
            "planar_sam_input",
            f"SAM's input takes patches of {sam_input.patch_zyx}, the 3D network of {tuple(plan.patch_zyx)}.",
            "Use the finetune.input concatenated or slicewise, a larger canvas, or a smaller patch.",
        )
    digest = OFFICIAL_WEIGHTS[choice.architecture.name].sha256 if choice.weights else None
    return PlanarModel(SamOnPatches(sam, sam_input, axis), "sam", choice.explanation, digest)
