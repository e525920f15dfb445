"""One patch cut along several axes: a canvas along each, the probabilities averaged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from CFRTrain.labelers.concatenation import plan_grid, smallest_canvas
from CFRTrain.labelers.inputs.base import OWN_CANVAS, InputRequest, Triple, plane_of, whole_tokens
from CFRTrain.labelers.inputs.concatenated import ConcatenatedInput
from CFRTrain.runs.errors import CFRError


@dataclass(frozen=True)
class AxesInput:
    """The same patch on one canvas per axis, all of one size; N = B x axes, one axis after the other."""

    along: tuple[ConcatenatedInput, ...]

    @property
    def patch_zyx(self) -> Triple:
        return self.along[0].patch_zyx

    @property
    def canvas(self) -> int:
        return self.along[0].canvas

    @property
    def pictures_per_patch(self) -> int:
        return len(self.along)

    def pictures(self, images: Tensor) -> Tensor:
        return torch.cat([one.pictures(images) for one in self.along])

    def label_pictures(self, labels: Tensor) -> Tensor:
        return torch.cat([one.label_pictures(labels) for one in self.along])

    def volumes(self, answers: Tensor) -> Tensor:
        """The mean over the axes: of probabilities, as it is meant, or of logits."""
        parts = answers.chunk(len(self.along))
        return torch.stack([one.volumes(part) for one, part in zip(self.along, parts, strict=True)]).mean(0)


def plan_axes(request: InputRequest) -> AxesInput:
    """A canvas of 0 is the smallest on which the patch fits along every axis, at most SAM's own.

    Where the patch does not fit along one of them, its longest sides get smaller until it does.
    CFRError for an unknown layout.
    """
    layout, token, patch = request.layout, request.token, list(request.patch_zyx)
    canvas = request.canvas
    if not canvas:
        needed = (smallest_canvas(plane_of(patch, axis), patch[axis], layout, token) for axis in request.axes)
        canvas = min(max(needed), OWN_CANVAS)
    canvas = whole_tokens(canvas, token)
    while not all(_fits(patch, axis, canvas, layout, token) for axis in request.axes):
        patch[patch.index(max(patch))] -= 1
    grids = [plan_grid(plane_of(patch, axis), patch[axis], canvas, layout, token) for axis in request.axes]
    pairs = zip(grids, request.axes, strict=True)
    return AxesInput(tuple(ConcatenatedInput(grid, axis) for grid, axis in pairs))


def _fits(patch: list[int], axis: int, canvas: int, layout: str, token: int) -> bool:
    try:
        plan_grid(plane_of(patch, axis), patch[axis], canvas, layout, token)
    except CFRError as error:
        if error.code != "slices_do_not_fit":
            raise
        return False
    return True
