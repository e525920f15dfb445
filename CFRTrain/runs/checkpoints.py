"""Checkpoints: folders of safetensors and JSON that are whole or absent, never torn.

A checkpoint is written aside, synced, and renamed; old ones are removed last. Both files are verified by
SHA-256 when read, and the newest one that verifies is used: a kill loses only the work since the last.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from CFRTrain.runs.atomic import put_in_place, remove_file, sync_folder, write_atomic
from CFRTrain.runs.tensor_state import flatten_optimizer, module_tensors, restore_optimizer, weights_hash

KEPT = 2  # checkpoints of one training: a damaged one has a predecessor
FOLDER_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Checkpoint:
    """Tensors and JSON state as they were after `step` steps."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


class CheckpointStore:
    """The newest `keep` checkpoints of one stage; `skipped` lists the damaged ones that the last load met."""

    def __init__(self, folder: Path, keep: int = KEPT) -> None:
        self.folder = Path(folder)
        self.keep = keep
        self.skipped: list[str] = []

    def save(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Writes the checkpoint of `step`, whose state is JSON. Raises DiskFullError; the others stay then.

        Removes what was kept beyond `keep`, and every later step: training went back behind those because
        they are damaged, and they must not push out a good one.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for abandoned in self.folder.glob(".tmp-*"):
            _remove(abandoned)
        aside, final = self.folder / f".tmp-{step:08d}", self.folder / f"step-{step:08d}"
        aside.mkdir(exist_ok=True)  # another program may still hold what was to be removed
        try:
            data = save_tensors({name: _storable(tensor) for name, tensor in tensors.items()})
            write_atomic(aside / "tensors.safetensors", data)
            payload = {"step": step, "state": dict(state), "tensors_sha256": hashlib.sha256(data).hexdigest()}
            content = json.dumps(payload, sort_keys=True, allow_nan=False)
            sealed = {"sha256": hashlib.sha256(content.encode()).hexdigest(), "payload": content}
            write_atomic(aside / "state.json", json.dumps(sealed).encode())
            _remove(final)
            put_in_place(aside, final)
        except BaseException:
            _remove(aside)
            raise
        sync_folder(self.folder)
        earlier = [other for other in self._steps() if other <= step]
        for other in set(self._steps()) - set(earlier[: self.keep]):
            _remove(self.folder / f"step-{other:08d}")

    def load_latest(self) -> Checkpoint | None:
        """The newest checkpoint that verifies, or None."""
        self.skipped = []
        for step in self._steps():
            found = _read(self.folder / f"step-{step:08d}", step)
            if found is not None:
                return found
            self.skipped.append(f"step-{step:08d}")
        return None

    def _steps(self) -> list[int]:
        """Steps of the checkpoints on disk, newest first."""
        if not self.folder.is_dir():
            return []
        matches = (FOLDER_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted((int(match[1]) for match in matches if match), reverse=True)


def _storable(tensor: Tensor) -> Tensor:
    """The tensor on the CPU, in plain order, with storage of its own, as safetensors asks."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _remove(folder: Path) -> None:
    """Removes a checkpoint; state.json goes first, so that a half-removed one counts as damaged.

    What another program has open stays: the tensors are gone then, and the rest goes at the next time.
    """
    with suppress(PermissionError):
        remove_file(folder / "state.json")
    shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path, step: int) -> Checkpoint | None:
    """The checkpoint in `folder`, or None where anything about it is not as it was written."""
    try:
        sealed = json.loads((folder / "state.json").read_bytes())
        content = sealed["payload"]
        if hashlib.sha256(content.encode()).hexdigest() != sealed["sha256"]:
            return None
        payload = json.loads(content)
        data = (folder / "tensors.safetensors").read_bytes()
        if payload["step"] != step or hashlib.sha256(data).hexdigest() != payload["tensors_sha256"]:
            return None
        return Checkpoint(step, load_tensors(data), payload["state"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError):
        return None


__all__ = [
    "Checkpoint",
    "CheckpointStore",
    "flatten_optimizer",
    "module_tensors",
    "restore_optimizer",
    "weights_hash",
]
