"""Volumes as a grid of equal cubes, and back: the partition and recovery of MagicNet.

One order everywhere: cube k of a grid (nz, ny, nx) lies at k = (iz * ny + iy) * nx + ix. (MagicNet's code
takes cubes apart in one order and puts them together in another, which transposes x and z.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Grid = tuple[int, int, int]

USUAL_CUBES = 3  # per axis: 27 cubes of 32^3 in the authors' patch of 96^3


def cube_grid(patch_zyx: Sequence[int], multiple: int) -> Grid:
    """Return how many cubes a patch is cut into per axis, so that a network can read each of them.

    Their sides are whole multiples of `multiple`, at least two of them as in the paper, and as near to three
    cubes per axis as that allows. Where nothing would be cut, the longest side is, into any multiples.
    """
    units = [side // multiple for side in patch_zyx]
    grid = [min(_divisors(count, at_least=2), key=_distance_from_usual) for count in units]
    longest = max(range(3), key=units.__getitem__)
    if math.prod(grid) == 1 and math.prod(units) > units[longest]:
        grid[longest] = min(_divisors(units[longest], at_least=1)[1:], key=_distance_from_usual, default=1)
    return tuple(grid)


def _divisors(units: int, at_least: int) -> list[int]:
    """Return 1 and every number of equal parts that have at least so many units each."""
    return [1] + [count for count in range(2, units // at_least + 1) if units % count == 0]


def _distance_from_usual(count: int) -> tuple[int, int]:
    return abs(count - USUAL_CUBES), -count


def to_cubes(volumes: Tensor, grid: Grid) -> Tensor:
    """Return the cubes (B, N, F, *side) of volumes (B, F, z, y, x) whose sides divide by the grid."""
    batch, features, *sides = volumes.shape
    split = [part for count, side in zip(grid, sides, strict=True) for part in (count, side // count)]
    parts = volumes.reshape(batch, features, *split).permute(0, 2, 4, 6, 1, 3, 5, 7)
    return parts.reshape(batch, math.prod(grid), features, *split[1::2])


def from_cubes(cubes: Tensor, grid: Grid) -> Tensor:
    """Return the volumes (B, F, z, y, x) that `to_cubes` took apart."""
    batch, _, features, *side = cubes.shape
    parts = cubes.reshape(batch, *grid, features, *side).permute(0, 4, 1, 5, 2, 6, 3, 7)
    return parts.reshape(batch, features, *(count * length for count, length in zip(grid, side, strict=True)))


def draw_mixing(batch: int, grid: Grid, device: torch.device) -> Tensor:
    """Return for every place of the grid a random order (B, N) of the items, independent of the others."""
    return torch.rand(batch, math.prod(grid), device=device).argsort(dim=0)


def mix(volumes: Tensor, grid: Grid, order: Tensor) -> Tensor:
    """Return volumes whose cubes, each at its place, come from the items that `order` (B, N) names."""
    places = torch.arange(order.shape[1], device=order.device)
    return from_cubes(to_cubes(volumes, grid)[order, places], grid)


def unmix(volumes: Tensor, grid: Grid, order: Tensor) -> Tensor:
    """Return what `mix` with the same order was given."""
    return mix(volumes, grid, order.argsort(dim=0))
