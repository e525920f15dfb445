"""table.toml as data: budgets, configurations, and the cells of the comparison in the order they are run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from CFRTrain.retraining.methods import METHODS
from CFRTrain.runs.job import ClassSpec, Job, changed, preset

TABLE = Path(__file__).with_name("table.toml")
WITH = "+labels"  # ends the name of a method's configuration with pseudo-labels


@dataclass(frozen=True)
class Budget:
    """How much a run may compute: job changes over a preset."""

    name: str
    title: str
    preset: str
    on_cpu: bool
    job: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Configuration:
    """One row of the comparison.

    group: methods, labelers, options or presets. method and with_labels: of the methods, else the job's.
    preset: of the group presets, None where the budget's is meant. missing: why it is not run, or empty.
    builds_on: whether it is one of the methods that the paper builds on.
    """

    name: str
    title: str
    group: str
    method: str
    with_labels: bool
    job: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    missing: str = ""
    builds_on: bool = False


@dataclass(frozen=True)
class Cell:
    """One run: what is trained, on which cases, from which seed. The budget of presets is named preset."""

    configuration: Configuration
    dataset: str
    labels: int
    seed: int
    budget: str

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """What a row of the results is found by."""
        return self.configuration.name, self.dataset, self.labels, self.seed, self.budget

    @property
    def folder_name(self) -> str:
        """Name of its run folder."""
        return f"{self.dataset}_{self.labels}_seed{self.seed}_{self.budget}_{self.configuration.name}"


@dataclass(frozen=True)
class Choice:
    """A default: the configuration that has it, those that have something else, and the reason."""

    what: str
    chosen: str
    others: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Table:
    """The whole of table.toml. rounds: (data set, labels, seed, names of configurations or None for all)."""

    budgets: Mapping[str, Budget]
    configurations: tuple[Configuration, ...]
    rounds: tuple[tuple[str, int, int, tuple[str, ...] | None], ...]
    choices: tuple[Choice, ...] = ()

    def cells(self, budget: str) -> Iterator[Cell]:
        """Every cell, also those that cannot be run, round by round."""
        for dataset, labels, seed, only in self.rounds:
            for item in self.configurations:
                if only is None or item.name in only:
                    own = "preset" if item.group == "presets" else budget
                    yield Cell(item, dataset, labels, seed, own)

    def planned(self, dataset: str, labels: int) -> dict[Configuration, int]:
        """How many seeds of each configuration there are to be for a data set and label count."""
        counts: dict[Configuration, int] = {}
        for _, _, _, only in (item for item in self.rounds if item[:2] == (dataset, labels)):
            for item in self.configurations:
                if only is None or item.name in only:
                    counts[item] = counts.get(item, 0) + 1
        return counts

    def job(self, cell: Cell, classes: tuple[ClassSpec, ...]) -> Job:
        """What a cell's run is told. Raises JobError for a change that does not exist."""
        item = cell.configuration
        if item.group == "presets":
            return preset(item.preset or item.name, classes, on_cpu=True, seed=cell.seed, **item.job)
        budget = self.budgets[cell.budget]
        job = preset(budget.preset, classes, on_cpu=budget.on_cpu, seed=cell.seed)
        return changed(job, {**budget.job, "method": item.method, **item.job})


def read_table(path: Path = TABLE) -> Table:
    """The table in a TOML file. KeyError or TypeError where it is not as `table.toml` shows."""
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    budgets = {name: Budget(name, **entry) for name, entry in given["budgets"].items()}
    configurations = [
        *(item for name, entry in given["methods"].items() for item in _pair(name, entry, given["variants"])),
        *(
            Configuration(
                name,
                entry["title"],
                group,
                "self_training",
                True,
                {**given["variants"]["with"], **entry["job"]},
            )
            for group in ("labelers", "options")
            for name, entry in given.get(group, {}).items()
        ),
        *(_preset(name, entry) for name, entry in given.get("presets", {}).items()),
    ]
    rounds = tuple(
        (item["dataset"], item["labels"], item["seed"], tuple(item["only"]) if "only" in item else None)
        for item in given["rounds"]
    )
    choices = tuple(Choice(**{**item, "others": tuple(item["others"])}) for item in given.get("defaults", ()))
    unknown = {name for item in choices for name in (item.chosen, *item.others)}
    unknown -= {item.name for item in configurations}
    if unknown:
        raise KeyError(f"defaults name configurations that are not there: {', '.join(sorted(unknown))}")
    return Table(budgets, tuple(configurations), rounds, choices)


def _pair(name: str, entry: Mapping[str, Any], variants: Mapping[str, Any]) -> Iterator[Configuration]:
    """A method without and with pseudo-labels."""
    absent = "" if name in METHODS else "this version does not have the method"
    for with_labels, key in ((False, "without"), (True, "with")):
        yield Configuration(
            name=name + WITH * with_labels,
            title=entry["title"],
            group="methods",
            method=name,
            with_labels=with_labels,
            job={**variants[key], **entry.get(key, {})},
            missing=absent or entry.get(f"no_{key}", ""),
            builds_on=entry.get("builds_on", False),
        )


def _preset(name: str, entry: Mapping[str, Any]) -> Configuration:
    method = entry["job"].get("method", "")
    missing = entry.get("missing", "")
    return Configuration(
        name, entry["title"], "presets", method, True, entry["job"], entry.get("preset"), missing
    )
