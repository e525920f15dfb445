"""Meta's official SAM files: verified by hash, read once, kept as safetensors, fitted to a canvas."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from CFRTrain.labelers.position_tables import fit_position_tables
from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.runs.atomic import put_in_place, write_atomic
from CFRTrain.runs.errors import ModelError
from CFRTrain.runs.official_weights import OfficialWeights

# SAM's own three masks mean nothing for classes: these parts start anew, whatever the number of classes.
PARTS_PER_TOKEN = (
    "mask_decoder.mask_tokens.",
    "mask_decoder.output_hypernetworks_mlps.",
    "mask_decoder.iou_prediction_head.",
)


def find_weights(path: Path, weights: OfficialWeights) -> Path | None:
    """The official file or its converted copy at `path`, a file or a folder that holds it; None if absent."""
    folder = path if path.is_dir() else path.parent
    names = [weights.file_name] if path.is_dir() else [path.name]
    for name in [*names, Path(names[0]).with_suffix(".safetensors").name]:
        if (folder / name).is_file():
            return folder / name
    return None


def read_weights(path: Path, weights: OfficialWeights) -> dict[str, Tensor]:
    """The tensors of an official file by their official names. A safetensors copy is kept beside it.

    ModelError when the file is not the published one, is damaged, or is a copy without an intact record.
    """
    copy, record = path.with_suffix(".safetensors"), path.with_suffix(".json")
    if _is_intact_copy(copy, record, weights):
        try:
            return load_file(copy)
        except (SafetensorError, OSError) as error:
            raise _not_official(path, weights, f"it cannot be read: {error}") from error
    if path.suffix == ".safetensors":
        raise _not_official(path, weights, "its record is missing or does not match it")
    state = _read_verified(path, weights)
    _keep_copy(state, copy, record, weights)
    return state


def _read_verified(path: Path, weights: OfficialWeights) -> dict[str, Tensor]:
    """The tensors of a `.pth` file whose hash is the published one. ModelError otherwise."""
    try:
        with path.open("rb") as file:
            found = _digest(file)
            if found == weights.sha256:
                file.seek(0)  # the very bytes that were hashed
                state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch reports a damaged file by many types
        raise _not_official(path, weights, f"it cannot be read: {error}") from error
    if found != weights.sha256:
        raise _not_official(path, weights, f"its SHA-256 is {found}")
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _not_official(path, weights, "it holds something else than named tensors")
    return {name: value.contiguous() for name, value in state.items()}


def load_official(sam: ConcatenationSam, state: Mapping[str, Tensor], file_name: str) -> None:
    """Fills `sam` (before any LoRA) with official tensors; parts of SAM's own mask tokens stay as seeded.

    Position tables are resized to the canvas. ModelError names the missing, unknown or misshapen tensors.
    """
    own = sam.state_dict()
    fitted = fit_position_tables(sam, {key: value for key, value in state.items() if not _per_token(key)})
    expected = {key: tuple(value.shape) for key, value in own.items() if not _per_token(key)}
    found = {key: tuple(value.shape) for key, value in fitted.items()}
    problems = [f"{key} is missing" for key in expected if key not in found]
    problems += [f"{key} is unknown" for key in found if key not in expected]
    problems += [
        f"{key} has shape {found[key]} instead of {shape}"
        for key, shape in expected.items()
        if key in found and found[key] != shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ModelError(
            "sam_weights_mismatch",
            f"{file_name} does not fit SAM {sam.architecture.name}: {'; '.join(problems[:3])}{more}.",
            "Choose the file that belongs to the chosen SAM.",
        )
    sam.load_state_dict({**own, **fitted})


def _per_token(key: str) -> bool:
    return key.startswith(PARTS_PER_TOKEN)


def _digest(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _is_intact_copy(copy: Path, record: Path, weights: OfficialWeights) -> bool:
    """Whether `copy` is what this program converted from the official file, by the hashes in its record."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        with copy.open("rb") as file:
            return known["official_sha256"] == weights.sha256 and known["sha256"] == _digest(file)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _keep_copy(state: Mapping[str, Tensor], copy: Path, record: Path, weights: OfficialWeights) -> None:
    """Writes the copy, then its record. In a read-only folder nothing is kept."""
    aside = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        save_file(dict(state), aside)
        with aside.open("rb") as file:
            known = {"official_sha256": weights.sha256, "sha256": _digest(file)}
        put_in_place(aside, copy)
        write_atomic(record, json.dumps(known).encode())
    except (OSError, SafetensorError):
        aside.unlink(missing_ok=True)


def _not_official(path: Path, weights: OfficialWeights, reason: str) -> ModelError:
    return ModelError(
        "sam_weights_not_official",
        f"{path.name} is not the official file of SAM {weights.model}: {reason}.",
        f"Download {weights.url} again (SHA-256 {weights.sha256}).",
    )
