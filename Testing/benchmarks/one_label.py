"""What one labeled case is worth: the pipeline against fair controls on real volumes.

    python -m Testing.benchmarks.one_label DATA --dataset hippocampus --work FOLDER --output FILE.md

DATA holds `hippocampus/` and `left_atrium/`, each with `images/` and `labels/`. Every run is a process of its
own over a run folder in `--work`; finished runs are not repeated, an interrupted one is resumed. The figures
are the last checkpoint's, on validation cases whose labels no run ever reads for anything else.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from CFRTrain.runs.job import ClassSpec, Job, changed, preset
from CFRTrain.runs.run_folder import RunFolder
from Testing.benchmarks.fixed_splits import DATASETS, python_over, write_run
from Testing.benchmarks.one_label_table import Row, write_tables

LABELED = {"hippocampus": (0, 20, 40), "left_atrium": (0,)}
SEEDS = {"hippocampus": (0, 1), "left_atrium": (0, 1, 2)}


def configurations(classes: tuple[ClassSpec, ...], seed: int, preset_name: str) -> dict[str, Job]:
    """The pipeline and its controls: as many network steps and items per step, no atlas in any control.

    self_training: a network trained on the labeled case alone labels the others, in place of the first round;
    the other rounds are the pipeline's. All but the registration is as in the pipeline.
    """
    ours = preset(preset_name, classes, on_cpu=True, seed=seed)
    steps, rounds = ours.retrain.steps, ours.retrain.rounds
    networks = ours.network_labeler.networks * ("network" in (ours.labeler, *_members(ours)))
    labeling_steps = ours.network_labeler.steps * networks
    alone = {
        "labeler": "none",
        "retrain.pairs": 0.0,
        "retrain.steps": steps * rounds + labeling_steps,
        "retrain.rounds": 1,
    }
    supervised = {
        **alone,
        "method": "supervised",
        "retrain.batch_labeled": ours.retrain.batch_labeled + ours.retrain.batch_unlabeled,
        "retrain.batch_unlabeled": 0,
    }
    own_labels = {
        "labeler": "network",
        "network_labeler.pairs": 0.0,
        "network_labeler.networks": 1,
        "network_labeler.steps": labeling_steps or steps,
        "retrain.pairs": 0.0,
        "retrain.rounds": rounds if labeling_steps else max(1, rounds - 1),
        "method": "self_training",
    }
    return {
        "pipeline": ours,
        "supervised": changed(ours, supervised),
        "mean_teacher": changed(ours, {**alone, "method": "mean_teacher"}),
        "self_training": changed(ours, own_labels),
    }


def _members(job: Job) -> tuple[str, ...]:
    return job.fusion_members if job.labeler == "fusion" else ()


def run_one(folder: Path, threads: int) -> dict:
    """Runs or resumes one run folder in a process of its own; returns its results."""
    run = RunFolder(folder)
    if run.results() is None:
        code = python_over(folder, threads, "CFRTrain", "run")
        if code:
            raise SystemExit(f"{folder.name} ended with exit code {code}; see {folder / 'stdout.log'}")
    return run.results() or {}


def planned_runs(options: argparse.Namespace) -> list[tuple[str, int, int, Path]]:
    """Configuration, labeled case, seed and folder of every run; their job and case files are written."""
    dataset, runs = DATASETS[options.dataset], []
    labeled_cases = _numbers(options.labeled) or LABELED[options.dataset]
    for name in options.configurations.split(","):
        for seed in _numbers(options.seeds) or SEEDS[options.dataset]:
            for labeled in labeled_cases:
                folder = options.work / f"{options.dataset}_{name}_label{labeled}_seed{seed}"
                if not (folder / "job.json").is_file():
                    job = configurations(dataset.classes, seed, options.preset)[name]
                    job = changed(job, {"threads": options.threads})
                    write_run(folder, options.data.resolve(), dataset, (labeled,), job)
                runs.append((name, labeled, seed, folder))
    return runs


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--configurations", default="pipeline,self_training,supervised,mean_teacher")
    parser.add_argument("--labeled", default="", help="indices of labeled cases, default the data set's")
    parser.add_argument("--seeds", default="", help="default the data set's")
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at once")
    return parser.parse_args()


def main() -> None:
    """Runs what has not been run and writes the tables after each run."""
    options = parse_options()
    rows: list[Row] = []
    runs = planned_runs(options)
    with ThreadPoolExecutor(options.side_by_side) as pool:
        found = pool.map(lambda run: run_one(run[3], options.threads), runs)
        for (name, labeled, seed, _), results in zip(runs, found, strict=True):
            rows.append(Row(name, labeled, seed, results))
            write_tables(options.output, rows, sys.argv)
    sys.stdout.write(options.output.read_text(encoding="utf-8") + "\n")


if __name__ == "__main__":
    main()
