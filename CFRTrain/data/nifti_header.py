"""The NIfTI header, read here because ITK repairs silently what a medical reader must not guess.

ITK replaces a zero or NaN spacing by 1 mm, drops the sign of a negative one, fills a truncated file with
zeros, turns NaN voxels into zeros and prefers one of two disagreeing orientations.
Formats: NIfTI-1 (nifti1.h), NIfTI-2 (nifti2.h).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

from CFRTrain.data.file_problems import damaged, problem

HEADER_BYTES = 540
BYTES_OF = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
FLOATS = {16: "f4", 64: "f8"}
MULTI_COMPONENT = {32, 128, 1792, 2048, 2304}
MM_PER_UNIT = {1: 1000.0, 3: 0.001}
DISAGREEMENT_VOXELS = 0.1


@dataclass(frozen=True)
class NiftiHeader:
    """What decides the grid: sizes, spacing in mm, first and last byte of the voxels, affines to RAS mm.

    `float_type` is the numpy type of floating-point voxels, None for integers.
    """

    size_xyz: tuple[int, int, int]
    spacing_xyz: tuple[float, float, float]
    data_offset: int
    file_bytes: int
    float_type: np.dtype | None
    qform: np.ndarray | None
    sform: np.ndarray | None

    def warning(self) -> str | None:
        """What is doubtful about the orientation, or None."""
        if self.qform is None and self.sform is None:
            return "The header gives no orientation, so left and right cannot be told apart."
        if self.qform is None or self.sform is None:
            return None
        far = np.append(np.array(self.size_xyz) - 1.0, 1.0)
        apart = max(np.abs((self.qform - self.sform) @ corner).max() for corner in (far, far * [0, 0, 0, 1]))
        if apart > DISAGREEMENT_VOXELS * min(self.spacing_xyz):
            return f"The header holds two orientations (qform, sform) that lie up to {apart:.1f} mm apart."
        return None


def read_nifti_header(start: bytes, case: str) -> NiftiHeader:
    """The header in the first `HEADER_BYTES` bytes (uncompressed); DataError if it is not usable."""
    order, version = _version(start, case)
    if version == 1:
        dim = struct.unpack_from(order + "8h", start, 40)
        datatype, bits = struct.unpack_from(order + "2h", start, 70)
        pixdim = struct.unpack_from(order + "8f", start, 76)
        (offset,) = struct.unpack_from(order + "f", start, 108)
        codes, quaternion_at, rows_at, number = struct.unpack_from(order + "2h", start, 252), 256, 280, "f"
        units, single = start[123], start[344:347] == b"n+1"
    else:
        datatype, bits = struct.unpack_from(order + "2h", start, 12)
        dim = struct.unpack_from(order + "8q", start, 16)
        pixdim = struct.unpack_from(order + "8d", start, 104)
        (offset,) = struct.unpack_from(order + "q", start, 168)
        codes, quaternion_at, rows_at, number = struct.unpack_from(order + "2i", start, 344), 352, 400, "d"
        (units,), single = struct.unpack_from(order + "i", start, 500), start[4:7] == b"n+2"
    if not single:
        raise problem("detached", "The NIfTI header keeps its voxels in another file.", case)
    if not (math.isfinite(offset) and 0 <= offset < 1 << 30 and offset == int(offset)):
        raise damaged("The header says that the voxels start at an impossible place.", case)
    size = _size(dim, case)
    scale = MM_PER_UNIT.get(units & 7, 1.0)
    spacing = _spacing(pixdim, scale, case)
    sform = _sform(struct.unpack_from(order + "12" + number, start, rows_at)) if codes[1] > 0 else None
    qform = (
        _qform(struct.unpack_from(order + "6" + number, start, quaternion_at), pixdim)
        if codes[0] > 0
        else None
    )
    _check_sform(sform, pixdim, case)
    for affine in (qform, sform):
        if affine is not None:
            affine[:3] *= scale
    data = math.prod(size) * _item_bytes(datatype, bits, case)
    floating = np.dtype(order + FLOATS[datatype]) if datatype in FLOATS else None
    return NiftiHeader(size, spacing, int(offset), int(offset) + data, floating, qform, sform)


def _version(start: bytes, case: str) -> tuple[str, int]:
    for order in "<>":
        if len(start) >= 348 and struct.unpack_from(order + "i", start)[0] == 348:
            return order, 1
        if len(start) >= 540 and struct.unpack_from(order + "i", start)[0] == 540:
            return order, 2
    raise damaged("The file does not begin with a NIfTI header.", case)


def _size(dim: tuple[int, ...], case: str) -> tuple[int, int, int]:
    count = dim[0]
    if not 1 <= count <= 7 or any(extent < 1 for extent in dim[1 : count + 1]):
        raise damaged(f"The header has impossible dimensions {dim[1:4]}.", case)
    if any(extent > 1 for extent in dim[4 : count + 1]):
        raise problem("not_3d", f"The volume has more than three dimensions {dim[1 : count + 1]}.", case)
    if count < 3:
        raise problem("not_3d", "The file holds a 2D image.", case)
    return dim[1:4]


def _spacing(pixdim: tuple[float, ...], scale: float, case: str) -> tuple[float, float, float]:
    if any(not math.isfinite(value) or value <= 0 for value in pixdim[1:4]):
        shown = " x ".join(f"{value:g}" for value in pixdim[1:4])
        raise problem("spacing", f"The voxel spacing in the header is {shown}.", case)
    return tuple(value * scale for value in pixdim[1:4])


def _item_bytes(datatype: int, bits: int, case: str) -> int:
    if datatype in MULTI_COMPONENT:
        raise problem("multi_component", "Every voxel holds several numbers (color or complex).", case)
    if datatype not in BYTES_OF or BYTES_OF[datatype] * 8 != bits:
        raise damaged(f"The header has an unknown voxel type {datatype} with {bits} bits.", case)
    return BYTES_OF[datatype]


def _sform(rows: tuple[float, ...]) -> np.ndarray:
    return np.vstack([np.array(rows, dtype=float).reshape(3, 4), [0, 0, 0, 1]])


def _qform(values: tuple[float, ...], pixdim: tuple[float, ...]) -> np.ndarray:
    """Affine of the quaternion (b, c, d) and offset, nifti1.h method 2."""
    b, c, d = values[:3]
    a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d)) if all(map(math.isfinite, values)) else math.nan
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    flip = -1.0 if pixdim[0] < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([pixdim[1], pixdim[2], pixdim[3] * flip])
    affine[:3, 3] = values[3:]
    return affine


def _check_sform(sform: np.ndarray | None, pixdim: tuple[float, ...], case: str) -> None:
    """ITK takes the spacing of pixdim and the axes of sform; where they differ, voxels would be misplaced."""
    if sform is None:
        return
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if not np.isfinite(sform).all() or np.abs(lengths / np.array(pixdim[1:4]) - 1).max() > 0.01:
        raise problem(
            "geometry", "The header's orientation matrix (sform) contradicts the voxel spacing.", case
        )
