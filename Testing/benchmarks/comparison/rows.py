"""One row per run: what its results say, what its labels cost, and where it came from."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from CFRTrain.runs.run_folder import RunFolder, write_atomic
from Testing.benchmarks.comparison.table import Cell

METRICS = ("dice", "jaccard", "assd", "hd95")


@dataclass(frozen=True)
class Row:
    """One run. Distances are in mm, dice and the like between 0 and 1; None where there is no figure.

    status: done or failed. seconds: by stage, of the run itself; shared_seconds: of the labels it shares with
    other runs, as if it had made them. settings: digest of what the table told it. load: of the machine, mean
    of a quarter of an hour, when the run ended.
    """

    configuration: str
    dataset: str
    labels: int
    seed: int
    budget: str
    status: str
    error: str = ""
    dice: float | None = None
    jaccard: float | None = None
    assd: float | None = None
    hd95: float | None = None
    classes: tuple[Mapping[str, Any], ...] = ()
    cases: int = 0
    failures: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    shared_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    pseudo_dice: float | None = None
    settings: str = ""
    commit: str = ""
    machine: str = ""
    device: str = ""
    load: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """What there is one row of."""
        return self.configuration, self.dataset, self.labels, self.seed, self.budget

    @property
    def total_seconds(self) -> float:
        """All stages, the labels included."""
        return sum(self.seconds.values()) + sum(self.shared_seconds.values())


def finished_row(cell: Cell, run: RunFolder, origin: Mapping[str, Any]) -> Row:
    """The row of a finished run. origin: what the runner wrote beside it."""
    results = run.results() or {}
    validation = results["validation"]
    classes = tuple(
        {"name": entry["name"]} | {metric: _rounded(entry[f"{metric}_mean"]) for metric in METRICS}
        for entry in validation["classes"]
    )
    return Row(
        **_identity(cell),
        status="done",
        dice=_rounded(validation["mean_dice"]),
        **{metric: _mean(entry[metric] for entry in classes) for metric in METRICS[1:]},
        classes=classes,
        cases=validation["cases"],
        failures=validation["failures"],
        seconds={name: stage["seconds"] for name, stage in results["stages"].items()},
        peak_memory_bytes=max(results["peak_memory_bytes"], origin.get("labels_peak_memory_bytes", 0)),
        versions=results["versions"],
        **_known(origin),
    )


def failed_row(cell: Cell, error: str, origin: Mapping[str, Any]) -> Row:
    """The row of a run that did not finish; it stays in the table until the run is repeated."""
    return Row(**_identity(cell), status="failed", error=error, **_known(origin))


def _identity(cell: Cell) -> dict[str, Any]:
    return {
        "configuration": cell.configuration.name,
        "dataset": cell.dataset,
        "labels": cell.labels,
        "seed": cell.seed,
        "budget": cell.budget,
    }


def _known(origin: Mapping[str, Any]) -> dict[str, Any]:
    names = ("shared_seconds", "pseudo_dice", "settings", "commit", "machine", "device", "load")
    return {name: origin[name] for name in names if name in origin}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean over classes; none where a class has none, so that no class is left out unseen."""
    found = list(values)
    return None if not found or None in found else round(statistics.fmean(found), 5)


def read_rows(path: Path) -> list[Row]:
    """Rows as `write_rows` wrote them; none where there is no file. TypeError for other content."""
    if not path.is_file():
        return []
    return [
        Row(**{**entry, "classes": tuple(entry.get("classes", ()))})
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """One row per line, sorted, so that two versions of the file can be compared."""
    lines = [json.dumps(asdict(row), ensure_ascii=False) for row in sorted(rows, key=lambda row: row.key)]
    write_atomic(path, ("[\n" + ",\n".join(lines) + "\n]\n").encode())


def merged(*groups: Iterable[Row]) -> list[Row]:
    """All rows; of two with the same key the later one, but never a failure instead of a finished run."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in (row for group in groups for row in group):
        if row.status == "done" or found.get(row.key, row).status != "done":
            found[row.key] = row
    return list(found.values())
