"""Tables of the one-label benchmark: one row per run, and the mean and spread of each configuration."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.run_folder import write_atomic


@dataclass(frozen=True)
class Row:
    """One finished run: its configuration, labeled case, seed, and what its results.json says."""

    configuration: str
    labeled: int
    seed: int
    results: dict

    @property
    def dice(self) -> float:
        return self.results["validation"]["mean_dice"]

    @property
    def dice_per_class(self) -> list[float]:
        return [entry["dice_mean"] for entry in self.results["validation"]["classes"]]

    @property
    def seconds(self) -> float:
        return sum(stage["seconds"] for stage in self.results["stages"].values())


def spread(values: Sequence[float]) -> str:
    """`mean ± standard deviation` (ddof 1) of `values`."""
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.4f} ± {deviation:.4f}"


def summary_lines(rows: Sequence[Row]) -> list[str]:
    """One line per configuration, in the order of first appearance."""
    lines = [
        "| configuration | runs | mean Dice ± sd | lowest run | lowest class | minutes per run | peak GiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.configuration for row in rows):
        chosen = [row for row in rows if row.configuration == name]
        lowest_class = min(min(row.dice_per_class) for row in chosen)
        minutes = statistics.mean(row.seconds for row in chosen) / 60
        peak = max(row.results["peak_memory_bytes"] for row in chosen) / 2**30
        lines.append(
            f"| {name} | {len(chosen)} | {spread([row.dice for row in chosen])} | "
            f"{min(row.dice for row in chosen):.4f} | {lowest_class:.4f} | {minutes:.1f} | {peak:.2f} |"
        )
    return lines


def run_lines(rows: Sequence[Row]) -> list[str]:
    """One line per run with Dice per class, pseudo-label quality and seconds per stage."""
    lines = [
        "| configuration | labeled case | seed | Dice | per class | HD95 mm | failures | seconds per stage |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        validation = row.results["validation"]
        classes = " / ".join(f"{value:.4f}" for value in row.dice_per_class)
        hd95 = statistics.mean(entry["hd95_mean"] for entry in validation["classes"])
        stages = ", ".join(f"{name} {stage['seconds']:.0f}" for name, stage in row.results["stages"].items())
        lines.append(
            f"| {row.configuration} | {row.labeled} | {row.seed} | {row.dice:.4f} | {classes} | "
            f"{hd95:.2f} | {validation['failures']} | {stages} |"
        )
    return lines


def write_tables(path: Path, rows: Sequence[Row], command: Sequence[str]) -> None:
    """Writes the summary, every run, the command and the machine as Markdown, atomically."""
    arguments = " ".join(Path(part).name if Path(part).is_absolute() else part for part in command[1:])
    versions = rows[-1].results["versions"]
    text = "\n".join(
        [
            "# One labeled case",
            "",
            f"`python -m Testing.benchmarks.one_label {arguments}`",
            "",
            f"{platform.system()} {platform.machine()}, "
            + ", ".join(f"{k} {v}" for k, v in versions.items()),
            "",
            *summary_lines(rows),
            "",
            "## Runs",
            "",
            *run_lines(rows),
            "",
        ]
    )
    write_atomic(path, text.encode())
