"""The page's charts, made from summaries: methods, what pseudo-labels add, Dice against time and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from CFRTrain.models.report_parts import duration
from Testing.benchmarks.comparison.markdown import spread_text, state, title, to_be_run
from Testing.benchmarks.comparison.marks import Line, Mark, Point, scatter_chart, strip_chart
from Testing.benchmarks.comparison.published import Published
from Testing.benchmarks.comparison.summary import Gain, Place, Spread, Summary

LABELED_POINTS = 6


def place_name(place: Place) -> str:
    """`Left atrium, 1 label`."""
    dataset, labels = place
    name = dataset.replace("_", " ")
    return f"{name[0].upper()}{name[1:]}, {labels} {'label' if labels == 1 else 'labels'}"


def series_of(summary: Summary) -> str:
    """The marks of a configuration."""
    if summary.configuration.group == "presets":
        return "presets"
    return "with pseudo-labels" if summary.configuration.with_labels else "without pseudo-labels"


def _mark(summary: Summary) -> Mark | None:
    spread = summary.spread("dice")
    if spread is None:
        return None
    deviation = None if spread.deviation is None else 100 * spread.deviation
    return Mark(100 * spread.mean, series_of(summary), deviation, f"{title(summary)}: {_runs(spread)}")


def _runs(spread: Spread) -> str:
    return f"{spread_text(spread)} ({spread.count} {'run' if spread.count == 1 else 'runs'})"


def methods_chart(summaries: Sequence[Summary], published: Published) -> str:
    """Dice of each configuration at one place; a method's two on one line, published ones beside them."""
    lines: dict[str, list[Summary]] = {}
    for item in summaries:
        lines.setdefault(f"{item.configuration.group} {item.configuration.title}", []).append(item)
    drawn = []
    for group in lines.values():
        marks = [mark for mark in map(_mark, group) if mark is not None]
        for item in group:
            row = published.of(item.place, item.configuration.name)
            if row is not None:
                series = "published with" if row.with_labels else "published without"
                marks.append(Mark(row.dice, series, None, f"published: {row.named} {row.dice:.1f}"))
        if not marks and all(map(to_be_run, group)):
            continue
        note = " / ".join(dict.fromkeys(state(item) for item in group))
        drawn.append(Line(group[0].configuration.title, tuple(marks), note))
    return strip_chart("Dice in percent, mean and spread over runs", drawn, "Dice, %")


def gains_chart(found: Sequence[Gain], published: Published) -> str:
    """What pseudo-labels add to each method, points of Dice, paired by seed."""
    lines = []
    for gain in found:
        differences = gain.differences
        mean, deviation = 100 * differences.mean, differences.deviation
        series = "gain" if mean >= 0 else "loss"
        hint = f"{gain.configuration.title}: {spread_text(differences)} ({differences.count} pairs)"
        marks = [Mark(mean, series, None if deviation is None else 100 * deviation, hint)]
        for other in published.gains:
            same = other.dataset.replace(" ", "_") == gain.place[0] and other.labels == gain.place[1]
            if same and other.method == gain.configuration.method:
                value = other.with_labels - other.without
                marks.append(Mark(value, "published gain", None, f"published: {value:+.1f}"))
        lines.append(Line(gain.configuration.title, tuple(marks)))
    text = "With minus without pseudo-labels, points of Dice, mean and spread over pairs of runs"
    return strip_chart(text, lines, "points of Dice", zero=True)


def time_chart(summaries: Sequence[Summary]) -> str:
    """Dice against the seconds of a whole run, pseudo-labels included; the best ones are named."""
    measured = [(item, _mark(item), item.spread("total_seconds")) for item in summaries if item.runs]
    ranked = sorted((mark.value for _, mark, _ in measured), reverse=True)[:LABELED_POINTS]
    points = [
        Point(
            seconds.mean,
            Mark(mark.value, mark.series, None, f"{mark.hint}, {duration(seconds.mean)}"),
            title(item) if mark.value in ranked or item.configuration.name == "supervised" else "",
        )
        for item, mark, seconds in measured
        if seconds.mean > 0
    ]
    return scatter_chart(
        "Dice against seconds, pseudo-labels included", points, "seconds of a run", "Dice, %"
    )


def label_chart(summaries: Sequence[Summary], names: Sequence[str], published: Published) -> str:
    """Dice of some configurations of one data set against the number of labeled cases, and the papers'.

    Empty where none of them was measured with two counts.
    """
    chosen = [item for item in summaries if item.configuration.name in names and item.runs]
    counts = sorted({item.place[1] for item in chosen})
    if len(counts) < 2:
        return ""
    curves: dict[str, list[Point]] = {}
    for item in chosen:
        points = curves.setdefault(title(item), [])
        points.append(Point(item.place[1], _mark(item), curve=title(item)))
        row = published.of(item.place, item.configuration.name)
        if row is not None:
            series = "published with" if row.with_labels else "published without"
            name = f"published: {row.named}"
            mark = Mark(row.dice, series, None, f"{name} {row.dice:.1f}")
            curves.setdefault(name, []).append(Point(row.labels, mark, curve=name))
    points = []
    for name, own in curves.items():
        *others, last = sorted(own, key=lambda point: point.x)
        points += [*others, replace(last, label=name)]
    ticks = sorted({point.x for point in points})
    return scatter_chart(
        "Dice against labeled cases, mean and spread over runs",
        points, "labeled cases", "Dice, %", 340, ticks, room=(counts[-1] / counts[0]) ** 0.5,
    )  # fmt: skip
