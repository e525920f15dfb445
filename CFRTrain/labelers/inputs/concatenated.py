"""All slices of a patch side by side on one canvas (CFR, section III-A)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from CFRTrain.labelers.concatenation import (
    IGNORE,
    CanvasGrid,
    concatenate,
    plan_grid,
    separate,
    slices_per_canvas,
    smallest_canvas,
)
from CFRTrain.labelers.inputs.base import OWN_CANVAS, InputRequest, Triple, whole_tokens


@dataclass(frozen=True)
class ConcatenatedInput:
    """All slices of a patch on one canvas, as in CFR; N = B."""

    grid: CanvasGrid
    axis: int
    pictures_per_patch = 1

    @property
    def patch_zyx(self) -> Triple:
        sides = list(self.grid.slice_shape)
        sides.insert(self.axis, self.grid.slices)
        return tuple(sides)

    @property
    def canvas(self) -> int:
        return self.grid.canvas

    def pictures(self, images: Tensor) -> Tensor:
        return concatenate(images, self.grid, self.axis)

    def label_pictures(self, labels: Tensor) -> Tensor:
        return concatenate(labels, self.grid, self.axis, fill=IGNORE)

    def volumes(self, answers: Tensor) -> Tensor:
        return separate(answers, self.grid, self.axis)


def plan_concatenated(request: InputRequest) -> ConcatenatedInput:
    """One canvas per patch; a canvas of 0 is the smallest on which the patch fits, at most SAM's own.

    Where a patch does not fit, the patch gets smaller and no slice is dropped: sliding windows then take more
    canvases per volume. CFRError for an unknown layout.
    """
    plane, axis, canvas = request.plane, request.axis, request.canvas
    layout, token = request.layout, request.token
    if not canvas:
        canvas = min(smallest_canvas(plane, request.patch_zyx[axis], layout, token), OWN_CANVAS)
    canvas = whole_tokens(canvas, token)
    plane = tuple(min(side, canvas) for side in plane)
    count = slices_per_canvas(plane, request.patch_zyx[axis], canvas, layout, token)
    return ConcatenatedInput(plan_grid(plane, count, canvas, layout, token), axis)
