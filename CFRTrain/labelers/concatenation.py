"""Concatenate: the slices of a volume side by side on one square canvas, and exactly back (CFR, part III-A).

A volume is `zyx`; the slices along `axis` keep the order of the two other axes, so with axis 0 a slice has y
along canvas rows and x along canvas columns. Slices follow in raster order: left to right, top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod, sqrt
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from CFRTrain.runs.errors import CFRError

IGNORE = 255  # label of every canvas pixel that shows no voxel
TOKEN = 16  # side in pixels of the patch that SAM's encoder turns into one token
LAYOUTS = ("official", "paper", "token")
Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class CanvasGrid:
    """Where each slice lies on the canvas. Pairs are (along rows, along columns), in pixels unless said.

    slice_shape: voxels of one slice. slices: how many there are. rows, cols: cells of the grid.
    pitch: distance between neighboring slices. offset: first pixel of the first cell's slice.
    front: empty cells before the first slice. canvas: side of the canvas.
    """

    layout: str
    slice_shape: tuple[int, int]
    slices: int
    rows: int
    cols: int
    pitch: tuple[int, int]
    offset: tuple[int, int]
    front: int
    canvas: int

    def origin(self, index: int) -> tuple[int, int]:
        """Canvas row and column of the first voxel of slice `index`."""
        row, col = divmod(index + self.front, self.cols)
        return self.offset[0] + row * self.pitch[0], self.offset[1] + col * self.pitch[1]

    def holds_every_slice(self) -> bool:
        """Whether every voxel of every slice has a pixel of its own inside the canvas."""
        extents = zip((self.rows, self.cols), self.pitch, self.offset, self.slice_shape, strict=True)
        inside = all(
            start >= 0 and start + (count - 1) * step + side <= self.canvas and step >= side
            for count, step, start, side in extents
        )
        return inside and self.front + self.slices <= self.rows * self.cols


def plan_grid(
    slice_shape: tuple[int, int], slices: int, canvas: int, layout: str = "official", token: int = TOKEN
) -> CanvasGrid:
    """The grid of `slices` slices of `slice_shape` (voxels) on a canvas of side `canvas` (pixels).

    official: the released code's layout, as many cells per side as slices fit. paper: ceil(sqrt(slices))
    cells per side, left-top aligned. token: slices start on multiples of `token`, on the smallest square.
    CFRError where not every slice fits: slices are never dropped.
    """
    if min(*slice_shape, slices, canvas, token) < 1:
        raise CFRError(
            "empty_canvas",
            f"{slices} slices of {slice_shape} cannot be laid out on a canvas of side {canvas}.",
            "Every side must be at least 1.",
        )
    if layout == "official":
        grid = _official(slice_shape, slices, canvas)
    elif layout == "paper":
        grid = _paper(slice_shape, slices, canvas)
    elif layout == "token":
        grid = _token(slice_shape, slices, canvas, token)
    else:
        known = ", ".join(LAYOUTS)
        raise CFRError("unknown_layout", f"There is no layout {layout!r}.", f"Use one of {known}.")
    if grid is None or not grid.holds_every_slice():
        raise CFRError(
            "slices_do_not_fit",
            f"{slices} slices of {slice_shape[0]} x {slice_shape[1]} do not fit on a canvas of side {canvas}"
            f" in the {layout} layout.",
            "Use a larger canvas, a smaller patch, or another layout.",
        )
    return grid


def _official(slice_shape: tuple[int, int], slices: int, canvas: int) -> CanvasGrid | None:
    """floor(canvas / side) cells, equal pads around each slice, slices in the middle (released CFR code)."""
    rows, cols = (canvas // side for side in slice_shape)
    if rows * cols < slices:
        return None
    pitch, offset = zip(
        *(_official_axis(side, count, canvas) for side, count in zip(slice_shape, (rows, cols), strict=True)),
        strict=True,
    )
    front = (rows * cols - slices) // 2
    return CanvasGrid("official", slice_shape, slices, rows, cols, pitch, offset, front, canvas)


def _official_axis(side: int, count: int, canvas: int) -> tuple[int, int]:
    """Pitch and offset along one axis. The released code rounds the pad and trims the canvas to size; where
    that would trim voxels, not only pads, the pad is one pixel smaller here."""
    border = round((canvas / count - side) / 2)
    for pad_pixels in (border, border - 1):
        pitch = side + 2 * pad_pixels
        offset = pad_pixels + (canvas - count * pitch) // 2
        if offset >= 0 and offset + (count - 1) * pitch + side <= canvas:
            break
    return pitch, offset


def _paper(slice_shape: tuple[int, int], slices: int, canvas: int) -> CanvasGrid:
    cells = ceil(sqrt(slices))
    return CanvasGrid("paper", slice_shape, slices, cells, cells, slice_shape, (0, 0), 0, canvas)


def _token(slice_shape: tuple[int, int], slices: int, canvas: int, token: int) -> CanvasGrid | None:
    """Rows and columns of the smallest enclosing square, then the fewest empty cells; margins in tokens."""
    pitch = tuple(ceil(side / token) * token for side in slice_shape)
    shapes = [(ceil(slices / cols), cols) for cols in range(1, min(slices, canvas // pitch[1]) + 1)]
    fitting = [(rows, cols) for rows, cols in shapes if rows * pitch[0] <= canvas]
    if not fitting:
        return None
    rows, cols = min(fitting, key=lambda cell: (max(cell[0] * pitch[0], cell[1] * pitch[1]), prod(cell)))
    used = (rows * pitch[0], cols * pitch[1])
    offset = tuple((canvas - length) // 2 // token * token for length in used)
    return CanvasGrid("token", slice_shape, slices, rows, cols, pitch, offset, 0, canvas)


def smallest_canvas(
    slice_shape: tuple[int, int], slices: int, layout: str = "official", token: int = TOKEN
) -> int:
    """The smallest canvas side, in whole tokens, on which all slices fit."""
    side = ceil(max(slice_shape) / token) * token
    while True:
        try:
            plan_grid(slice_shape, slices, side, layout, token)
            return side
        except CFRError as error:
            if error.code != "slices_do_not_fit":
                raise
        side += token


def slices_per_canvas(
    slice_shape: tuple[int, int], slices: int, canvas: int, layout: str, token: int = TOKEN
) -> int:
    """How many of `slices` slices fit on one canvas. CFRError when not even one slice fits.

    A longer volume is cut into overlapping pieces of that many slices.
    """
    for count in range(slices, 1, -1):
        try:
            plan_grid(slice_shape, count, canvas, layout, token)
            return count
        except CFRError as error:
            if error.code != "slices_do_not_fit":
                raise
    plan_grid(slice_shape, 1, canvas, layout, token)
    return 1


def concatenate(volume: Array, grid: CanvasGrid, axis: int = 0, fill: float = 0) -> Array:
    """Volumes (..., z, y, x), arrays or tensors, as canvases (..., canvas, canvas) of the same dtype.

    axis: 0, 1 or 2 of `zyx`. fill: value of every pixel without a voxel (0 for images, IGNORE for labels).
    """
    if isinstance(volume, np.ndarray):
        return concatenate(torch.from_numpy(np.ascontiguousarray(volume)), grid, axis, fill).numpy()
    stack = volume.movedim(axis - 3, -3)
    _require_shape(tuple(stack.shape[-3:]), (grid.slices, *grid.slice_shape), "volume")
    behind = grid.rows * grid.cols - grid.front - grid.slices
    right, below = (grid.pitch[1] - grid.slice_shape[1], grid.pitch[0] - grid.slice_shape[0])
    cells = pad(stack, (0, right, 0, below, grid.front, behind), value=fill)
    lead = stack.shape[:-3]
    cells = cells.reshape(*lead, grid.rows, grid.cols, *grid.pitch).transpose(-3, -2)
    picture = cells.reshape(*lead, grid.rows * grid.pitch[0], grid.cols * grid.pitch[1])
    # A negative pad trims what the last cells' own padding has beyond the canvas; no voxel lies there.
    return pad(picture, _margins(grid), value=fill)


def separate(canvas: Array, grid: CanvasGrid, axis: int = 0) -> Array:
    """The exact inverse of `concatenate`: canvases (..., canvas, canvas) as volumes (..., z, y, x).

    Works alike for images, labels, logits and probabilities; gradients pass.
    """
    if isinstance(canvas, np.ndarray):
        return separate(torch.from_numpy(np.ascontiguousarray(canvas)), grid, axis).numpy()
    _require_shape(tuple(canvas.shape[-2:]), (grid.canvas, grid.canvas), "canvas")
    picture = pad(canvas, tuple(-margin for margin in _margins(grid)))
    lead = canvas.shape[:-2]
    cells = picture.reshape(*lead, grid.rows, grid.pitch[0], grid.cols, grid.pitch[1]).transpose(-3, -2)
    stack = cells.reshape(*lead, grid.rows * grid.cols, *grid.pitch)
    stack = stack[..., grid.front : grid.front + grid.slices, : grid.slice_shape[0], : grid.slice_shape[1]]
    return stack.movedim(-3, axis - 3)


def _margins(grid: CanvasGrid) -> tuple[int, int, int, int]:
    """Left, right, top, bottom pixels between cells and canvas; negative where cells reach beyond it."""
    top, left = grid.offset
    right = grid.canvas - left - grid.cols * grid.pitch[1]
    bottom = grid.canvas - top - grid.rows * grid.pitch[0]
    return left, right, top, bottom


def _require_shape(found: tuple[int, ...], expected: tuple[int, ...], what: str) -> None:
    if found != expected:
        raise CFRError(
            "grid_shape_mismatch",
            f"This grid is made for a {what} of {expected}, not {found}.",
            "Plan the grid for this patch and slicing axis.",
        )
