"""Small steps on SimpleITK images that registration is made of: grids, pyramids, local normalization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

SMALLEST_LEVEL_VOXELS = 8
LOCAL_WINDOW_VOXELS = 3.0
LOCAL_FLOOR = 0.15  # of the image's standard deviation: noise in flat regions must not become structure


def to_image(array: np.ndarray, spacing_zyx: Sequence[float]) -> sitk.Image:
    """An array (z,y,x) as a float32 image with spacing in mm, its first voxel at the origin."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, np.float32))
    image.SetSpacing([float(value) for value in spacing_zyx[::-1]])
    return image


def coarser_grid(image: sitk.Image, resolution_mm: float | None) -> sitk.Image:
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


def resampled(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform | None = None) -> sitk.Image:
    """`image` on `grid`, smoothed first where the grid is coarser, its border values going on outside."""
    ratios = np.array(grid.GetSpacing()) / np.array(image.GetSpacing())
    if image.GetNumberOfComponentsPerPixel() == 1 and ratios.max() > 1.01:
        sigmas = np.where(ratios > 1.01, 0.4 * ratios, 0.0)  # in voxels of the finer grid
        image = sitk.DiscreteGaussian(image, (sigmas**2).tolist(), 32, [0.01] * 3, False)
    transform = transform or sitk.Transform(3, sitk.sitkIdentity)
    return sitk.Resample(image, grid, transform, sitk.sitkLinear, 0.0, image.GetPixelID(), True)


def pyramid_level(image: sitk.Image, shrink: float) -> sitk.Image:
    """The image `shrink` times coarser; an axis that is that coarse already stays."""
    return resampled(image, coarser_grid(image, shrink * min(image.GetSpacing())))


def locally_normalized(image: sitk.Image) -> sitk.Image:
    """(value - local mean) / local standard deviation, equally far in mm along every axis.

    What is left is structure: shading, contrast and the brightness of whole organs, which differ between
    scans of one kind, are gone. The input's standard deviation is to be about 1.
    """
    finest = min(image.GetSpacing())
    variances = [(LOCAL_WINDOW_VOXELS * finest / step) ** 2 for step in image.GetSpacing()]

    def smooth(values: sitk.Image) -> sitk.Image:
        return sitk.DiscreteGaussian(values, variances, 64, [0.01] * 3, False)

    centered = image - smooth(image)
    deviation = sitk.Sqrt(smooth(centered * centered))
    return centered / (deviation + LOCAL_FLOOR)
