"""Where the voxels of a volume lie in the patient: size, spacing, origin and direction."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

SAME_GRID_VOXELS = 0.05
"""Headers of one grid may be rounded differently; five percent of a voxel is below what a label shows."""

NO_TURN = 1e-12
"""Direction cosines below this are rounding noise: a nanometer over a kilometer."""


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume in LPS patient space, in mm.

    `size_zyx` and `spacing_zyx` follow the axes of the array; `origin_xyz` (center of the first voxel) and
    the row-major 3 x 3 `direction` (columns: x, y, z axis of the grid) are SimpleITK's.
    """

    size_zyx: tuple[int, int, int]
    spacing_zyx: tuple[float, float, float]
    origin_xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        # ITK inverts the matrix by an SVD that fails on denormal numbers, and goes on with a wrong inverse.
        clean = tuple(0.0 if abs(value) < NO_TURN else float(value) for value in self.direction)
        object.__setattr__(self, "direction", clean)

    @property
    def matrix(self) -> np.ndarray:
        """The 3 x 3 matrix from a voxel index (x, y, z) to mm, without the origin."""
        return np.array(self.direction).reshape(3, 3) @ np.diag(self.spacing_zyx[::-1])

    def physical(self, index_zyx: Sequence[float] | np.ndarray) -> np.ndarray:
        """LPS position(s) in mm, (..., 3) as x, y, z, of voxel indices (..., 3) as z, y, x."""
        return np.asarray(index_zyx, dtype=float)[..., ::-1] @ self.matrix.T + np.array(self.origin_xyz)

    def index(self, physical_xyz: Sequence[float] | np.ndarray) -> np.ndarray:
        """Fractional voxel indices (..., 3) as z, y, x of LPS positions (..., 3) in mm."""
        offset = np.asarray(physical_xyz, dtype=float) - np.array(self.origin_xyz)
        return (offset @ np.linalg.inv(self.matrix).T)[..., ::-1]

    def same_grid(self, other: Geometry, tolerance: float = 1e-3) -> bool:
        """True if no corner voxel lies further apart than `tolerance` times the smallest spacing."""
        if tuple(self.size_zyx) != tuple(other.size_zyx):
            return False
        corners = np.array(list(itertools.product(*[(0, size - 1) for size in self.size_zyx])))
        apart = np.linalg.norm(self.physical(corners) - other.physical(corners), axis=1).max()
        return bool(apart <= tolerance * min(self.spacing_zyx + other.spacing_zyx))

    def with_spacing(self, spacing_zyx: Sequence[float]) -> Geometry:
        """The grid of another spacing over the same physical extent, centered on the same point.

        The size is rounded, so the outer faces may differ by up to half a new voxel in total.
        """
        extent = np.array(self.size_zyx) * np.array(self.spacing_zyx)
        size = np.maximum(1, np.round(extent / np.array(spacing_zyx)).astype(int))
        target = replace(
            self, size_zyx=tuple(int(s) for s in size), spacing_zyx=tuple(float(s) for s in spacing_zyx)
        )
        center = self.physical((np.array(self.size_zyx) - 1) / 2)
        origin = center - target.matrix @ ((size[::-1] - 1) / 2)
        return replace(target, origin_xyz=tuple(float(o) for o in origin))

    def to_dict(self) -> dict[str, list]:
        """A JSON object; `from_dict` reads it back exactly."""
        return {
            "size_zyx": list(self.size_zyx),
            "spacing_zyx": list(self.spacing_zyx),
            "origin_xyz": list(self.origin_xyz),
            "direction": list(self.direction),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> Geometry:
        """Geometry from `to_dict`'s object; ValueError if it is not one."""
        lengths = {"size_zyx": 3, "spacing_zyx": 3, "origin_xyz": 3, "direction": 9}
        if set(values) != set(lengths):
            raise ValueError("a geometry has size_zyx, spacing_zyx, origin_xyz and direction")
        numbers = {key: tuple(float(v) for v in values[key]) for key in lengths}
        if any(len(numbers[key]) != length for key, length in lengths.items()):
            raise ValueError("a geometry value has the wrong length")
        if not np.isfinite(sum(numbers.values(), ())).all() or min(numbers["spacing_zyx"]) <= 0:
            raise ValueError("a geometry needs finite numbers and a positive spacing")
        numbers["size_zyx"] = tuple(int(v) for v in numbers["size_zyx"])
        return cls(**numbers)


@dataclass
class Volume:
    """An array (z, y, x) and its grid."""

    array: np.ndarray
    geometry: Geometry

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != tuple(self.geometry.size_zyx):
            raise ValueError(
                f"an array of shape {self.array.shape} does not fit a grid of {self.geometry.size_zyx}"
            )


def geometry_of(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The geometry of a 3D SimpleITK image, or of a reader after ReadImageInformation."""
    return Geometry(
        tuple(int(v) for v in image.GetSize()[2::-1]),
        tuple(image.GetSpacing()[2::-1]),
        tuple(image.GetOrigin()[:3]),
        tuple(image.GetDirection()),
    )


def to_sitk(volume: Volume) -> sitk.Image:
    """A SimpleITK image that owns a copy of the array."""
    return place(sitk.GetImageFromArray(volume.array), volume.geometry)


def place(image: sitk.Image, geometry: Geometry) -> sitk.Image:
    """The same image object, put on the grid `geometry`."""
    image.SetSpacing(geometry.spacing_zyx[::-1])
    image.SetOrigin(geometry.origin_xyz)
    image.SetDirection(geometry.direction)
    return image


def from_sitk(image: sitk.Image) -> Volume:
    """The volume of a 3D SimpleITK image; the array is a copy, never a view of ITK's memory."""
    return Volume(sitk.GetArrayFromImage(image), geometry_of(image))
