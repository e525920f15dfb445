"""What every input strategy is told, what it gives, and the resizing of slices that most share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import interpolate

Triple = tuple[int, int, int]
OWN_CANVAS = 1024  # side in pixels that SAM was trained at


class SamInput(Protocol):
    """patch_zyx: voxels of one patch. canvas: side in pixels of every picture. pictures_per_patch: how many.

    B patches are N = B x pictures_per_patch pictures.
    """

    patch_zyx: Triple
    canvas: int
    pictures_per_patch: int

    def pictures(self, images: Tensor) -> Tensor:
        """Images (B,1,z,y,x) as pictures (N,1,canvas,canvas), or (N,3,...); padding is 0, a mean."""

    def label_pictures(self, labels: Tensor) -> Tensor:
        """Labels (B,z,y,x) as (N,canvas,canvas); pixels without a voxel are IGNORE."""

    def volumes(self, answers: Tensor) -> Tensor:
        """Logits or probabilities (N,C,canvas,canvas) as (B,C,z,y,x)."""


@dataclass(frozen=True)
class InputRequest:
    """patch_zyx: voxels. axis: slices lie across it. canvas: wished side of a picture in pixels, 0 = chosen.

    layout: of a canvas's slices. token: pixels that become one token. scale: slices per row of the scaled
    canvas. axes: of the input along several axes. pretrained: whether SAM has its official weights.
    """

    patch_zyx: Triple
    axis: int
    canvas: int = 0
    layout: str = "official"
    token: int = 16
    scale: int = 4
    axes: tuple[int, ...] = (0, 1, 2)
    pretrained: bool = False

    @property
    def plane(self) -> tuple[int, int]:
        """Rows and columns of one slice, in voxels."""
        return plane_of(self.patch_zyx, self.axis)


def plane_of(patch_zyx: Triple, axis: int) -> tuple[int, int]:
    """Rows and columns of the slices of a patch across `axis`."""
    rows, cols = (side for other, side in enumerate(patch_zyx) if other != axis)
    return rows, cols


def whole_tokens(side: int, token: int) -> int:
    """`side` rounded up to a multiple of `token`."""
    return -(-side // token) * token


def resized_images(slices: Tensor, side: int) -> Tensor:
    """Gray slices (N,C,rows,cols) at side x side, bilinear; shrinking averages, it does not skip pixels."""
    shrinks = side < max(slices.shape[-2:])
    return interpolate(slices, size=(side, side), mode="bilinear", align_corners=False, antialias=shrinks)


def resized_labels(slices: Tensor, side: int) -> Tensor:
    """Class indices (N,C,rows,cols) at side x side; the nearest, no value that was not there."""
    return interpolate(slices.float(), size=(side, side), mode="nearest-exact").to(slices.dtype)


def resized_answers(slices: Tensor, plane: tuple[int, int]) -> Tensor:
    """Logits or probabilities (N,C,side,side) back at the slices' rows and columns, bilinear."""
    return interpolate(slices, size=plane, mode="bilinear", align_corners=False)
