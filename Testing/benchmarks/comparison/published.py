"""The papers' figures, from published.json, and how their protocol differs from ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from Testing.benchmarks.comparison.summary import Place
from Testing.benchmarks.comparison.table import WITH

PUBLISHED = Path(__file__).resolve().parents[1] / "published.json"


@dataclass(frozen=True)
class PublishedRow:
    """One figure of a paper's table. Dice and Jaccard in percent, distances in voxels; None where unknown.

    method: our name of it, or None. remark: what to think of it; origin: where it stands, if not in a table.
    """

    dataset: str
    labels: int
    unlabeled: int
    named: str
    method: str | None
    with_labels: bool
    dice: float
    jaccard: float | None = None
    asd_voxel: float | None = None
    hd95_voxel: float | None = None
    remark: str = ""
    origin: str = ""

    @property
    def configuration(self) -> str | None:
        """The name of the configuration that is closest to it, or None."""
        return None if self.method is None else self.method + WITH * self.with_labels


@dataclass(frozen=True)
class PublishedGain:
    """What the CFR paper reports that SAM's pseudo-labels add to a method, in percent of Dice."""

    dataset: str
    labels: int
    method: str
    without: float
    with_labels: float
    origin: str = ""


@dataclass(frozen=True)
class Published:
    """All of published.json. protocol: per data set (what, in the papers, here)."""

    source: str
    remarks: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    gains: tuple[PublishedGain, ...]
    protocol: dict[str, tuple[tuple[str, str, str], ...]]

    def at(self, place: Place) -> tuple[PublishedRow, ...]:
        """The rows of a data set and label count."""
        return tuple(row for row in self.rows if (row.dataset, row.labels) == place)

    def of(self, place: Place, configuration: str) -> PublishedRow | None:
        """The row closest to one of our configurations."""
        return next((row for row in self.at(place) if row.configuration == configuration), None)


def read_published(path: Path = PUBLISHED) -> Published:
    """The file's content. KeyError or TypeError where it is not as expected."""
    given = json.loads(path.read_text(encoding="utf-8"))
    gains = (
        PublishedGain(**{("with_labels" if name == "with" else name): value for name, value in entry.items()})
        for entry in given["gains"]
    )
    source = given["source"]
    return Published(
        f"{source['text']}, DOI {source['doi']}.",
        tuple(source["remarks"]),
        tuple(PublishedRow(**entry) for entry in given["rows"]),
        tuple(gains),
        {name: tuple(map(tuple, _three(lines))) for name, lines in given["protocol"].items()},
    )


def _three(lines: Iterable[list[str]]) -> Iterable[list[str]]:
    for line in lines:
        if len(line) != 3:
            raise TypeError(f"a line of the protocol needs three texts: {line}")
        yield line
