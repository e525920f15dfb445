"""Why the defaults are what they are: each beside what could be there in its place, with the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from Testing.benchmarks.comparison.markdown import configuration_title, spread_text
from Testing.benchmarks.comparison.summary import Place, Spread, Summary, paired
from Testing.benchmarks.comparison.table import Choice, Table

HEAD = ("default", "instead of", "chosen − other, points of Dice", "why")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Measured:
    """A default against one other setting: by place, the differences in Dice, seed by seed."""

    choice: Choice
    other: str
    differences: Mapping[Place, Spread]

    @property
    def text(self) -> str:
        """`Hippocampus, 1 label: +1.2 ± 0.3 (3 pairs)`, place by place."""
        parts = (_difference(place, spread) for place, spread in self.differences.items())
        return "; ".join(parts) or NOT_MEASURED


def measured(every: Mapping[Place, Sequence[Summary]], table: Table) -> Iterator[Measured]:
    """Every default with every setting that it was chosen over, also where nothing is measured."""
    for choice in table.choices:
        for other in choice.others:
            found = {place: paired(group, choice.chosen, other) for place, group in every.items()}
            yield Measured(choice, other, {place: spread for place, spread in found.items() if spread})


def choice_rows(every: Mapping[Place, Sequence[Summary]], table: Table) -> list[list[str]]:
    """The lines of the table under `HEAD`; default and reason stand once."""
    titles = {item.name: configuration_title(item) for item in table.configurations}
    rows, last = [], None
    for item in measured(every, table):
        first = item.choice is not last
        last = item.choice
        rows.append(
            [item.choice.what * first, titles[item.other], item.text, item.choice.because * first],
        )
    return rows


def choice_markdown(every: Mapping[Place, Sequence[Summary]], table: Table) -> str:
    """The same table in Markdown, with its heading."""
    rows = [HEAD, ("---",) * len(HEAD), *choice_rows(every, table)]
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join(["## Why the defaults are what they are", "", *lines, ""])


def _difference(place: Place, spread: Spread) -> str:
    dataset, labels = place
    name = dataset.replace("_", " ")
    where = f"{name[0].upper()}{name[1:]}, {labels} {'label' if labels == 1 else 'labels'}"
    pairs = f"{spread.count} {'pair' if spread.count == 1 else 'pairs'}"
    return f"{where}: {'+' if spread.mean >= 0 else ''}{spread_text(spread)} ({pairs})"
