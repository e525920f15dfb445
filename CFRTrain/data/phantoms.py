"""Synthetic cardiac MR volumes for tests and demonstrations: a chest, a heart, its left atrium labeled.

Anatomy is built from signed distances in mm (positive inside), varies smoothly with the seed, and is drawn
with the contrast, bias field, blur and noise of a late gadolinium-enhanced scan. No patient data is involved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.phantom_anatomy import Anatomy, draw_anatomy
from CFRTrain.data.volumes import write_volume

DEFAULT_SIZE = (48, 64, 64)
DEFAULT_SPACING = (2.5, 2.5, 2.5)
LEFT_ATRIUM, VENTRICLE = 1, 2


def make_phantom(
    seed: int,
    size_zyx: Sequence[int] = DEFAULT_SIZE,
    spacing_zyx: Sequence[float] = DEFAULT_SPACING,
    ventricle: bool = False,
) -> tuple[Volume, Volume]:
    """An image (float32, arbitrary units) and its label (uint8): 1 left atrium, 2 ventricle if asked.

    Deterministic in `seed`. The field of view is centered on the heart; spacing in mm.
    """
    random = np.random.default_rng([20240611, seed])
    geometry = _geometry(size_zyx, spacing_zyx)
    anatomy = draw_anatomy(_positions(geometry, random), random)
    label = np.where(anatomy.inside["left_atrium"] > 0, np.uint8(LEFT_ATRIUM), np.uint8(0))
    if ventricle:
        label[(anatomy.inside["ventricle"] > 0) & (label == 0)] = VENTRICLE
    return Volume(_scan(anatomy, geometry, random), geometry), Volume(label, geometry)


def write_cohort(
    folder: Path | str,
    count: int,
    seed: int = 0,
    labeled: int = 1,
    validation: int = 0,
    size_zyx: Sequence[int] = DEFAULT_SIZE,
    spacing_zyx: Sequence[float] = DEFAULT_SPACING,
    ventricle: bool = False,
) -> Path:
    """Write `count` phantoms and their case list; returns the path of cases.json.

    The first `labeled` cases are labeled, the last `validation` ones validate, the rest are unlabeled. Labels
    of all cases lie in labels/ for measuring, but the case list names only those the engine may use.
    """
    if labeled + validation > count:
        raise ValueError("more labeled and validation cases than cases")
    folder = Path(folder)
    entries = []
    for index in range(count):
        case, kind = f"case_{index + 1:04d}", "unlabeled"
        if index < labeled:
            kind = "labeled"
        elif index >= count - validation:
            kind = "validation"
        image, label = make_phantom(seed * 100_003 + index, size_zyx, spacing_zyx, ventricle)
        write_volume(folder / "images" / f"{case}.nii.gz", image)
        write_volume(folder / "labels" / f"{case}.nii.gz", label)
        entries.append(
            {
                "id": case,
                "image": f"images/{case}.nii.gz",
                "role": kind,
                "label": None if kind == "unlabeled" else f"labels/{case}.nii.gz",
            }
        )
    path = folder / "cases.json"
    path.write_text(json.dumps({"format": 1, "cases": entries}, indent=2) + "\n", encoding="utf-8")
    return path


def _geometry(size_zyx: Sequence[int], spacing_zyx: Sequence[float]) -> Geometry:
    size, spacing = tuple(int(v) for v in size_zyx), tuple(float(v) for v in spacing_zyx)
    origin = tuple(-(extent - 1) / 2 * mm for extent, mm in zip(size[::-1], spacing[::-1], strict=True))
    return Geometry(size, spacing, origin)


def _positions(geometry: Geometry, random: np.random.Generator) -> np.ndarray:
    """Anatomical coordinates (3, z, y, x) in mm of every voxel, through a smooth random deformation."""
    axes = [
        (np.arange(size) - (size - 1) / 2) * mm
        for size, mm in zip(geometry.size_zyx, geometry.spacing_zyx, strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    scale = 1 + random.normal(0, 0.05, 3)
    moved = _rotate(grid / scale[:, None, None, None].astype(np.float32), random.normal(0, 0.08, 3))
    moved += random.normal(0, 4, (3, 1, 1, 1)).astype(np.float32)
    for axis in range(3):
        moved[axis] += smooth_field(geometry, random, 45) * 3.5 + smooth_field(geometry, random, 22) * 1.5
    return moved


def _rotate(grid: np.ndarray, angles: np.ndarray) -> np.ndarray:
    for first, angle in enumerate(angles):
        matrix = np.eye(3)
        second = (first + 1) % 3
        matrix[[first, second], [first, second]] = np.cos(angle)
        matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
        grid = np.tensordot(matrix.astype(np.float32), grid, axes=1)
    return grid


def smooth_field(geometry: Geometry, random: np.random.Generator, wavelength: float) -> np.ndarray:
    """A random field (z, y, x) of about unit deviation that changes over `wavelength` mm."""
    extent = np.array(geometry.size_zyx) * geometry.spacing_zyx
    coarse = np.maximum(4, np.ceil(extent / wavelength).astype(int) + 3)
    field = random.standard_normal(coarse).astype(np.float32)
    at = [
        np.linspace(1, count - 2, size, dtype=np.float32)
        for count, size in zip(coarse, geometry.size_zyx, strict=True)
    ]
    for axis, positions in enumerate(at):
        field = _cubic_along(field, positions, axis)
    return field * 1.6


def _cubic_along(field: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Cubic B-spline interpolation (approximating, hence smooth) of `field` at `positions` along one axis."""
    base = np.clip(np.floor(positions).astype(int), 1, field.shape[axis] - 3)
    t = positions - base
    weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    shape = [1, 1, 1]
    shape[axis] = len(positions)
    return sum(
        np.take(field, base + shift - 1, axis=axis) * (weight / 6).reshape(shape)
        for shift, weight in enumerate(weights)
    )


def _scan(anatomy: Anatomy, geometry: Geometry, random: np.random.Generator) -> np.ndarray:
    """Signal of the tissues, then what a scanner adds: coil sensitivity, resolution, Rician noise."""
    signal = anatomy.signal * np.exp(0.08 * smooth_field(geometry, random, 12))
    signal = signal * np.exp(0.22 * smooth_field(geometry, random, 110))
    sigma = [max(0.35, 1.2 / mm) for mm in geometry.spacing_zyx]
    signal = ndimage.gaussian_filter(signal.astype(np.float32), sigma)
    noise = random.uniform(0.02, 0.045)
    real = signal + random.normal(0, noise, signal.shape)
    imaginary = random.normal(0, noise, signal.shape)
    return (np.hypot(real, imaginary) * random.uniform(250, 500)).astype(np.float32)
