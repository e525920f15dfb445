"""Every input and every fine-tuning strategy of SAM: the same small SAM, from scratch, on one labeled volume.

    python -m Testing.benchmarks.sam_inputs --data DATA --out FILE.md --work WORK [--steps 200]

DATA holds `hippocampus/images` and `hippocampus/labels`. All train on case 61 by name, with seed i in
repetition i; Dice is measured on development cases evenly spread over 121 to 167, at the last step. Seconds
are processor seconds of one thread. The table is written after each training; what is in WORK is not trained
again. Too few steps do not leave the start, at which no voxel is called foreground: so it was after 40 steps
at 1.5 mm and after 100 at 2 mm.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.sam_labeler import SamLabeler
from CFRTrain.runs.job import Job, changed, preset
from CFRTrain.runs.run_folder import RunFolder, write_atomic
from Testing.benchmarks.concatenation_vs_slices import CLASSES, PLAN, dice, store_of

LABELED, FIRST, LAST = 61, 121, 167


@dataclass(frozen=True)
class Way:
    """One row: a name, and what it changes in the job."""

    name: str
    changes: dict[str, object] = field(default_factory=dict)


INPUTS = (
    Way("concatenated"),
    Way("slicewise", {"finetune.input": "slicewise"}),
    Way("small", {"finetune.input": "small"}),
    Way("scale 4 x 4", {"finetune.input": "scale", "finetune.scale": 4}),
    Way("neighbors", {"finetune.input": "neighbors"}),
    Way("neighbor_tiles", {"finetune.input": "neighbor_tiles"}),
    Way("axes z, y, x", {"finetune.input": "axes"}),
)
STRATEGIES = tuple(
    Way(f"concatenated, strategy {name}", {"finetune.strategy": name})
    for name in ("full", "adapter", "lora", "lora_all", "decoder")
)
WAYS = (*INPUTS, *STRATEGIES)


@dataclass(frozen=True)
class Result:
    """dice: mean per class. training, labeling: processor seconds, of one case. load: average, at the end."""

    dice: tuple[float, ...]
    training: float
    labeling: float
    load: float


def job_of(way: Way, seed: int, steps: int) -> Job:
    """The product's own small SAM and settings, one patch per step."""
    common = {
        "labeler": "sam",
        "device": "cpu",
        "finetune.model": "small",
        "finetune.steps": steps,
        "finetune.batch": 1,
        "finetune.warmup": min(20, steps // 4),
    }
    return changed(preset("standard", CLASSES, seed=seed), {**common, **way.changes})


def plan_at(spacing: float) -> Plan:
    """About the whole hippocampus in one patch, at `spacing` mm."""
    patch = tuple(4 * round(side / spacing / 4) for side in PLAN.patch_zyx)
    return replace(PLAN, spacing_zyx=(spacing,) * 3, patch_zyx=patch)


def train_and_measure(
    store: CaseStore, labeled: str, test: Sequence[str], folder: Path, plan: Plan, job: Job
) -> Result:
    """Trains one small SAM and labels the test cases; a kept result is reused."""
    run = RunFolder(folder)
    if (folder / "measured.json").is_file():
        return Result(**run.read_json("measured.json"))
    shutil.rmtree(folder, ignore_errors=True)  # an interrupted training would count too few seconds
    run.folder()
    labeler = SamLabeler(store, (labeled,), plan, job, run)
    start = time.process_time()
    labeler.prepare()
    training, start = time.process_time() - start, time.process_time()
    scores = [dice(labeler.label(case).labels, store.label(case)) for case in test]
    labeling = (time.process_time() - start) / len(test)
    found = tuple(float(value) for value in np.mean(scores, axis=0))
    result = Result(found, training, labeling, os.getloadavg()[0])
    run.write_json("measured.json", asdict(result))
    return result


def table(results: dict[str, list[Result]], plan: Plan, steps: int, test: int) -> str:
    """The figures as Markdown."""
    loads = [one.load for found in results.values() for one in found]
    lines = [
        "# Inputs and fine-tuning strategies of SAM",
        "",
        "A development measurement, too short to rank what is close: a small SAM from scratch,"
        f" {steps} steps, each of one patch of"
        f" {' x '.join(map(str, plan.patch_zyx))} voxels of {plan.spacing_zyx[0]:g} mm"
        f" of one labeled hippocampus volume; Dice on {test} other cases at the last step."
        " Without official weights the strategies that leave the encoder frozen (adapter, lora, lora_all,"
        " decoder) have random features to work with: they are here to show that they run and their cost."
        f" Processor seconds of one thread, on a machine of {os.cpu_count()} cores"
        f" under a load average of {min(loads):.0f} to {max(loads):.0f}.",
        "",
        f"    {' '.join(['python -m Testing.benchmarks.sam_inputs', *sys.argv[1:]])}",
        "",
        "| input, strategy | Dice per seed | mean | anterior, posterior | training s | s per case |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        each = [100 * mean(result.dice) for result in found]
        by_class = np.mean([result.dice for result in found], axis=0)
        cells = (
            name,
            ", ".join(f"{value:.1f}" for value in each),
            f"{mean(each):.1f}",
            ", ".join(f"{100 * value:.1f}" for value in by_class),
            f"{mean(one.training for one in found):.0f}",
            f"{mean(one.labeling for one in found):.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def parse() -> argparse.Namespace:
    """The command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder in which trainings are kept")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--spacing", type=float, default=1.0, help="mm, of all axes; WORK is for one of them")
    parser.add_argument("--test", type=int, default=6, help="number of test cases")
    return parser.parse_args()


def main() -> None:
    """Trains every way in every repetition; the table is written after each."""
    options = parse()
    torch.set_num_threads(1)
    names = sorted(path.name for path in (options.data / "hippocampus" / "images").glob("*.nii.gz"))
    if len(names) <= LAST:
        raise SystemExit(f"{options.data} holds {len(names)} hippocampus volumes; {LAST + 1} are needed")
    places = np.linspace(FIRST, LAST, options.test).round().astype(int)
    chosen = [names[index] for index in (LABELED, *places)]
    plan = plan_at(options.spacing)
    store = store_of(options.data, options.work, chosen, plan)
    labeled, *test = (name.removesuffix(".nii.gz") for name in chosen)
    results: dict[str, list[Result]] = {}
    for seed in range(options.seeds):
        for number, way in enumerate(WAYS):
            folder = options.work / f"way{number}_seed{seed}_steps{options.steps}"
            found = train_and_measure(store, labeled, test, folder, plan, job_of(way, seed, options.steps))
            results.setdefault(way.name, []).append(found)
            write_atomic(options.out, table(results, plan, options.steps, len(test)).encode())
    sys.stdout.write(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
