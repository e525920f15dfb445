"""Cohorts of small files, for tests that need no volumes: to a cohort, images and labels are just files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from CFRSegmentLib.cohort import Case, Cohort, Origin, SegmentClass
from CFRTrain.runs.run_folder import RunFolder

CLASSES = (
    SegmentClass(1, "anterior", (128, 174, 128), "a~SCT^1~^^~^^"),
    SegmentClass(2, "posterior", (241, 214, 145)),
)
ALIAS = "jd"


def make_cohort(folder: Path, cases: int = 0) -> Cohort:
    """A new cohort with that many unlabeled cases, titled volume 1, volume 2, ..."""
    cohort = Cohort.create(folder, "hippocampus", CLASSES)
    for number in range(1, cases + 1):
        add_case(cohort, f"volume {number}")
    return cohort


def add_case(cohort: Cohort, title: str) -> Case:
    """Adds one small image file."""
    image = cohort.newImageFile(".nrrd")
    image.write_bytes(b"NRRD0004\nimage of " + title.encode())
    return cohort.addCase(Origin("scene", title), title, image, "MR")


def label_bytes(text: str = "label") -> bytes:
    """What stands for a label file."""
    return b"NRRD0005\n" + text.encode()


def write_label(cohort: Cohort, case: str, text: str = "label") -> Path:
    """A label written where the cohort asked for it, not yet committed."""
    path = cohort.newLabelFile(case)
    path.write_bytes(label_bytes(text))
    return path


def save_label(cohort: Cohort, case: str, text: str = "label", voxels: int | None = None) -> Case:
    """Writes and commits a label."""
    return cohort.commitLabel(case, write_label(cohort, case, text), ALIAS, voxels)


def make_run(cohort: Cohort, uncertainty: Mapping[str, float], name: str = "run_0001") -> Path:
    """A finished run with a pseudo-label and an uncertainty map for each case of `uncertainty`."""
    run = RunFolder(cohort.runsFolder / name)
    review = run.folder("review")
    for case in uncertainty:
        (review / f"{case}.nii.gz").write_bytes(gzip.compress(f"{name} {case}".encode()))
        (review / f"{case}_uncertainty.nii.gz").write_bytes(gzip.compress(b"doubt"))
    listed = [{"case": case, "uncertainty": value} for case, value in uncertainty.items()]
    run.write_json("review.json", listed)
    run.write_results({"status": "done", "name": name})
    return run.root


def reviewed_cohort(folder: Path, cases: int = 4) -> Cohort:
    """A cohort whose first case is labeled and whose others have pseudo-labels, the last most uncertain."""
    cohort = make_cohort(folder, cases)
    save_label(cohort, "case_0001")
    ids = [case.id for case in cohort.cases()][1:]
    cohort.adoptRun(make_run(cohort, {case: index / 10 for index, case in enumerate(ids, start=1)}))
    return cohort


def records(cohort: Cohort) -> list[dict]:
    """The lines of the review log."""
    return [json.loads(line) for line in (cohort.folder / "reviews.jsonl").read_text("utf-8").splitlines()]
