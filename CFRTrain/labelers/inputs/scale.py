"""Concatenation scale g x g: g^2 consecutive slices, resized to fill one canvas (CFR's ablation).

Each slice has canvas / g pixels, 8 of them a gap. A longer volume is cut into overlapping runs of slices.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from CFRTrain.labelers.concatenation import IGNORE, CanvasGrid, concatenate, separate
from CFRTrain.labelers.inputs.base import (
    OWN_CANVAS,
    InputRequest,
    Triple,
    plane_of,
    resized_answers,
    resized_images,
    resized_labels,
    whole_tokens,
)
from CFRTrain.runs.errors import JobError

GAP = 8  # pixels between neighboring slices


@dataclass(frozen=True)
class ScaleInput:
    """Consecutive slices, resized, in the cells of `grid`; N = B."""

    patch_zyx: Triple
    axis: int
    grid: CanvasGrid
    pictures_per_patch = 1

    @property
    def canvas(self) -> int:
        return self.grid.canvas

    def pictures(self, images: Tensor) -> Tensor:
        slices = resized_images(images[:, 0].movedim(1 + self.axis, 1), self.grid.slice_shape[0])
        return concatenate(slices, self.grid)[:, None]

    def label_pictures(self, labels: Tensor) -> Tensor:
        slices = resized_labels(labels.movedim(1 + self.axis, 1), self.grid.slice_shape[0])
        return concatenate(slices, self.grid, fill=IGNORE)

    def volumes(self, answers: Tensor) -> Tensor:
        """Answers (B,C,canvas,canvas) as (B,C,z,y,x), each cell resized to its slice."""
        cells = separate(answers, self.grid)
        plane = plane_of(self.patch_zyx, self.axis)
        slices = resized_answers(cells.flatten(0, 1), plane).unflatten(0, cells.shape[:2])
        return slices.movedim(2, 2 + self.axis)


def plan_scale(request: InputRequest) -> ScaleInput:
    """The patch gets at most g^2 slices; cells that are left over stay empty.

    A canvas of 0 is 1024 for an official SAM; from scratch, the one on which a slice keeps its own pixels.
    JobError when a slice would have no pixel.
    """
    scale, axis = request.scale, request.axis
    own_size = scale * (max(request.plane) + GAP)
    canvas = request.canvas or (OWN_CANVAS if request.pretrained else own_size)
    canvas = whole_tokens(canvas, request.token)
    pitch = canvas // scale
    if pitch <= GAP:
        raise JobError(
            "scale_too_large",
            f"{scale} x {scale} slices with gaps of {GAP} pixels leave no room on a canvas of {canvas}.",
            "Set finetune.scale lower or finetune.canvas higher.",
        )
    patch = list(request.patch_zyx)
    patch[axis] = min(patch[axis], scale**2)
    side, start = pitch - GAP, GAP // 2
    grid = CanvasGrid(
        "scale", (side, side), patch[axis], scale, scale, (pitch, pitch), (start, start), 0, canvas
    )
    return ScaleInput(tuple(patch), axis, grid)
