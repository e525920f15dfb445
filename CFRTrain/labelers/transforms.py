"""A spatial transform between two volumes, and volumes and probabilities seen through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from CFRTrain.labelers.image_grids import to_image


@dataclass(frozen=True, eq=False)
class Transform:
    """Where each point of the fixed grid lies in the moving volume: x -> affine(x + displacement(x)).

    affine: float64 (3,4) in mm, axes `zyx`. displacement: float32 (3,z,y,x) in mm, components `zyx`, on a
    grid that may be coarser than the fixed one. affine_converged: False where the centers were aligned
    instead. similarity: correlation of the locally normalized images after registration, -1 to 1.
    """

    affine: np.ndarray
    displacement: np.ndarray
    field_spacing_zyx: tuple[float, float, float]
    field_origin_zyx: tuple[float, float, float]
    shape_zyx: tuple[int, int, int]
    spacing_zyx: tuple[float, float, float]
    affine_converged: bool = True
    similarity: float = 0.0


def warp_image(image: np.ndarray, spacing_moving: Sequence[float], transform: Transform) -> np.ndarray:
    """`image` (z,y,x) seen on the fixed grid, float32; beyond its border the border value goes on."""
    warped = sitk.Resample(
        to_image(image, spacing_moving), fixed_grid(transform), sitk_transform(transform), sitk.sitkLinear,
        0.0, sitk.sitkFloat32, True,
    )  # fmt: skip
    return sitk.GetArrayFromImage(warped)


def warp_probabilities(
    probabilities: np.ndarray, spacing_moving: Sequence[float], transform: Transform
) -> np.ndarray:
    """Probabilities (C,z,y,x) on the fixed grid, float32 summing to 1; background beyond the border."""
    channels = np.ascontiguousarray(np.moveaxis(probabilities.astype(np.float32, copy=False), 0, -1))
    image = sitk.GetImageFromArray(channels, isVector=True)
    image.SetSpacing([float(value) for value in spacing_moving[::-1]])
    warped = sitk.Resample(image, fixed_grid(transform), sitk_transform(transform), sitk.sitkLinear, 0.0)
    result = np.ascontiguousarray(np.moveaxis(sitk.GetArrayFromImage(warped), -1, 0))
    result[0] += np.maximum(1.0 - result.sum(0), 0.0)
    return result / result.sum(0)


def sitk_transform(transform: Transform) -> sitk.Transform:
    """The transform as SimpleITK's, from fixed to moving points in mm (axes `xyz`)."""
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(transform.affine[::-1, 2::-1].ravel().tolist())
    affine.SetTranslation(transform.affine[::-1, 3].tolist())
    if not transform.displacement.any():
        return affine
    # A coarse field ends half a voxel inside the border, and beyond its end ITK knows no displacement.
    extended = np.pad(transform.displacement, ((0, 0), (1, 1), (1, 1), (1, 1)), mode="edge")
    vectors = np.ascontiguousarray(np.moveaxis(extended[::-1], 0, -1), np.float64)
    field = sitk.GetImageFromArray(vectors, isVector=True)
    spacing, origin = np.array(transform.field_spacing_zyx), np.array(transform.field_origin_zyx)
    field.SetSpacing(spacing[::-1].tolist())
    field.SetOrigin((origin - spacing)[::-1].tolist())
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)])


def fixed_grid(transform: Transform) -> sitk.Image:
    """An empty image on the fixed grid."""
    grid = sitk.Image([int(size) for size in transform.shape_zyx[::-1]], sitk.sitkUInt8)
    grid.SetSpacing(transform.spacing_zyx[::-1])
    return grid


def matrix_zyx(affine: sitk.AffineTransform) -> np.ndarray:
    """(3,4) matrix of y = M x + t in axes `zyx`, its center folded into t."""
    matrix = np.array(affine.GetMatrix()).reshape(3, 3)
    center, shift = np.array(affine.GetCenter()), np.array(affine.GetTranslation())
    offset = shift + center - matrix @ center
    return np.concatenate([matrix[::-1, ::-1], offset[::-1, None]], axis=1)
