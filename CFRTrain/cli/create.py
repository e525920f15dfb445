"""`create`: a run folder (job.json, cases.json) from folders of images and labels."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CFRTrain.data.file_checks import content_hash
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import ClassSpec, Job, job_to_json
from CFRTrain.runs.run_folder import RunFolder, write_atomic

SHOWN_NAMES = 5
VOLUME_SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")


@dataclass(frozen=True)
class CohortSource:
    """Where the volumes of a cohort lie and how they are to be used.

    Labels are matched to images by file name without the suffix. `labeled` counts the cases, in order of
    name and after `first_labeled`, whose labels may be used for training; `validation` counts the last
    cases, whose labels are only used for measuring.
    """

    images: Path
    labels: Path | None
    labeled: int = 1
    first_labeled: int = 0
    unlabeled: int | None = None
    validation: int = 0
    copy: bool = False


def volume_stem(path: Path) -> str:
    """File name without a volume suffix, or an empty string where it is no volume."""
    for suffix in VOLUME_SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name if path.is_dir() else ""


def list_volumes(folder: Path) -> dict[str, Path]:
    """Volumes and DICOM folders in `folder` by stem, sorted by name.

    Raises JobError where there is none, or where two differ in nothing but their suffix.
    """
    if not folder.is_dir():
        raise JobError("no_folder", f"The folder {folder} does not exist.", "Give an existing folder.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = volume_stem(path)
        if not stem or path.name.startswith("."):
            continue
        if stem in found:
            names = f"{found[stem].name} and {path.name}"
            raise JobError("same_name", f"{names} are one case by their names.", "Keep one, or rename one.")
        found[stem] = path
    if not found:
        raise JobError(
            "no_volumes",
            "The folder holds no volumes.",
            f"Supported: {', '.join(VOLUME_SUFFIXES)}, DICOM folders.",
        )
    return found


def assign_roles(stems: Sequence[str], labeled: Sequence[bool], source: CohortSource) -> list[str | None]:
    """Role per case: the last ones validate, `labeled` ones train, the others are unlabeled or left out.

    Raises JobError where there are too few cases or labels for what is asked.
    """
    count = len(stems)
    training = count - source.validation
    _require_possible(stems, labeled, source)
    chosen = [i for i in range(source.first_labeled, training) if labeled[i]][: source.labeled]
    if len(chosen) < source.labeled:
        raise JobError(
            "few_labels",
            f"{source.labeled} labeled cases were asked for, {len(chosen)} found.",
            "Give fewer, or add label files named like their images.",
        )
    roles: list[str | None] = [None] * count
    for index in range(training):
        roles[index] = "labeled" if index in chosen else "unlabeled"
    for index in range(training, count):
        roles[index] = "validation"
    return _limit_unlabeled(roles, source.unlabeled)


def _require_possible(stems: Sequence[str], labeled: Sequence[bool], source: CohortSource) -> None:
    """Raises JobError for negative numbers, and where the last cases cannot validate or are all there are."""
    if min(source.labeled, source.first_labeled, source.validation, source.unlabeled or 0) < 0:
        raise JobError("bad_number", "A number of cases is negative.", "Give 0 or more.")
    if source.validation >= len(stems):
        raise JobError(
            "few_cases",
            f"{source.validation} cases are to validate of {len(stems)}: none is left to train on.",
            "Give fewer with --validation, or add volumes.",
        )
    without = [stems[i] for i in range(len(stems) - source.validation, len(stems)) if not labeled[i]]
    if without:
        shown = ", ".join(without[:SHOWN_NAMES]) + (", ..." if len(without) > SHOWN_NAMES else "")
        raise JobError(
            "validation_without_label",
            f"Of the last {source.validation} cases, which are to validate, these have no label: {shown}.",
            "Label them, or give fewer with --validation; labels are matched to images by file name.",
        )


def _limit_unlabeled(roles: list[str | None], limit: int | None) -> list[str | None]:
    if limit is None:
        return roles
    unlabeled = [index for index, role in enumerate(roles) if role == "unlabeled"]
    for index in unlabeled[limit:]:
        roles[index] = None
    return roles


def create_run(root: Path, source: CohortSource, job: Job) -> RunFolder:
    """Writes job.json and cases.json of a new run. Raises JobError where the folder already holds a run."""
    if (root / "job.json").exists():
        raise JobError(
            "run_exists",
            "The folder already holds a run.",
            "Choose another folder, or resume this one with `run`.",
        )
    images = list_volumes(source.images)
    labels = list_volumes(source.labels) if source.labels else {}
    stems = list(images)
    roles = assign_roles(stems, [stem in labels for stem in stems], source)
    root.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for stem, role in zip(stems, roles, strict=True):
        if role is None:
            continue
        case = f"case_{len(entries) + 1:04d}"
        label = labels.get(stem) if role != "unlabeled" else None
        entries.append(
            {
                "id": case,
                "role": role,
                "image": _reference(root, images[stem], f"inputs/images/{case}", source.copy),
                "sha256": content_hash(images[stem]),
                "label": _reference(root, label, f"inputs/labels/{case}", source.copy) if label else None,
            }
        )
    run = RunFolder(root)
    run.write_json("cases.json", {"format": 1, "cases": entries})
    write_atomic(root / "job.json", job_to_json(job).encode())
    return run


def _reference(root: Path, path: Path, copy_name: str, copy: bool) -> str:
    """Path relative to the run folder, where there is one; with `copy`, of a copy under a neutral name."""
    if copy:
        suffix = path.name[len(volume_stem(path)) :]
        target = root / (copy_name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(path, target) if path.is_dir() else shutil.copyfile(path, target)
        return target.relative_to(root).as_posix()
    try:
        return Path(os.path.relpath(path.resolve(), root.resolve())).as_posix()
    except ValueError:  # Windows knows no way from one drive to another
        return path.resolve().as_posix()


def parse_classes(text: str) -> tuple[ClassSpec, ...]:
    """`1=left atrium,2=ventricle` as class specifications. Raises JobError for anything else."""
    classes = []
    for part in text.split(","):
        value, separator, name = part.partition("=")
        if not separator or not value.strip().isdigit() or not name.strip():
            raise JobError(
                "bad_classes", f"'{part}' is not VALUE=NAME.", "Write for example 1=left atrium,2=ventricle."
            )
        try:
            classes.append(ClassSpec(int(value), name.strip()))
        except ValueError as error:
            raise JobError("bad_classes", f"'{part}': {error}.", "Class values are 1 to 254.") from error
    return tuple(classes)
