"""Arrays on disk that are either intact or absent: safetensors with a digest over names, shapes and bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from CFRTrain.runs.run_folder import write_atomic


def write_tensors(path: Path, tensors: dict[str, np.ndarray], identity: dict[str, str]) -> None:
    """Writes arrays atomically, with `identity` (what they belong to) and their digest in the metadata."""
    tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    metadata = {**identity, "sha256": _digest(tensors, identity)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, save(tensors, metadata))


def read_tensors(path: Path, identity: dict[str, str]) -> dict[str, np.ndarray] | None:
    """The arrays written under the same identity, or None when absent, broken or of another identity."""
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # every way a damaged header or body shows itself
    return tensors if metadata.get("sha256") == _digest(tensors, identity) else None


def verify_tensors(path: Path, identity: dict[str, str]) -> bool:
    """Whether `read_tensors` would give the arrays."""
    return read_tensors(path, identity) is not None


def _digest(tensors: dict[str, np.ndarray], identity: dict[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(identity.items())).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
