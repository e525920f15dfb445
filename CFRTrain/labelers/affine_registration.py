"""The linear part of a registration, by mutual information or by correlation, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import SimpleITK as sitk

from CFRTrain.labelers.image_grids import pyramid_level

SAMPLING_SEED = 7
MUTUAL_INFORMATION_BINS = 32
LARGEST_STRETCH = 2.5  # no anatomy is that much larger than its kind: such an affine is wrong

Metric = Literal["information", "correlation"]
Linear = Literal["affine", "translation"]


def linear_transform(
    fixed: sitk.Image,
    moving: sitk.Image,
    kind: Linear,
    metric: Metric,
    shrinks: Sequence[float],
    iterations: int,
    samples: int,
) -> tuple[sitk.AffineTransform, bool]:
    """The best translation or affine transform, and whether it may be trusted (else centers are aligned).

    shrinks: how much coarser than the images each level is. samples: voxels that each step looks at.
    """
    coarse = [pyramid_level(image, shrinks[-1]) for image in (fixed, moving)]
    starts = [_aligned_centers(fixed, moving, by_mass) for by_mass in (False, True)]
    scores = [_score(*coarse, start, metric) for start in starts]
    start, start_score = min(zip(starts, scores, strict=True), key=lambda pair: pair[1])
    try:
        found = _translated(*(pyramid_level(image, shrinks[0]) for image in (fixed, moving)), start, metric)
        for shrink in shrinks if kind == "affine" else ():
            level = [pyramid_level(image, shrink) for image in (fixed, moving)]
            found = sitk.AffineTransform(_optimized(*level, found, metric, iterations, samples))
    except RuntimeError:  # ITK's way to say that the volumes stopped overlapping or held no contrast
        return start, False
    stretches = np.linalg.svd(np.array(found.GetMatrix()).reshape(3, 3), compute_uv=False)
    plausible = stretches.max() < LARGEST_STRETCH and stretches.min() > 1 / LARGEST_STRETCH
    # a translation is sought at the coarsest level alone; the finest, noisier, is no judge of it
    if plausible and (kind == "translation" or _score(*coarse, found, metric) <= start_score):
        return found, True
    return start, False


def _translated(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.AffineTransform, metric: Metric
) -> sitk.AffineTransform:
    """`start` shifted to the best match: turning and stretching before that may lose the structure."""
    shift = sitk.TranslationTransform(3, start.GetTranslation())
    found = sitk.AffineTransform(start)
    result = _optimized(fixed, moving, shift, metric, 40, 1 << 30)
    found.SetTranslation(sitk.TranslationTransform(result).GetOffset())
    return found


def _optimized(
    fixed: sitk.Image,
    moving: sitk.Image,
    start: sitk.Transform,
    metric: Metric,
    iterations: int,
    samples: int,
) -> sitk.Transform:
    """The best match near `start`, a transform of its kind. RuntimeError as ITK raises it."""
    method = _method(metric)
    share = min(1.0, samples / float(np.prod(fixed.GetSize())))
    if share < 1:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(share, SAMPLING_SEED)
    # Steps that shrink at every turn: with a constant step the transform oscillates and stops far too early.
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, iterations, 0.6, 1e-8)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    return sitk.CompositeTransform(method.Execute(fixed, moving)).GetBackTransform()


def _method(metric: Metric) -> sitk.ImageRegistrationMethod:
    """A metric over every voxel, summed in one piece: the sum must not depend on the number of threads."""
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfWorkUnits(1)
    if metric == "information":
        method.SetMetricAsMattesMutualInformation(MUTUAL_INFORMATION_BINS)
    else:
        method.SetMetricAsCorrelation()
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _score(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform, metric: Metric) -> float:
    """How badly two images match under a transform, less is better; infinite where nothing overlaps."""
    method = _method(metric)
    method.SetInitialTransform(transform, inPlace=False)
    try:
        return float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return float("inf")


def _aligned_centers(fixed: sitk.Image, moving: sitk.Image, by_mass: bool) -> sitk.AffineTransform:
    """Translation between the centers of the grids, or of the intensities above the darkest."""
    centers = [_center(image, by_mass) for image in (fixed, moving)]
    affine = sitk.AffineTransform(3)
    affine.SetCenter(centers[0].tolist())
    affine.SetTranslation((centers[1] - centers[0]).tolist())
    return affine


def _center(image: sitk.Image, by_mass: bool) -> np.ndarray:
    size, spacing, origin = (
        np.array(part) for part in (image.GetSize(), image.GetSpacing(), image.GetOrigin())
    )
    middle = (size - 1) / 2 * spacing
    mass = sitk.GetArrayFromImage(image).astype(np.float64)
    mass -= mass.min()
    sums = [mass.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in (2, 1, 0)]
    total = float(sums[0].sum())
    if by_mass and total > 0:
        middle = np.array([float((line * np.arange(len(line))).sum()) / total for line in sums]) * spacing
    return origin + middle
