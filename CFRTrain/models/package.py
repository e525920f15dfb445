"""A trained model as one file: `.cfrmodel` is a zip of `model.json` and `weights.safetensors`.

The file holds no code and nothing is unpacked to disk. It is used only if it has exactly these two members,
the weights have the hash that model.json gives, and their names and shapes are those of the network described
there.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from CFRTrain.data.planning import Plan
from CFRTrain.models.model_description import (
    ModelDescription,
    NetworkConfig,
    Provenance,
    Usage,
    description_from_json,
    description_to_json,
)
from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.runs.errors import ModelError
from CFRTrain.runs.job import ClassSpec
from CFRTrain.runs.run_folder import write_atomic

__all__ = ["Model", "NetworkConfig", "Provenance", "Usage", "load_model", "save_model", "SUFFIX"]

SUFFIX = ".cfrmodel"
DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
MEMBER_LIMITS = {DESCRIPTION: 1 << 20, WEIGHTS: 1 << 31}
"""Largest accepted bytes per member: the description of a few hundred classes, 500 million parameters."""
DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, SafetensorError,
    OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError, OverflowError,
)  # fmt: skip
"""Every way in which a damaged zip or safetensors file shows itself in the libraries that read it."""


@dataclass
class Model:
    """A network in evaluation mode with all that is needed to use it. `path` is None before it is saved."""

    network: EncoderDecoder
    config: NetworkConfig
    plan: Plan
    classes: tuple[ClassSpec, ...]
    provenance: Provenance
    weights_sha256: str
    path: Path | None = None
    usage: Usage = field(default_factory=Usage)

    def description(self) -> ModelDescription:
        """What the model's file says about it."""
        return ModelDescription(
            self.config, self.plan, self.classes, self.provenance, self.weights_sha256, self.usage
        )


def save_model(
    path: Path,
    network: nn.Module,
    config: NetworkConfig,
    plan: Plan,
    classes: tuple[ClassSpec, ...],
    provenance: Provenance,
    usage: Usage | None = None,
) -> Model:
    """Writes the model file atomically, the same bytes for the same content, and returns the model in it.

    Raises ValueError where `config` does not describe `network`, where weights are not finite, or where the
    provenance names a file path.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    problem = _mismatch(config, tensors)
    if problem:
        raise ValueError(problem)
    weights = save(tensors)
    sha256 = hashlib.sha256(weights).hexdigest()
    description = ModelDescription(config, plan, tuple(classes), provenance, sha256, usage or Usage())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((DESCRIPTION, description_to_json(description).encode()), (WEIGHTS, weights)):
            archive.writestr(zipfile.ZipInfo(name), content)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue())
    return load_model(path)


def load_model(path: Path) -> Model:
    """The verified model in `path`, on the CPU. Raises ModelError where anything about the file is wrong."""
    members = _read_members(path)
    try:
        text = members[DESCRIPTION].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged("Its description is not text.") from error
    description = description_from_json(text)
    if hashlib.sha256(members[WEIGHTS]).hexdigest() != description.weights_sha256:
        raise _damaged("Its weights are not those it was made with.")
    try:
        tensors = load(members[WEIGHTS])
    except DAMAGE as error:
        raise _damaged("Its weights cannot be read.") from error
    problem = _mismatch(description.network, tensors)
    if problem:
        raise _damaged(f"Its weights do not fit its network: {problem}.")
    network = description.network.build()
    network.load_state_dict(tensors, strict=True)
    network.eval().requires_grad_(False)
    return Model(
        network, description.network, description.plan, description.classes, description.provenance,
        description.weights_sha256, Path(path), description.usage,
    )  # fmt: skip


def _read_members(path: Path) -> dict[str, bytes]:
    """The bytes of both members, each checked by the zip's CRC. Sizes are checked before anything is read."""
    if not Path(path).is_file():
        raise ModelError(
            "model_missing", "There is no such model file.", f"Choose an existing {SUFFIX} file."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted(MEMBER_LIMITS):
                raise _damaged("It is no model, or parts of it are missing.")
            for entry in entries:
                stored = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
                if not stored or entry.file_size > MEMBER_LIMITS[entry.filename] or entry.flag_bits & 1:
                    raise _damaged("Its parts are stored in another way than a model's.")
            return {entry.filename: archive.read(entry) for entry in entries}
    except DAMAGE as error:
        raise _damaged("It is no zip file, or it is cut short.") from error


def _mismatch(config: NetworkConfig, tensors: Mapping[str, Tensor]) -> str | None:
    """What keeps `tensors` from being the weights of the network in `config`; None where nothing does.

    The network is made without memory for its weights, so that a forged description cannot ask for much.
    """
    try:
        with torch.device("meta"):
            expected = config.build().state_dict()
    except (ValueError, RuntimeError) as error:
        return f"no network can be built ({error})"
    if set(expected) != set(tensors):
        return "the tensor names differ"
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            return f"{name} is {tuple(tensor.shape)} {tensor.dtype}, not {tuple(expected[name].shape)}"
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return f"{name} holds values that are not finite"
    return None


def _damaged(text: str) -> ModelError:
    return ModelError(
        "model_damaged",
        f"The model file cannot be used. {text}",
        "Copy it again from where it was made, or export it again; do not use it as it is.",
    )
