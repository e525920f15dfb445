"""How patches become SAM's pictures, and its answers volumes again: one canvas per patch, or per slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import interpolate

from CFRTrain.labelers.concatenation import (
    IGNORE,
    CanvasGrid,
    concatenate,
    plan_grid,
    separate,
    slices_per_canvas,
    smallest_canvas,
)

Triple = tuple[int, int, int]
OWN_CANVAS = 1024  # side in pixels that SAM was trained at


class SamInput(Protocol):
    """patch_zyx: voxels of one patch. canvas: side in pixels of every picture."""

    patch_zyx: Triple
    canvas: int

    def pictures(self, images: Tensor) -> Tensor:
        """Images (B,1,z,y,x) as pictures (N,1,canvas,canvas), padded with 0, the mean of a volume."""

    def label_pictures(self, labels: Tensor) -> Tensor:
        """Labels (B,z,y,x) as (N,canvas,canvas); pixels without a voxel are IGNORE."""

    def volumes(self, answers: Tensor) -> Tensor:
        """Logits or probabilities (N,C,canvas,canvas) as (B,C,z,y,x)."""


@dataclass(frozen=True)
class ConcatenatedInput:
    """All slices of a patch on one canvas, as in CFR; N = B."""

    grid: CanvasGrid
    axis: int

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


@dataclass(frozen=True)
class SlicewiseInput:
    """Every slice resized to a picture of its own, as in the methods CFR compares with; N = B x slices."""

    patch_zyx: Triple
    axis: int
    canvas: int

    def pictures(self, images: Tensor) -> Tensor:
        slices = images.movedim(2 + self.axis, 1).flatten(0, 1)
        return interpolate(slices, size=(self.canvas, self.canvas), mode="bilinear", align_corners=False)

    def label_pictures(self, labels: Tensor) -> Tensor:
        slices = labels.movedim(1 + self.axis, 1).flatten(0, 1)[:, None]
        size = (self.canvas, self.canvas)
        return interpolate(slices.float(), size=size, mode="nearest-exact")[:, 0].to(labels.dtype)

    def volumes(self, answers: Tensor) -> Tensor:
        plane = [side for axis, side in enumerate(self.patch_zyx) if axis != self.axis]
        slices = interpolate(answers, size=plane, mode="bilinear", align_corners=False)
        return slices.unflatten(0, (-1, self.patch_zyx[self.axis])).movedim(1, 2 + self.axis)


def choose_input(
    kind: str, patch_zyx: Triple, axis: int, canvas: int, layout: str, token: int
) -> ConcatenatedInput | SlicewiseInput:
    """The input for patches of `patch_zyx` sliced along `axis`. kind: "concatenated" or "slicewise".

    canvas: wished side in pixels, rounded up to whole tokens; 0 is the smallest on which the patch fits, at
    most SAM's own 1024. Where a patch does not fit, the patch gets smaller and no slice is dropped: sliding
    windows then take more canvases per volume. CFRError for an unknown layout.
    """
    plane = tuple(side for other, side in enumerate(patch_zyx) if other != axis)
    if kind == "slicewise":
        return SlicewiseInput(tuple(patch_zyx), axis, whole_tokens(canvas or max(plane), token))
    if not canvas:
        canvas = min(smallest_canvas(plane, patch_zyx[axis], layout, token), OWN_CANVAS)
    canvas = whole_tokens(canvas, token)
    plane = tuple(min(side, canvas) for side in plane)
    count = slices_per_canvas(plane, patch_zyx[axis], canvas, layout, token)
    return ConcatenatedInput(plan_grid(plane, count, canvas, layout, token), axis)


def whole_tokens(side: int, token: int) -> int:
    """`side` rounded up to a multiple of `token`."""
    return -(-side // token) * token
