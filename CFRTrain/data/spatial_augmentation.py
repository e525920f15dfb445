"""Rotation, scaling, flips and elastic deformation as one sampling grid, applied to each tensor once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from CFRTrain.data.randomness import chance, uniform


@dataclass(frozen=True)
class SpatialOptions:
    """Ranges to draw from.

    `rotation` in degrees about each axis, `elastic` the largest root mean square displacement in voxels,
    `elastic_spacing` the voxels between control points, `flips` the axes (z, y, x) that may be flipped.
    """

    rotation: float = 15.0
    scale: tuple[float, float] = (0.8, 1.25)
    elastic: float = 2.0
    elastic_spacing: float = 16.0
    flips: tuple[bool, bool, bool] = (False, False, False)


STRONG_SPATIAL = SpatialOptions()
WEAK_SPATIAL = SpatialOptions(rotation=5.0, scale=(0.95, 1.05), elastic=0.0)


def draw_spatial(
    batch: int,
    size_zyx: Sequence[int],
    generator: torch.Generator,
    options: SpatialOptions = STRONG_SPATIAL,
    spacing_zyx: Sequence[float] = (1.0, 1.0, 1.0),
    out_zyx: Sequence[int] | None = None,
) -> torch.Tensor:
    """The sampling grid (batch, z, y, x, 3) float32 of one random transform per sample, for `grid_sample`.

    `size_zyx` is the input's size; `out_zyx` (default: the same) a smaller output cut from the input's
    center, so that rotated corners show anatomy instead of padding. `spacing_zyx` (mm) keeps rotations rigid
    on coarse axes.
    """
    out = tuple(size_zyx if out_zyx is None else out_zyx)
    affine = draw_affine(batch, generator, options)
    displacement = _draw_elastic(batch, out, generator, options)
    return affine_grid(affine, size_zyx, spacing_zyx, out, displacement)


def affine_grid(
    affine: torch.Tensor,
    size_zyx: Sequence[int],
    spacing_zyx: Sequence[float],
    out_zyx: Sequence[int] | None = None,
    displacement: torch.Tensor | None = None,
) -> torch.Tensor:
    """The sampling grid of matrices (batch, 3, 3) as `draw_affine` gives, about the volume's center.

    `displacement` (batch, z, y, x, 3), in voxels, is added; sizes and spacing as in `draw_spatial`.
    """
    half = torch.tensor([float(side) for side in size_zyx]) / 2
    spacing = torch.tensor([float(value) for value in spacing_zyx])
    out = size_zyx if out_zyx is None else out_zyx
    axes = [torch.arange(side, dtype=torch.float32) - (side - 1) / 2 for side in out]
    centered = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    voxel_affine = affine * (spacing[None, None, :] / spacing[None, :, None])
    position = torch.einsum("bij,zyxj->bzyxi", voxel_affine, centered)
    if displacement is not None:
        position = position + displacement
    return (position / half).flip(-1)


def draw_affine(batch: int, generator: torch.Generator, options: SpatialOptions) -> torch.Tensor:
    """Matrices (batch, 3, 3) in z, y, x and mm from output to input: rotations, scalings per axis, flips."""
    angles = torch.deg2rad(uniform(generator, -options.rotation, options.rotation, batch, 3))
    low, high = (math.log(value) for value in options.scale)
    common, single = uniform(generator, low, high, batch, 1), uniform(generator, low / 3, high / 3, batch, 3)
    scale = torch.exp((common + single).clamp(low, high))
    flips = chance(generator, 0.5, batch, 3) & torch.tensor(options.flips)
    matrix = torch.diag_embed(torch.where(flips, -1.0, 1.0) / scale)
    for axis in range(3):
        matrix = _rotation(angles[:, axis], axis) @ matrix
    return matrix


def _rotation(angle: torch.Tensor, axis: int) -> torch.Tensor:
    matrix = torch.eye(3).repeat(len(angle), 1, 1)
    first, second = [other for other in range(3) if other != axis]
    matrix[:, first, first] = matrix[:, second, second] = torch.cos(angle)
    matrix[:, first, second], matrix[:, second, first] = -torch.sin(angle), torch.sin(angle)
    return matrix


def _draw_elastic(
    batch: int,
    out: tuple[int, ...],
    generator: torch.Generator,
    options: SpatialOptions,
) -> torch.Tensor | None:
    """Smooth displacements (batch, z, y, x, 3) in voxels of a random strength up to `options.elastic`."""
    if options.elastic <= 0:
        return None
    coarse = [max(4, math.ceil(side / options.elastic_spacing) + 2) for side in out]
    field = torch.randn(batch, 3, *coarse, generator=generator)
    field = functional.avg_pool3d(functional.pad(field, (1,) * 6, mode="replicate"), 3, stride=1)
    field = functional.interpolate(field, size=out, mode="trilinear", align_corners=True)
    strength = uniform(generator, 0.0, options.elastic, batch, 1, 1, 1, 1)
    field = field * (strength / field.square().mean(dim=(1, 2, 3, 4), keepdim=True).sqrt().clamp_min(1e-6))
    return field.permute(0, 2, 3, 4, 1)


def apply_spatial(tensor: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """`tensor` sampled on a grid of `draw_spatial`, on the tensor's device.

    float (B, 1, z, y, x): an image, linear. float (B, C, z, y, x) with C > 1: probabilities, linear. Integer
    (B, z, y, x): labels, nearest (no new value can appear). Outside, all go on with their edge voxels.
    """
    grid = grid.to(tensor.device)
    if not tensor.is_floating_point():
        sampled = functional.grid_sample(
            tensor[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
        )
        return sampled[:, 0].to(tensor.dtype)
    return functional.grid_sample(tensor, grid, mode="bilinear", padding_mode="border", align_corners=False)


def augment_spatial(
    image: torch.Tensor,
    *targets: torch.Tensor | None,
    generator: torch.Generator,
    options: SpatialOptions = STRONG_SPATIAL,
    spacing_zyx: Sequence[float] = (1.0, 1.0, 1.0),
    out_zyx: Sequence[int] | None = None,
) -> tuple[torch.Tensor | None, ...]:
    """The image (B, 1, z, y, x) and its targets moved by the same draw per sample; None stays None."""
    grid = draw_spatial(image.shape[0], image.shape[2:], generator, options, spacing_zyx, out_zyx)
    return tuple(None if tensor is None else apply_spatial(tensor, grid) for tensor in (image, *targets))
