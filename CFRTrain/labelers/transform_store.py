"""Registration results on disk, one verified file per pair of cases, displacements in half precision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from CFRTrain.labelers.transforms import Transform
from CFRTrain.labelers.verified_tensors import read_tensors, write_tensors

GRID_FIELDS = ("field_spacing_zyx", "field_origin_zyx", "shape_zyx", "spacing_zyx")


def half_precision(transform: Transform) -> Transform:
    """The transform as it comes back from disk (0.01 mm off), so that a resumed run gives the same bits."""
    return replace(transform, displacement=transform.displacement.astype(np.float16).astype(np.float32))


class TransformStore:
    """Transforms by (fixed case, moving case); a broken file, or one of another `key`, counts as absent."""

    def __init__(self, folder: Path, key: str = "") -> None:
        self.folder = Path(folder)
        self.key = key

    def put(self, fixed: str, moving: str, transforms: Sequence[Transform]) -> None:
        """Writes the transforms of a pair, found in several ways, atomically."""
        tensors = {}
        for index, transform in enumerate(transforms):
            tensors |= {f"{index}.{name}": value for name, value in _tensors(transform).items()}
        write_tensors(self.path(fixed, moving), tensors, self._identity(fixed, moving))

    def get(self, fixed: str, moving: str) -> tuple[Transform, ...] | None:
        """The stored transforms, or None where there is no intact file."""
        tensors = read_tensors(self.path(fixed, moving), self._identity(fixed, moving))
        if not tensors:
            return None
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, value in tensors.items():
            index, _, field = name.partition(".")
            parts.setdefault(index, {})[field] = value
        if any(set(part) != {field.name for field in fields(Transform)} for part in parts.values()):
            return None
        return tuple(_transform(parts[index]) for index in sorted(parts, key=int))

    def path(self, fixed: str, moving: str) -> Path:
        """File of a pair. Names are digests: two joined ids might be too long or ambiguous."""
        name = hashlib.sha256(repr((fixed, moving)).encode()).hexdigest()[:32]
        return self.folder / f"{name}.safetensors"

    def _identity(self, fixed: str, moving: str) -> dict[str, str]:
        return {"fixed": fixed, "moving": moving, "key": self.key, "kind": "transform"}


def _tensors(transform: Transform) -> dict[str, np.ndarray]:
    tensors = {
        "affine": transform.affine.astype(np.float64),
        "displacement": transform.displacement.astype(np.float16),
        "affine_converged": np.array([transform.affine_converged], np.uint8),
        "similarity": np.array([transform.similarity], np.float64),
    }
    return tensors | {name: np.array(getattr(transform, name), np.float64) for name in GRID_FIELDS}


def _transform(tensors: dict[str, np.ndarray]) -> Transform:
    grid = {name: tuple(tensors[name].tolist()) for name in GRID_FIELDS}
    grid["shape_zyx"] = tuple(int(size) for size in grid["shape_zyx"])
    return Transform(
        affine=tensors["affine"],
        displacement=tensors["displacement"].astype(np.float32),
        affine_converged=bool(tensors["affine_converged"][0]),
        similarity=float(tensors["similarity"][0]),
        **grid,
    )
