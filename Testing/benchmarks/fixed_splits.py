"""What the benchmarks on real volumes share: fixed splits, run folders over them, a process for each run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.job import ClassSpec, Job, job_to_json
from CFRTrain.runs.run_folder import RunFolder, write_atomic


@dataclass(frozen=True)
class Dataset:
    """A fixed split: of the cases `start` to `stop` the first `pool` train, the last `validation` measure."""

    folder: str
    classes: tuple[ClassSpec, ...]
    pool: int
    validation: int
    start: int = 0
    stop: int | None = None


DATASETS = {
    "hippocampus": Dataset("hippocampus", (ClassSpec(1, "anterior"), ClassSpec(2, "posterior")), 61, 40),
    "left_atrium": Dataset("left_atrium", (ClassSpec(1, "left atrium"),), 64, 16),
}


def ordered_cases(root: Path) -> list[str]:
    """Case names in the benchmark's fixed order: `train.list` where there is one, else by name."""
    listed = root / "train.list"
    if listed.is_file():
        return listed.read_text(encoding="utf-8").split()
    return sorted(path.name.removesuffix(".nii.gz") for path in (root / "images").glob("*.nii.gz"))


def write_run(folder: Path, data: Path, dataset: Dataset, labeled: Collection[int], job: Job) -> None:
    """job.json and cases.json of one run; the label of an unlabeled case is not even named.

    labeled: indices into the pool. Raises SystemExit where the data set has too few cases for its split.
    """
    names = ordered_cases(data / dataset.folder)[dataset.start : dataset.stop]
    pool, validation = names[: dataset.pool], names[-dataset.validation :]
    if set(pool) & set(validation) or len(pool) < dataset.pool:
        raise SystemExit(f"{dataset.folder} has too few cases for its split")
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index, name in enumerate(pool + validation):
        role = "validation" if index >= len(pool) else "labeled" if index in labeled else "unlabeled"
        image, label = (
            os.path.relpath(data / dataset.folder / part / f"{name}.nii.gz", folder)
            for part in ("images", "labels")
        )
        entries.append(
            {
                "id": f"case_{index + 1:04d}",
                "role": role,
                "image": image,
                "label": None if role == "unlabeled" else label,
            }
        )
    RunFolder(folder).write_json("cases.json", {"format": 1, "cases": entries})
    write_atomic(folder / "job.json", job_to_json(job).encode())


def python_over(folder: Path, threads: int, *command: str) -> int:
    """Runs `python -m COMMAND FOLDER` in a process of its own, output to stdout.log; its exit code."""
    with (folder / "stdout.log").open("a") as log:
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        return subprocess.run(
            [sys.executable, "-m", *command, str(folder)],
            stdout=log,
            stderr=log,
            env=environment,
            check=False,
        ).returncode
