"""What the figures say, in sentences that follow from them and say how little they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from Testing.benchmarks.comparison.charts import place_name
from Testing.benchmarks.comparison.markdown import spread_text, title
from Testing.benchmarks.comparison.summary import Place, Summary, best, gains
from Testing.benchmarks.comparison.table import Table

AIM = 3.0  # points of Dice above the best single published idea


def findings(every: Mapping[Place, Sequence[Summary]], table: Table) -> Iterator[str]:
    """Per place: the best configuration against the best method alone, and whom pseudo-labels harm."""
    for place, summaries in every.items():
        yield from _best(place, summaries)
        yield from _harmed(place, summaries, table)


def _best(place: Place, summaries: Sequence[Summary]) -> Iterator[str]:
    alone = best(item for item in summaries if not item.configuration.with_labels)
    ours = best(item for item in summaries if item.configuration.with_labels)
    if alone is None or ours is None:
        return
    lead = 100 * (ours.spread("dice").mean - alone.spread("dice").mean)
    reached = "reached" if lead >= AIM else "not reached"
    aim = f"; the aim, {AIM:.0f} points, is {reached}" if place[1] == 1 else ""
    yield (
        f"{place_name(place)}: the best configuration is {title(ours)}, {_with_runs(ours)}; the best single "
        f"published idea is {title(alone)}, {_with_runs(alone)}. The difference is {lead:+.1f} points{aim}."
    )


def _with_runs(item: Summary) -> str:
    runs = len(item.runs)
    return f"{spread_text(item.spread('dice'))} % ({runs} {'run' if runs == 1 else 'runs'})"


def _harmed(place: Place, summaries: Sequence[Summary], table: Table) -> Iterator[str]:
    found = gains(summaries)
    if not found:
        return
    worse = [gain for gain in found if gain.differences.mean < 0]
    built_on = [item for item in table.configurations if item.builds_on and not item.with_labels]
    measured = [gain for gain in found if gain.configuration.builds_on]
    names = ", ".join(f"{gain.configuration.title} ({spread_text(gain.differences)})" for gain in worse)
    least = min(gain.differences.count for gain in found)
    yield (
        f"{place_name(place)}: pseudo-labels make {len(worse)} of {len(found)} methods worse"
        f"{': ' + names if worse else ''}. Of the {len(built_on)} methods that the paper builds on, "
        f"{len(measured)} are measured and {sum(gain.configuration.builds_on for gain in worse)} get worse. "
        f"At least {least} {'pair' if least == 1 else 'pairs'} of runs each."
    )
