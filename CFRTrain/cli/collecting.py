"""`collect`: volumes from anywhere, checked one by one, brought into one folder under neutral names."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

from CFRTrain.cli.messages import Messages
from CFRTrain.cli.stopping import stop_sign
from CFRTrain.data.file_checks import content_hash, orientation_warning, suffix_of
from CFRTrain.data.file_problems import problem
from CFRTrain.data.geometry import Geometry
from CFRTrain.data.volume_sources import VolumeSource, find_sources
from CFRTrain.data.volume_writing import write_volume
from CFRTrain.data.volumes import read_volume
from CFRTrain.runs.atomic import replacement_of
from CFRTrain.runs.errors import DataError, JobError

NAME = "volume_{number:04d}"


def collect_volumes(options: Namespace) -> int:
    """Says a `case` message for each volume, good or bad; exit code 3 where one was bad.

    Volume files are copied as they are, series are written as NRRD without any of their tags.
    """
    messages, failures = Messages(), 0
    with messages.ending(), stop_sign(options.stop_file) as sign:
        options.output.mkdir(parents=True, exist_ok=True)

        def looked(count: int) -> None:
            sign.raise_if_set()
            messages.progress("search", 0, count)

        sources = find_sources(listed_paths(options), looked)
        for index, source in enumerate(sources):
            sign.raise_if_set()
            failures += not _tell_one(source, index, options.output, messages)
            messages.progress("collect", index + 1, len(sources))
    return DataError.exit_code if failures else 0


def _tell_one(source: VolumeSource, index: int, folder: Path, messages: Messages) -> bool:
    """Collects one volume and says how that went; whether it went well. Raises DiskFullError."""
    said = {"index": index, "source": str(source.path), **_known(source)}
    try:
        what = _collect(source, index, folder)
    except (DataError, OSError) as error:
        messages.send("case", f"{source.path}: {error}", **said, ok=False, **described(error))
        return False
    messages.send("case", f"{source.path}: {what['file']}", **said, ok=True, **what)
    return True


def listed_paths(options: Namespace) -> list[Path]:
    """The paths on the command line and in the JSON list `--list`. Raises JobError for another content."""
    paths = list(options.inputs)
    if options.list is not None:
        try:
            found = json.loads(options.list.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _no_list() from error
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise _no_list()
        paths += [Path(item) for item in found]
    return paths


def _no_list() -> JobError:
    return JobError("bad_list", "The list of inputs cannot be read.", 'Give JSON: ["first file", "second"].')


def described(error: Exception) -> dict[str, str]:
    """An error of one volume as fields of a message."""
    if isinstance(error, DataError):
        return {"code": error.code, "text": error.text, "remedy": error.remedy}
    reason = getattr(error, "strerror", None) or str(error)
    return {
        "code": "missing",
        "text": f"The file cannot be read or written ({reason}).",
        "remedy": "Check that it is there and that you may read it.",
    }


def _known(source: VolumeSource) -> dict[str, Any]:
    """What is known of a source before its voxels are read. Nothing of it names a patient."""
    return {
        "kind": "dicom" if source.is_dicom else "file",
        "series_uid": source.series_uid,
        "series_number": source.series_number,
        "description": source.description,
        "modality": source.modality,
    }


def _collect(source: VolumeSource, index: int, folder: Path) -> dict[str, Any]:
    """Checks one volume and puts it into `folder`; what it is. Raises DataError, DiskFullError, OSError."""
    if source.error is not None:
        raise source.error
    name, case = NAME.format(number=index + 1), source.path.name
    volume = read_volume(source.path, case, slices=source.files if source.is_dicom else ())
    if volume.array.min() == volume.array.max():
        raise problem("constant", "All voxels have the same value.", case)
    if source.is_dicom:
        target, warning = folder / f"{name}.nrrd", None
        write_volume(target, volume)
    else:
        target, warning = folder / (name + suffix_of(source.path)), orientation_warning(source.path, case)
        with replacement_of(target, suffix_of(source.path)) as partial:
            shutil.copyfile(source.path, partial)
    return {"file": target.name, "sha256": content_hash(target), "warning": warning, **_grid(volume.geometry)}


def _grid(geometry: Geometry) -> dict[str, list[float]]:
    return {"size_xyz": list(geometry.size_zyx[::-1]), "spacing_xyz": list(geometry.spacing_zyx[::-1])}
