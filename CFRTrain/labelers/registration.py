"""Registration of one volume onto another: affine by mutual information, then demons on three levels.

Pure functions of arrays (axes `zyx`) and spacings in mm; both volumes lie on grids whose first voxel is the
origin and whose axes are not rotated, as all volumes at plan grid do. The same inputs give the same bits:
every filter whose sums depend on how the work is split works in one piece; run registrations side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk

SAMPLING_SEED = 7
MUTUAL_INFORMATION_BINS = 32
LARGEST_STRETCH = 2.5  # no anatomy is that much larger than its kind: such an affine is wrong
SMALLEST_LEVEL_VOXELS = 8
MOST_REGISTERED_VOXELS = 1_200_000  # several seconds on one core; anatomy varies more smoothly


@dataclass(frozen=True)
class RegistrationOptions:
    """How to register.

    affine_samples: voxels that each step of the affine stage looks at; too few overfit, more only cost time.
    resolution_mm: both volumes are first brought down to this where finer (None: they stay as they are).
    demons_levels: (shrink factor, iterations), coarse to fine. field_sigma: smoothing of the displacement
    field in voxels of each level. demons: "symmetric" (fast symmetric forces) or "diffeomorphic" (Vercauteren
    et al. 2009, NeuroImage 45:S61), which never folds, takes twice the time and loses 0.5 Dice points
    (hippocampus).
    histogram_matching: only for intensities not yet on a common scale; on normalized ones it does harm.
    """

    affine_shrinks: tuple[float, ...] = (4, 2, 1)
    affine_iterations: int = 60
    affine_samples: int = 20_000
    demons: Literal["symmetric", "diffeomorphic", "off"] = "symmetric"
    demons_levels: tuple[tuple[int, int], ...] = ((4, 60), (2, 60), (1, 40))
    field_sigma: float = 1.5
    histogram_matching: bool = False
    resolution_mm: float | None = None


def automatic_resolution(shape_zyx: Sequence[int], spacing_zyx: Sequence[float]) -> float | None:
    """Resolution in mm at which a volume has about MOST_REGISTERED_VOXELS; None where it has no more."""
    if np.prod(shape_zyx, dtype=float) <= MOST_REGISTERED_VOXELS:
        return None
    spacing = np.array(spacing_zyx, float)
    extent, resolution = np.array(shape_zyx) * spacing, float(spacing.min())
    while np.prod(extent / np.maximum(spacing, resolution)) > MOST_REGISTERED_VOXELS:
        resolution *= 1.05
    return resolution


@dataclass(frozen=True, eq=False)
class Transform:
    """Where each point of the fixed grid lies in the moving volume: x -> affine(x + displacement(x)).

    affine: float64 (3,4) in mm, axes `zyx`. displacement: float32 (3,z,y,x) in mm, components `zyx`, on a
    grid that may be coarser than the fixed one. affine_converged: False where the centers were aligned instead.
    """

    affine: np.ndarray
    displacement: np.ndarray
    field_spacing_zyx: tuple[float, float, float]
    field_origin_zyx: tuple[float, float, float]
    shape_zyx: tuple[int, int, int]
    spacing_zyx: tuple[float, float, float]
    affine_converged: bool = True


def register(
    fixed: np.ndarray,
    moving: np.ndarray,
    spacing_fixed: Sequence[float],
    spacing_moving: Sequence[float],
    options: RegistrationOptions | None = None,
) -> Transform:
    """The transform that brings `moving` (z,y,x) onto `fixed` (z,y,x); intensities on a common scale."""
    options = options or RegistrationOptions()
    scale = max(float(fixed.std()), float(moving.std()), 1e-6)
    fixed_image = _to_image(fixed / scale, spacing_fixed)
    moving_image = _to_image(moving / scale, spacing_moving)
    fixed_image = _resample(fixed_image, _coarser(fixed_image, options.resolution_mm))
    moving_image = _resample(moving_image, _coarser(moving_image, options.resolution_mm))
    affine, converged = _affine(fixed_image, moving_image, options)
    field = _demons(fixed_image, _resample(moving_image, fixed_image, affine), options)
    vectors = np.moveaxis(sitk.GetArrayFromImage(field), -1, 0)[::-1]
    return Transform(
        affine=_matrix_zyx(affine),
        displacement=np.ascontiguousarray(vectors, np.float32),
        field_spacing_zyx=field.GetSpacing()[::-1],
        field_origin_zyx=field.GetOrigin()[::-1],
        shape_zyx=tuple(fixed.shape),
        spacing_zyx=tuple(float(value) for value in spacing_fixed),
        affine_converged=converged,
    )


def warp_image(image: np.ndarray, spacing_moving: Sequence[float], transform: Transform) -> np.ndarray:
    """`image` (z,y,x) seen on the fixed grid, float32; beyond its border the border value goes on."""
    warped = sitk.Resample(
        _to_image(image, spacing_moving), _grid(transform), sitk_transform(transform), sitk.sitkLinear,
        0.0, sitk.sitkFloat32, True,
    )  # fmt: skip
    return sitk.GetArrayFromImage(warped)


def warp_probabilities(
    probabilities: np.ndarray, spacing_moving: Sequence[float], transform: Transform
) -> np.ndarray:
    """Probabilities (C,z,y,x) seen on the fixed grid, float32 summing to 1; background beyond the border."""
    channels = np.ascontiguousarray(np.moveaxis(probabilities.astype(np.float32, copy=False), 0, -1))
    image = sitk.GetImageFromArray(channels, isVector=True)
    image.SetSpacing([float(value) for value in spacing_moving[::-1]])
    warped = sitk.Resample(image, _grid(transform), sitk_transform(transform), sitk.sitkLinear, 0.0)
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


def _affine(
    fixed: sitk.Image, moving: sitk.Image, options: RegistrationOptions
) -> tuple[sitk.AffineTransform, bool]:
    """The best affine transform, and whether it may be trusted (else it is a center alignment)."""
    coarse = [_level(image, options.affine_shrinks[-1]) for image in (fixed, moving)]
    starts = [_aligned_centers(fixed, moving, by_mass) for by_mass in (False, True)]
    scores = [_score(*coarse, start) for start in starts]
    start, start_score = min(zip(starts, scores, strict=True), key=lambda pair: pair[1])
    found = start
    try:
        for shrink in options.affine_shrinks:
            found = _optimized(_level(fixed, shrink), _level(moving, shrink), found, options)
    except RuntimeError:  # ITK's way to say that the volumes stopped overlapping or held no contrast
        return start, False
    stretches = np.linalg.svd(np.array(found.GetMatrix()).reshape(3, 3), compute_uv=False)
    plausible = stretches.max() < LARGEST_STRETCH and stretches.min() > 1 / LARGEST_STRETCH
    if plausible and _score(*coarse, found) <= start_score:
        return found, True
    return start, False


def _optimized(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.AffineTransform, options: RegistrationOptions
) -> sitk.AffineTransform:
    """The affine transform of most mutual information near `start`. RuntimeError as ITK raises it."""
    method = _metric()
    share = min(1.0, options.affine_samples / float(np.prod(fixed.GetSize())))
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(share, SAMPLING_SEED)
    # Steps that shrink at every turn: with a constant step the transform oscillates and stops far too early.
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, options.affine_iterations, 0.6, 1e-8)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    result = method.Execute(fixed, moving)
    return sitk.AffineTransform(sitk.CompositeTransform(result).GetBackTransform())


def _level(image: sitk.Image, shrink: float) -> sitk.Image:
    """The image `shrink` times coarser; an axis that is that coarse already stays."""
    return _resample(image, _coarser(image, shrink * min(image.GetSpacing())))


def _metric() -> sitk.ImageRegistrationMethod:
    """Mutual information, of every voxel unless told otherwise, summed in one piece."""
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfWorkUnits(1)
    method.SetMetricAsMattesMutualInformation(MUTUAL_INFORMATION_BINS)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _aligned_centers(fixed: sitk.Image, moving: sitk.Image, by_mass: bool) -> sitk.AffineTransform:
    """Translation between the centers of the grids, or of the intensities above the darkest."""
    centers = [_center(image, by_mass) for image in (fixed, moving)]
    affine = sitk.AffineTransform(3)
    affine.SetCenter(centers[0].tolist())
    affine.SetTranslation((centers[1] - centers[0]).tolist())
    return affine


def _center(image: sitk.Image, by_mass: bool) -> np.ndarray:
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    middle = (size - 1) / 2 * spacing
    if not by_mass:
        return middle
    mass = sitk.GetArrayViewFromImage(image) - np.float32(sitk.GetArrayViewFromImage(image).min())
    sums = [mass.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in (2, 1, 0)]
    total = float(sums[0].sum())
    if total <= 0:
        return middle
    return np.array([float((line * np.arange(len(line))).sum()) / total for line in sums]) * spacing


def _score(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> float:
    """Negative mutual information under a transform, less is better; infinite where nothing overlaps."""
    method = _metric()
    method.SetInitialTransform(transform, inPlace=False)
    try:
        return float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return float("inf")


def _demons(fixed: sitk.Image, moving: sitk.Image, options: RegistrationOptions) -> sitk.Image:
    """Displacement field (vector of float64, mm) from `fixed` to `moving`, which share a grid."""
    field = sitk.Image(fixed.GetSize(), sitk.sitkVectorFloat64)
    field.CopyInformation(fixed)
    if options.demons == "off":
        return field
    if options.histogram_matching:
        moving = sitk.HistogramMatching(moving, fixed, 256, 10, True)
    for shrink, iterations in options.demons_levels:
        grid = _coarser(fixed, shrink * min(fixed.GetSpacing()))
        level = _demons_filter(options, grid, iterations)
        field = level.Execute(_resample(fixed, grid), _resample(moving, grid), _resample(field, grid))
    return _resample(field, fixed)


def _demons_filter(options: RegistrationOptions, grid: sitk.Image, iterations: int):
    kinds = {
        "diffeomorphic": sitk.DiffeomorphicDemonsRegistrationFilter,
        "symmetric": sitk.FastSymmetricForcesDemonsRegistrationFilter,
    }
    demons = kinds[options.demons]()
    demons.SetNumberOfWorkUnits(1)
    demons.SetNumberOfIterations(iterations)
    demons.SetSmoothDisplacementField(True)
    finest = min(grid.GetSpacing())  # smooth equally far in mm along every axis, yet never below half a voxel
    sigmas = [max(options.field_sigma * finest / step, 0.5) for step in grid.GetSpacing()]
    demons.SetStandardDeviations(sigmas)
    demons.SetMaximumUpdateStepLength(2.0)
    if options.demons == "diffeomorphic":
        demons.SetUseFirstOrderExp(True)  # a third faster, no measurable difference
    return demons


def _coarser(image: sitk.Image, resolution_mm: float | None) -> sitk.Image:
    """An empty grid over the same extent, no axis finer than resolution_mm (axes coarser already stay)."""
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    steps = np.maximum(spacing, resolution_mm or 0.0)
    fewest = np.minimum(size, SMALLEST_LEVEL_VOXELS)
    new_size = np.maximum(np.round(size * spacing / steps).astype(int), fewest)
    new_spacing = size * spacing / new_size
    grid = sitk.Image(new_size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(new_spacing.tolist())
    grid.SetOrigin((np.array(image.GetOrigin()) + (new_spacing - spacing) / 2).tolist())
    return grid


def _resample(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform | None = None) -> sitk.Image:
    """`image` on `grid`, smoothed first where the grid is coarser, its border values going on outside."""
    ratios = np.array(grid.GetSpacing()) / np.array(image.GetSpacing())
    if image.GetNumberOfComponentsPerPixel() == 1 and ratios.max() > 1.01:
        sigmas = np.where(ratios > 1.01, 0.4 * ratios, 0.0)  # in voxels of the finer grid
        image = sitk.DiscreteGaussian(image, (sigmas**2).tolist(), 32, [0.01] * 3, False)
    transform = transform or sitk.Transform(3, sitk.sitkIdentity)
    return sitk.Resample(image, grid, transform, sitk.sitkLinear, 0.0, image.GetPixelID(), True)


def _to_image(array: np.ndarray, spacing_zyx: Sequence[float]) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, np.float32))
    image.SetSpacing([float(value) for value in spacing_zyx[::-1]])
    return image


def _grid(transform: Transform) -> sitk.Image:
    grid = sitk.Image([int(size) for size in transform.shape_zyx[::-1]], sitk.sitkUInt8)
    grid.SetSpacing(transform.spacing_zyx[::-1])
    return grid


def _matrix_zyx(affine: sitk.AffineTransform) -> np.ndarray:
    """(3,4) matrix of y = M x + t in axes `zyx`, its center folded into t."""
    matrix = np.array(affine.GetMatrix()).reshape(3, 3)
    center, shift = np.array(affine.GetCenter()), np.array(affine.GetTranslation())
    offset = shift + center - matrix @ center
    return np.concatenate([matrix[::-1, ::-1], offset[::-1, None]], axis=1)
