"""Concatenated slices against single slices: the same small SAM, from scratch, on one labeled volume.

    python Testing/benchmarks/concatenation_vs_slices.py --data DATA --out FILE.md [--seeds 3] [--steps 200]

DATA holds `hippocampus/images` and `hippocampus/labels`. Repetition i trains on case 0, 20 or 40 of the first
61 by name with seed i, once per input; every step sees the same voxels of the same augmented patch. Dice is
measured on the last 40 cases by name, at the last step. With --work FOLDER finished trainings are kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.preprocessing import planned_geometry, preprocess, preprocess_label
from CFRTrain.data.store import CaseStore
from CFRTrain.data.volumes import read_label, read_volume
from CFRTrain.labelers.sam_labeler import SamLabeler
from CFRTrain.runs.job import ClassSpec, Job, changed, preset
from CFRTrain.runs.run_folder import RunFolder, write_atomic

CLASSES = (ClassSpec(1, "anterior"), ClassSpec(2, "posterior"))
POOL, LABELED = 61, (0, 20, 40)
# The whole hippocampus, cut into 56 coronal slices, as in the first trials of this comparison.
PLAN = Plan((1.0, 1.0, 1.0), (40, 56, 40), 1, Intensity("zscore", 0.5, 99.5), 0, (36, 50, 35))


@dataclass(frozen=True)
class Input:
    """One way to show a patch to SAM."""

    name: str
    kind: str
    canvas: int


INPUTS = (
    Input("concatenated, one canvas of 320 x 320", "concatenated", 320),
    Input("single slices, 40 x 40 as they are", "slicewise", 0),
    Input("single slices, enlarged to 80 x 80", "slicewise", 80),
)


@dataclass(frozen=True)
class Result:
    """What one training gave: mean Dice over validation cases per class, and its seconds."""

    dice: tuple[float, ...]
    training: float
    labeling: float


def prepare_store(data: Path, folder: Path, validation: int) -> tuple[CaseStore, list[str], list[str]]:
    """The store with all cases the benchmark needs; ids of the labeled and of the validation cases."""
    names = sorted(path.name for path in (data / "hippocampus" / "images").glob("*.nii.gz"))
    if len(names) < POOL + validation:
        raise SystemExit(f"{data} holds {len(names)} hippocampus volumes; {POOL + validation} are needed")
    chosen = [names[index] for index in LABELED], names[-validation:]
    store = store_of(data, folder, [*chosen[0], *chosen[1]])
    labeled, validated = ([name.removesuffix(".nii.gz") for name in part] for part in chosen)
    return store, labeled, validated


def store_of(data: Path, folder: Path, names: Sequence[str], plan: Plan = PLAN) -> CaseStore:
    """The hippocampus volumes of these file names with their labels, at the plan's grid."""
    store = CaseStore(folder / "store")
    for name in names:
        case = name.removesuffix(".nii.gz")
        image = read_volume(data / "hippocampus" / "images" / name, case)
        label = read_label(data / "hippocampus" / "labels" / name, case, image.geometry, (1, 2))
        indices = preprocess_label(label, plan, image.geometry, (1, 2))
        planned = planned_geometry(image.geometry, plan)
        store.put(case, preprocess(image, plan), indices, image.geometry, planned)
    return store


def job_of(way: Input, seed: int, steps: int) -> Job:
    """The job of one training: the product's own small SAM and settings, one patch per step."""
    return changed(
        preset("standard", CLASSES, seed=seed),
        {
            "labeler": "sam",
            "device": "cpu",
            "finetune.model": "small",
            "finetune.input": way.kind,
            "finetune.steps": steps,
            "finetune.batch": 1,
            "finetune.warmup": min(20, steps // 4),
        },
    )


def train_and_measure(
    way: Input, store: CaseStore, labeled: str, validation: Sequence[str], folder: Path, job: Job
) -> Result:
    """Trains one small SAM on one labeled case and labels the validation cases; a kept result is reused."""
    run = RunFolder(folder)
    if (folder / "measured.json").is_file():
        return Result(**run.read_json("measured.json"))
    shutil.rmtree(folder, ignore_errors=True)  # an interrupted training would count too few seconds
    run.folder()
    labeler = SamLabeler(store, (labeled,), replace(PLAN, canvas=way.canvas), job, run)
    start = time.monotonic()
    labeler.prepare()
    training, start = time.monotonic() - start, time.monotonic()
    scores = [dice(labeler.label(case).labels, store.label(case)) for case in validation]
    labeling = (time.monotonic() - start) / len(validation)
    result = Result(tuple(float(value) for value in np.mean(scores, axis=0)), training, labeling)
    run.write_json("measured.json", asdict(result))
    return result


def dice(prediction: np.ndarray, reference: np.ndarray) -> list[float]:
    """Dice of each class; class indices (z,y,x)."""
    scores = []
    for index in range(1, len(CLASSES) + 1):
        first, second = prediction == index, reference == index
        scores.append(2 * float((first & second).sum()) / max(int(first.sum() + second.sum()), 1))
    return scores


def table(results: dict[Input, list[Result]], steps: int, validation: int) -> str:
    """The figures as Markdown."""
    lines = [
        "# Concatenated slices against single slices",
        "",
        "The same small SAM, trained from scratch on one labeled hippocampus volume, sees the same voxels"
        f" in every step. {steps} steps of one patch, 40 x 56 x 40 voxels; Dice on {validation} validation"
        " cases at the last step. Spread: standard deviation over repetitions, each with another labeled"
        " case and seed.",
        "",
        f"    {' '.join(['python', *sys.argv])}",
        "",
        "| input | Dice per repetition | mean | spread | anterior, posterior | training s | s per case |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, found in results.items():
        each = [100 * mean(result.dice) for result in found]
        spread = f"{stdev(each):.1f}" if len(each) > 1 else "-"
        by_class = np.mean([result.dice for result in found], axis=0)
        training, labeling = (mean(getattr(one, part) for one in found) for part in ("training", "labeling"))
        cells = (
            way.name,
            ", ".join(f"{value:.1f}" for value in each),
            f"{mean(each):.1f}",
            spread,
            ", ".join(f"{100 * value:.1f}" for value in by_class),
            f"{training:.0f}",
            f"{labeling:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def parse() -> argparse.Namespace:
    """The command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--validation", type=int, default=40)
    parser.add_argument("--inputs", type=int, default=2, choices=(2, 3), help="3 adds the enlarged slices")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, help="folder to keep trainings in; otherwise they are discarded")
    return parser.parse_args()


def measure(options: argparse.Namespace, work: Path) -> None:
    """Trains every input in every repetition; the table is written after each."""
    store, labeled, validation = prepare_store(options.data, work, options.validation)
    results: dict[Input, list[Result]] = {}
    for seed in range(options.seeds):
        for number, way in enumerate(INPUTS[: options.inputs]):
            folder = work / f"input{number}_seed{seed}_steps{options.steps}"
            job = job_of(way, seed, options.steps)
            case = labeled[seed % len(labeled)]
            found = train_and_measure(way, store, case, validation, folder, job)
            results.setdefault(way, []).append(found)
            write_atomic(options.out, table(results, options.steps, len(validation)).encode())
    sys.stdout.write(options.out.read_text(encoding="utf-8"))


def main() -> None:
    """Runs the benchmark."""
    options = parse()
    torch.set_num_threads(options.threads)
    if options.work is not None:
        options.work.mkdir(parents=True, exist_ok=True)
        measure(options, options.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


if __name__ == "__main__":
    main()
