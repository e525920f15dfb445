"""Which case to label next: Dice against the number of labeled cases, `suggest` against random choice.

    python -m Testing.benchmarks.simulated_annotator DATA --work FOLDER --output FILE.md [--plot FILE.svg]

An annotator who labels what he is told to, with the reference labels. Chosen cases: the first by
`suggest` on the images alone, the next ones by `suggest` on the run with the labels so far, whose network
and labeler are the ones that the seed gives. Random cases: the first ones of a shuffled pool, one order per
seed. Every run is a process of its own; finished ones are not repeated. Registrations are shared.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from CFRTrain.data.randomness import generator_for
from CFRTrain.runs.job import ClassSpec, Job, changed, preset
from CFRTrain.runs.run_folder import RunFolder
from Testing.benchmarks.comparison.shared_labels import REGISTRATIONS, link_parts
from Testing.benchmarks.fixed_splits import Dataset, python_over, write_run
from Testing.benchmarks.simulated_annotator_table import Row, write_table

CLASSES = (ClassSpec(1, "anterior"), ClassSpec(2, "posterior"))
SPLITS = {
    "development": Dataset("hippocampus", CLASSES, 60, 47, start=61, stop=168),
    "reported": Dataset("hippocampus", CLASSES, 61, 40),
}
# The preview preset, its registration at half the resolution: a run is about a minute of one core.
CHEAP = {"device": "cpu", "atlas.resolution_mm": 2.0}


class Annotator:
    """Runs of one split, one after the other, in folders of `work`."""

    def __init__(self, data: Path, work: Path, split: str, threads: int) -> None:
        self.data, self.work, self.split, self.threads = data.resolve(), work, split, threads
        self.dataset = SPLITS[split]
        self._shared = work / f"{split}_registrations"

    def dice(self, strategy: str, seed: int, labeled: Sequence[int]) -> dict:
        """The results of the run with these labeled cases (indices into the pool), run if it was not yet."""
        folder = self.folder(strategy, seed, len(labeled))
        if not (folder / "job.json").is_file():
            write_run(folder, self.data, self.dataset, set(labeled), self.job(seed))
        run = RunFolder(folder)
        if run.results() is None:
            link_parts(self._shared, folder, REGISTRATIONS)
            self._python(folder, "CFRTrain", "run")
            link_parts(folder, self._shared, REGISTRATIONS)
        return run.results() or {}

    def job(self, seed: int) -> Job:
        """What every run is told."""
        return changed(preset("preview", CLASSES, on_cpu=True, seed=seed), {**CHEAP, "threads": self.threads})

    def folder(self, strategy: str, seed: int, count: int) -> Path:
        """The run folder of a strategy, a seed and a number of labeled cases."""
        return self.work / f"{self.split}_{strategy}_seed{seed}_labels{count}"

    def chosen(self, seed: int, labeled: Sequence[int], count: int) -> list[int]:
        """`labeled` and the cases that `suggest` adds to make `count`."""
        folder = self._cold_start() if not labeled else self.folder("suggest", seed, len(labeled))
        wanted = str(count - len(labeled))
        if not (folder / f"asked_{count}.json").is_file():
            output = folder / f"asked_{count}.json"
            self._python(
                folder, "CFRTrain", "suggest", "--threads", "1", "--count", wanted, "--output", str(output)
            )
        found = json.loads((folder / f"asked_{count}.json").read_text("utf-8"))["suggestions"]
        return [*labeled, *(int(entry["case"].removeprefix("case_")) - 1 for entry in found)]

    def random(self, seed: int, count: int) -> list[int]:
        """The first `count` cases of the seed's order."""
        generator = generator_for(seed, "random annotator", 0)
        return torch.randperm(self.dataset.pool, generator=generator)[:count].tolist()

    def _cold_start(self) -> Path:
        """A folder with a list of the pool's cases, none labeled, and nothing else."""
        folder = self.work / f"{self.split}_unlabeled"
        write_run(folder, self.data, self.dataset, (), self.job(0))
        (folder / "job.json").unlink()
        return folder

    def _python(self, folder: Path, *command: str) -> None:
        code = python_over(folder, self.threads, *command)
        if code:
            raise SystemExit(f"{folder.name} ended with exit code {code}; see {folder / 'stdout.log'}")


def rows_of(annotator: Annotator, strategy: str, seed: int, counts: Sequence[int]) -> list[Row]:
    """A row for each number of labeled cases, more cases added to those before."""
    rows, labeled = [], []
    for count in counts:
        grow = annotator.chosen if strategy == "suggest" else None
        labeled = grow(seed, labeled, count) if grow else annotator.random(seed, count)
        rows.append(Row(strategy, seed, tuple(labeled), annotator.dice(strategy, seed, labeled)))
        sys.stdout.write(f"{strategy} seed {seed}: {count} labeled, Dice {rows[-1].dice:.4f}\n")
        sys.stdout.flush()
    return rows


def numbers(text: str) -> tuple[int, ...]:
    """`1,2,4` as numbers."""
    return tuple(int(part) for part in text.split(","))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--plot", type=Path, help="SVG")
    parser.add_argument("--split", choices=SPLITS, default="reported")
    parser.add_argument("--counts", type=numbers, default=(1, 2, 4, 8), help="labeled cases, rising")
    parser.add_argument("--seeds", type=numbers, default=(0, 1, 2, 3, 4))
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    return parser.parse_args()


def main() -> None:
    """Runs what has not been run and writes the table after each seed."""
    options = parse_options()
    annotator = Annotator(options.data, options.work, options.split, options.threads)
    rows: list[Row] = []
    for seed in options.seeds:
        for strategy in ("suggest", "random"):
            rows += rows_of(annotator, strategy, seed, options.counts)
        write_table(options.output, options.plot, rows, sys.argv)
    sys.stdout.write(options.output.read_text(encoding="utf-8") + "\n")


if __name__ == "__main__":
    main()
