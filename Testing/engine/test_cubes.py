"""Partition and recovery: every cube comes back to its own place, alone or mixed across images."""

from __future__ import annotations

import pytest
import torch

from CFRTrain.retraining.cubes import cube_grid, draw_mixing, from_cubes, mix, to_cubes, unmix

GRIDS = [(3, 3, 3), (2, 3, 4), (1, 1, 5), (1, 1, 1)]


def volumes(grid, batch=3, features=2):
    """Volumes of cubes with the sides 2, 3, 1 in which every voxel is another one."""
    sides = [count * side for count, side in zip(grid, (2, 3, 1), strict=True)]
    count = batch * features * sides[0] * sides[1] * sides[2]
    return torch.arange(float(count)).view(batch, features, *sides)


@pytest.mark.parametrize("grid", GRIDS)
def test_taking_apart_and_putting_together_is_the_identity(grid):
    assert torch.equal(from_cubes(to_cubes(volumes(grid), grid), grid), volumes(grid))


@pytest.mark.parametrize("grid", GRIDS)
def test_a_cube_is_the_block_at_its_place_with_x_innermost(grid):
    given = volumes(grid)
    cubes = to_cubes(given, grid)
    for iz in range(grid[0]):
        for iy in range(grid[1]):
            for ix in range(grid[2]):
                block = given[:, :, 2 * iz : 2 * iz + 2, 3 * iy : 3 * iy + 3, ix : ix + 1]
                assert torch.equal(cubes[:, (iz * grid[1] + iy) * grid[2] + ix], block)


@pytest.mark.parametrize("grid", GRIDS)
def test_mixing_across_images_is_undone(grid):
    torch.manual_seed(0)
    order = draw_mixing(3, grid, torch.device("cpu"))
    assert torch.equal(unmix(mix(volumes(grid), grid, order), grid, order), volumes(grid))


def test_mixing_keeps_every_cube_at_its_place_and_draws_each_place_by_itself():
    torch.manual_seed(0)
    grid = (3, 3, 3)
    order = draw_mixing(4, grid, torch.device("cpu"))
    assert order.sort(dim=0).values.tolist() == [[item] * 27 for item in range(4)]
    assert len({tuple(column) for column in order.T.tolist()}) > 5
    mixed, cubes = to_cubes(mix(volumes(grid, 4), grid, order), grid), to_cubes(volumes(grid, 4), grid)
    for item in range(4):
        for place in range(27):
            assert torch.equal(mixed[item, place], cubes[order[item, place], place])


@pytest.mark.parametrize(
    ("patch", "multiple", "grid"),
    [
        ((96, 96, 96), 16, (3, 3, 3)),  # the paper's
        ((32, 48, 32), 8, (2, 3, 2)),
        ((32, 48, 64), 8, (2, 3, 4)),
        ((32, 48, 32), 16, (1, 3, 1)),
        ((112, 112, 80), 16, (7, 1, 1)),  # left atrium: 7, 7 and 5 units
        ((16, 16, 32), 16, (1, 1, 1)),  # halves would leave one voxel at the bottleneck
        ((8, 8, 8), 2, (2, 2, 2)),
    ],
)
def test_cubes_are_multiples_that_the_network_can_read(patch, multiple, grid):
    assert cube_grid(patch, multiple) == grid
    sides = [side // count for side, count in zip(patch, grid, strict=True)]
    assert all(side % multiple == 0 for side in sides) and max(sides) > multiple
