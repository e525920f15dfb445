"""A model file as the viewer reads it: its description, and whether its bytes are those that were written.

The file is a zip of `model.json` and `weights.safetensors`; it holds no code, and nothing is unpacked to
disk. Whether the weights fit their network is checked by the engine that loads them. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CFRTrain.runs.errors import CFRError, ModelError
from CFRTrain.runs.job import ClassSpec
from CFRTrain.runs.strict_json import from_plain, parse_object

from ..i18n import _
from .steps import Steps, finished

SUFFIX = ".cfrmodel"
KIND, FORMAT = "CFRTrain model", 1
DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
LIMITS = {DESCRIPTION: 1 << 20, WEIGHTS: 1 << 31}
CHUNK = 1 << 20
DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, TypeError,
    AttributeError, RuntimeError, NotImplementedError, OverflowError, CFRError,
)  # fmt: skip


@dataclass(frozen=True)
class ModelSummary:
    """What a model says about itself, as far as a person is shown it.

    classes hold names, colors and terminology. dice: mean of validation cases, None without any.
    """

    classes: tuple[ClassSpec, ...]
    created: str
    preset: str
    labeler: str
    method: str
    modality: str
    labeledCases: int
    dice: float | None
    notes: tuple[str, ...]
    weightsSha256: str


def readSummary(path: Path) -> ModelSummary:
    """The description of a model; its weights are not read. Raises ModelError."""
    with _opened(path) as archive:
        return _summary(archive.read(DESCRIPTION))


def verifyModel(path: Path) -> ModelSummary:
    """The description of a model whose weights are those it was made with. Raises ModelError."""
    return finished(verification(path))


def verification(path: Path) -> Steps[ModelSummary]:
    """As `verifyModel`, one piece of the file per step: yields (bytes read, bytes in all)."""
    with _opened(path) as archive:
        found, digest = _summary(archive.read(DESCRIPTION)), hashlib.sha256()
        size, done = archive.getinfo(WEIGHTS).file_size, 0
        with archive.open(WEIGHTS) as stream:
            while data := stream.read(CHUNK):
                digest.update(data)
                done += len(data)
                yield done, size
        if digest.hexdigest() != found.weightsSha256:
            raise ValueError(_("Its weights are not those it was made with."))
    return found


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of a model, with exactly its two members; every damage becomes a ModelError."""
    if not Path(path).is_file():
        text = _("The model file {name} does not exist.").format(name=Path(path).name)
        raise ModelError("model_missing", text, _("Choose an existing model file."))
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted(LIMITS):
                raise ValueError(_("It is no model, or parts of it are missing."))
            for entry in entries:
                stored = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
                if not stored or entry.file_size > LIMITS[entry.filename] or entry.flag_bits & 1:
                    raise ValueError(_("Its parts are stored in another way than a model's."))
            yield archive
    except ModelError:
        raise
    except DAMAGE as error:
        text = _("The model file {name} cannot be used. {reason}")
        raise ModelError(
            "model_damaged",
            text.format(name=Path(path).name, reason=_reason(error)),
            _("Copy it again from where it was made, or export it again; do not use it as it is."),
        ) from error


def _reason(error: Exception) -> str:
    """Damage in words; what the libraries say about it means nothing to a person."""
    own = isinstance(error, ValueError) and not isinstance(error, UnicodeError | json.JSONDecodeError)
    return str(error) if own else _("It is damaged or cut short.")


def _summary(data: bytes) -> ModelSummary:
    content = parse_object(data.decode("utf-8"), DESCRIPTION)
    if content["kind"] != KIND:
        raise ValueError(_("It is no model of this program."))
    if content["format"] != FORMAT:
        text = _("The model has format {format}, this program reads {known}.")
        remedy = _("Update the extension, or export the model again with this version.")
        raise ModelError("model_format", text.format(format=content["format"], known=FORMAT), remedy)
    origin = content["provenance"]
    return ModelSummary(
        classes=tuple(from_plain(ClassSpec, item, "classes") for item in content["classes"]),
        created=str(origin["created"]),
        preset=str(origin["preset"]),
        labeler=str(origin["labeler"]),
        method=str(origin["method"]),
        modality=str(origin["modality"]),
        labeledCases=int(origin["cohort"].get("labeled", 0)),
        dice=_dice(origin.get("validation")),
        notes=tuple(str(note) for note in origin["notes"]),
        weightsSha256=str(content["weights_sha256"]),
    )


def _dice(validation: Mapping[str, Any] | None) -> float | None:
    value = (validation or {}).get("mean_dice")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
