"""Results as text a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec
from CFRTrain.runs.run_folder import RunFolder

COLUMNS = ("dice", "jaccard", "assd", "hd95")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines with columns of one width."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def _figure(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"


def result_table(results: Mapping[str, Any]) -> str:
    """Validation figures per class (distances in mm) and the time of each stage."""
    validation = results.get("validation")
    if not validation:
        return "No validation cases: nothing was measured."
    rows = [["class", "Dice", "Jaccard", "ASSD mm", "HD95 mm", "cases", "failures"]]
    for entry in validation["classes"]:
        rows.append(
            [
                entry["name"],
                *(_figure(entry[f"{name}_mean"]) for name in COLUMNS),
                str(entry["cases"]),
                str(entry["failures"]),
            ]
        )
    stages = ", ".join(f"{name} {stage['seconds']:.0f} s" for name, stage in results["stages"].items())
    return f"{aligned(rows)}\nmean Dice {validation['mean_dice']:.3f}; {stages}"


def evaluation_table(rows: Sequence[Mapping[str, Any]], classes: Sequence[ClassSpec]) -> str:
    """One line per case and class; a missing prediction is a failure, not a gap."""
    names = {item.value: item.name for item in classes}
    lines = [["case", "class", "Dice", "Jaccard", "ASSD mm", "HD95 mm", "failure"]]
    for row in rows:
        lines.append(
            [
                row["case"],
                names[row["value"]],
                *(_figure(row[name]) for name in COLUMNS),
                "yes" if row["failure"] else "",
            ]
        )
    return aligned(lines)


def run_status(run: RunFolder) -> dict[str, Any]:
    """The newest stage, progress, warning, error and finish events of a run, and whether results exist."""
    events, _ = read_events(run.root / "events.jsonl", 0)
    newest = {event["type"]: event for event in events}
    shown = {
        name: newest[name] for name in ("stage", "progress", "warning", "error", "finished") if name in newest
    }
    return {**shown, "has_results": run.results() is not None}
