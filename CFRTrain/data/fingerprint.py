"""What planning needs to know of one case: a few numbers, so that a thousand cases cost no memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CFRTrain.data.geometry import Volume
from CFRTrain.data.orientation import canonical_geometry, to_canonical

QUANTILES = (0.005, 0.05, 0.5, 0.95, 0.995)
SAMPLES = 1_000_000


@dataclass(frozen=True)
class Foreground:
    """One class in one label: voxel count and the sides (z, y, x) of its bounding box in mm."""

    value: int
    voxels: int
    extent_mm_zyx: tuple[float, float, float]


@dataclass(frozen=True)
class Intensities:
    """Mean, standard deviation and `QUANTILES` of some voxels, in the image's units (HU for CT)."""

    mean: float
    std: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, values: np.ndarray) -> Intensities:
        """Of at most `SAMPLES` evenly spaced voxels of a flat, non-empty array."""
        sample = values[:: max(1, values.size // SAMPLES)].astype(np.float64)
        return cls(float(sample.mean()), float(sample.std()), tuple(np.quantile(sample, QUANTILES).tolist()))


@dataclass(frozen=True)
class Fingerprint:
    """Grid, intensities and labeled structures of one case; `content` identifies the voxels."""

    case: str
    role: str
    size_zyx: tuple[int, int, int]
    spacing_zyx: tuple[float, float, float]
    intensities: Intensities
    content: str
    inside: Intensities | None = None
    foreground: tuple[Foreground, ...] = ()


def fingerprint(case: str, role: str, image: Volume, label: Volume | None) -> Fingerprint:
    """The fingerprint of an image and, if there is one, its label of class values on the same grid.

    Sizes are those in canonical orientation.
    """
    geometry = canonical_geometry(image.geometry)
    content = hashlib.sha256(str((geometry.size_zyx, image.array.dtype.str)).encode())
    content.update(np.ascontiguousarray(image.array))
    inside, foreground = None, ()
    if label is not None and label.array.any():
        inside = Intensities.of(image.array[label.array > 0])
        foreground = foreground_of(to_canonical(label))
    return Fingerprint(
        case,
        role,
        geometry.size_zyx,
        geometry.spacing_zyx,
        Intensities.of(image.array.ravel()),
        content.hexdigest(),
        inside,
        foreground,
    )


def foreground_of(label: Volume) -> tuple[Foreground, ...]:
    """Every class value of the label map with its size."""
    counts = np.bincount(label.array.ravel(), minlength=2)
    boxes = ndimage.find_objects(label.array)
    found = []
    for value in np.flatnonzero(counts[1:]) + 1:
        extent = [
            (side.stop - side.start) * mm
            for side, mm in zip(boxes[value - 1], label.geometry.spacing_zyx, strict=True)
        ]
        found.append(Foreground(int(value), int(counts[value]), tuple(extent)))
    return tuple(found)
