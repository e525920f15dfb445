"""A new run folder from a cohort: job.json and cases.json, without anything that names a patient."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import write_atomic
from CFRTrain.runs.job import ClassSpec, job_to_json

from ..cohort import Cohort, TrainingCase
from ..cohort.errors import writing
from .devices import Device, chosenDevice
from .settings import TrainSettings, jobOf
from .steps import Steps, finished

RUN_NAME = re.compile(r"run_(\d{4,})")
LABELS = "labels"
PIECE = 1 << 20


def buildRun(cohort: Cohort, settings: TrainSettings, devices: Iterable[Device] = ()) -> Path:
    """Makes `runs/run_000N` of the cohort and returns it; nothing is started.

    cases.json holds neutral ids and paths into the cohort only: its images, and copies of the labels as they
    are now, inside the run, so that edits made during a training do not reach it. devices: what is known to
    be there; without a GPU the preset's smaller network is taken. Raises CohortError (disk_full, not_written)
    or JobError (a setting that is not possible).
    """
    return finished(buildingRun(cohort, settings, devices))


def buildingRun(cohort: Cohort, settings: TrainSettings, devices: Iterable[Device] = ()) -> Steps[Path]:
    """As `buildRun`, in steps of some milliseconds: yields (cases done, cases in all).

    Given up half way, it leaves nothing behind.
    """
    device = chosenDevice(devices, settings.device)
    job = jobOf(settings, classSpecs(cohort), onCpu=device is None or not device.isGpu)
    with writing(cohort.runsFolder / "job.json"):
        root = _newFolder(cohort.runsFolder)
        try:
            items, entries = cohort.trainingCases(), []
            for done, item in enumerate(items):
                for _piece in _copying(item, root):
                    yield done, len(items)
                entries.append(_entry(item, root))
            write_atomic(root / "cases.json", _json({"format": 1, "cases": entries}))
            write_atomic(root / "job.json", job_to_json(job).encode())  # last: with it, it is a run
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
    return root


def classSpecs(cohort: Cohort) -> tuple[ClassSpec, ...]:
    """The cohort's classes as the engine takes them, with what a result on another machine needs."""
    return tuple(
        ClassSpec(item.value, item.name, tuple(item.color), item.terminology) for item in cohort.classes
    )


def _newFolder(runs: Path) -> Path:
    """The next run folder, made; a number is never used again while a higher one is there."""
    runs.mkdir(parents=True, exist_ok=True)
    used = [int(found[1]) for path in runs.iterdir() if (found := RUN_NAME.fullmatch(path.name))]
    number = max(used, default=0)
    while True:
        number += 1
        root = runs / f"run_{number:04d}"
        try:
            root.mkdir()
            return root
        except FileExistsError:  # another Slicer was faster
            continue


def _entry(item: TrainingCase, root: Path) -> dict[str, Any]:
    """One line of the case list."""
    label = _labelFile(item, root)
    return {
        "id": item.case.id,
        "role": item.role,
        "image": Path(os.path.relpath(item.case.image, root)).as_posix(),
        "label": None if label is None else label.relative_to(root).as_posix(),
    }


def _labelFile(item: TrainingCase, root: Path) -> Path | None:
    """Where the copy of a label lies, under the case's name inside the run."""
    if item.label is None:
        return None
    suffix = next(
        (end for end in (".seg.nrrd", ".nii.gz") if item.label.name.endswith(end)), item.label.suffix
    )
    return root / LABELS / f"{item.case.id}{suffix}"


def _copying(item: TrainingCase, root: Path) -> Iterator[None]:
    """Copies the label, if there is one, a piece per step."""
    target = _labelFile(item, root)
    if target is None:
        yield
        return
    target.parent.mkdir(exist_ok=True)
    with open(item.label, "rb") as source, open(target, "xb") as copy:
        while data := source.read(PIECE):
            copy.write(data)
            yield


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
