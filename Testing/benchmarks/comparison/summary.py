"""What the rows say together: mean and spread over seeds, and what pseudo-labels add to each method."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from Testing.benchmarks.comparison.rows import Row
from Testing.benchmarks.comparison.table import WITH, Configuration

Place = tuple[str, int]  # data set, labels


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (ddof 1; None for one value) of `count` values."""

    values: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many values."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Their standard deviation."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Summary:
    """One configuration at one place: all its finished runs, and those that failed."""

    configuration: Configuration
    place: Place
    runs: tuple[Row, ...]
    failed: tuple[Row, ...]

    def spread(self, metric: str) -> Spread | None:
        """Mean and spread of a row's attribute over runs; None where no run has it."""
        found = [getattr(row, metric) for row in self.runs]
        values = tuple(value for value in found if value is not None)
        return Spread(values) if values else None

    def class_spread(self, index: int, metric: str = "dice") -> Spread | None:
        """The same of one class."""
        found = [row.classes[index][metric] for row in self.runs if index < len(row.classes)]
        values = tuple(value for value in found if value is not None)
        return Spread(values) if values else None

    @property
    def mixed(self) -> bool:
        """Whether the runs had different settings or come from different versions."""
        return len({(row.settings, row.commit) for row in self.runs}) > 1


def summarize(rows: Iterable[Row], configurations: Sequence[Configuration], place: Place) -> list[Summary]:
    """One summary per configuration, in the table's order, also where there is no run."""
    here = [row for row in rows if (row.dataset, row.labels) == place]
    return [
        Summary(
            item,
            place,
            tuple(row for row in here if row.configuration == item.name and row.status == "done"),
            tuple(row for row in here if row.configuration == item.name and row.status != "done"),
        )
        for item in configurations
    ]


def paired(summaries: Sequence[Summary], one: str, other: str) -> Spread | None:
    """Dice of configuration `one` minus that of `other`, seed by seed; None without a seed of both."""
    dice = {
        item.configuration.name: {row.seed: row.dice for row in item.runs if row.dice is not None}
        for item in summaries
    }
    first, second = dice.get(one, {}), dice.get(other, {})
    values = tuple(first[seed] - second[seed] for seed in first if seed in second)
    return Spread(values) if values else None


@dataclass(frozen=True)
class Gain:
    """What pseudo-labels add to a method's Dice: with minus without, seed by seed."""

    configuration: Configuration
    place: Place
    differences: Spread


def gains(summaries: Sequence[Summary]) -> list[Gain]:
    """The paired differences of every method that has a seed both ways."""
    by_name = {item.configuration.name: item for item in summaries}
    found = []
    for summary in summaries:
        partner = by_name.get(summary.configuration.name + WITH)
        if summary.configuration.group != "methods" or partner is None:
            continue
        pairs = paired(summaries, partner.configuration.name, summary.configuration.name)
        if pairs:
            found.append(Gain(summary.configuration, summary.place, pairs))
    return found


def best(summaries: Iterable[Summary]) -> Summary | None:
    """The one with the highest mean Dice."""
    measured = [item for item in summaries if item.runs]
    return max(measured, key=lambda item: item.spread("dice").mean, default=None)


def places(rows: Iterable[Row]) -> list[Place]:
    """Data sets and label counts that have a row, sorted."""
    return sorted({(row.dataset, row.labels) for row in rows})
