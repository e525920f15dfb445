"""The deformable part of a registration: demons, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import SimpleITK as sitk

from CFRTrain.labelers.image_grids import pyramid_level, resampled

LARGEST_STEP_VOXELS = 2.0
SMALLEST_SIGMA_VOXELS = 0.5

Kind = Literal["symmetric", "diffeomorphic"]


def demons_field(
    fixed: sitk.Image, moving: sitk.Image, kind: Kind, levels: Sequence[tuple[float, int]], sigma: float
) -> sitk.Image:
    """Displacement field (vectors of float64, mm) from `fixed` to `moving`, which share a grid.

    levels: (shrink factor, iterations), coarse to fine. sigma: of the smoothing, in voxels of each level.
    """
    field = sitk.Image(fixed.GetSize(), sitk.sitkVectorFloat64)
    field.CopyInformation(fixed)
    for shrink, iterations in levels:
        target = pyramid_level(fixed, shrink)
        demons = _filter(kind, target, iterations, sigma)
        field = demons.Execute(target, pyramid_level(moving, shrink), resampled(field, target))
    return resampled(field, fixed)


def _filter(kind: Kind, grid: sitk.Image, iterations: int, sigma: float):
    if kind == "diffeomorphic":
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetUseFirstOrderExp(True)  # a third faster, no measurable difference
    else:
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    demons.SetNumberOfWorkUnits(1)  # its sums must not depend on the number of threads
    demons.SetNumberOfIterations(iterations)
    demons.SetSmoothDisplacementField(True)
    finest = min(grid.GetSpacing())  # equally far in mm along every axis
    demons.SetStandardDeviations(
        [max(sigma * finest / step, SMALLEST_SIGMA_VOXELS) for step in grid.GetSpacing()]
    )
    demons.SetMaximumUpdateStepLength(LARGEST_STEP_VOXELS)
    return demons
