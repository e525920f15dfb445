"""The comparison as Markdown: one table per data set and label count, what pseudo-labels add, every run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from Testing.benchmarks.comparison.rows import Row
from Testing.benchmarks.comparison.summary import Spread, Summary, gains, places, summarize
from Testing.benchmarks.comparison.table import Configuration, Table

NO_RUN = "not run"


def spread_text(spread: Spread | None, scale: float = 100, digits: int = 1) -> str:
    """`81.2 ± 0.6`, without spread for one value, a dash where there is none."""
    if spread is None:
        return "–"
    deviation = "" if spread.deviation is None else f" ± {scale * spread.deviation:.{digits}f}"
    return f"{scale * spread.mean:.{digits}f}{deviation}"


def title(summary: Summary) -> str:
    """A summary's configuration as a person would call it."""
    return configuration_title(summary.configuration)


def configuration_title(item: Configuration) -> str:
    """A configuration as a person would call it."""
    return f"{item.title} + pseudo-labels" if item.group == "methods" and item.with_labels else item.title


def state(summary: Summary) -> str:
    """Number of runs, or why there is none; failures are named."""
    parts = [str(len(summary.runs))] if summary.runs else []
    if summary.failed:
        parts.append(f"{len(summary.failed)} failed")
    if not parts:
        parts = [summary.configuration.missing or NO_RUN]
    return ", ".join(parts) + (", of different versions" if summary.mixed else "")


def to_be_run(summary: Summary) -> bool:
    """Whether it can be run and never was."""
    return state(summary) == NO_RUN


def not_run_text(summaries: Iterable[Summary]) -> str:
    """Names what was not run yet, empty where all was: a table that is half done stays readable."""
    names = [title(item) for item in summaries if to_be_run(item)]
    return f"Not run yet: {'; '.join(names)}." if names else ""


def class_text(summary: Summary) -> str:
    """Mean Dice of each class."""
    count = max((len(row.classes) for row in summary.runs), default=0)
    means = (summary.class_spread(index) for index in range(count))
    return " / ".join("–" if mean is None else f"{100 * mean.mean:.1f}" for mean in means)


def result_lines(summaries: Sequence[Summary]) -> list[str]:
    """One line per configuration that was run, failed or cannot be run; the others named below the table."""
    lines = [
        "| configuration | runs | Dice % | per class | Jaccard % | ASSD mm | HD95 mm | failures |"
        " Dice of the pseudo-labels % | minutes | peak GiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for item in summaries:
        if to_be_run(item):
            continue
        minutes, peak = item.spread("total_seconds"), item.spread("peak_memory_bytes")
        cells = [
            title(item),
            state(item),
            spread_text(item.spread("dice")),
            class_text(item),
            spread_text(item.spread("jaccard")),
            spread_text(item.spread("assd"), 1, 2),
            spread_text(item.spread("hd95"), 1, 2),
            str(sum(row.failures for row in item.runs)) if item.runs else "",
            spread_text(item.spread("pseudo_dice")) if item.runs else "",
            f"{minutes.mean / 60:.1f}" if minutes else "",
            f"{peak.mean / 2**30:.2f}" if peak else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    others = not_run_text(summaries)
    return [*lines, "", others] if others else lines


def gain_lines(summaries: Sequence[Summary]) -> list[str]:
    """Dice with minus without pseudo-labels, paired by seed."""
    found = gains(summaries)
    if not found:
        return ["No method has a run both with and without pseudo-labels."]
    lines = ["| method | pairs of runs | with − without, points of Dice |", "|---|---|---|"]
    for gain in found:
        built_on = ", which the paper builds on" if gain.configuration.builds_on else ""
        change = gain.differences.mean
        lines.append(
            f"| {gain.configuration.title}{built_on} | {gain.differences.count} | "
            f"{'+' if change >= 0 else ''}{spread_text(gain.differences)} |"
        )
    return lines


def failure_lines(rows: Iterable[Row]) -> list[str]:
    """Runs that did not finish, with the reason."""
    failed = [row for row in rows if row.status != "done"]
    if not failed:
        return ["None."]
    return [
        f"- {row.configuration}, {row.dataset}, {row.labels} labels, seed {row.seed}: {row.error}"
        for row in failed
    ]


def provenance_lines(rows: Sequence[Row]) -> list[str]:
    """Commits, machines and versions of all rows."""
    loads = [row.load for row in rows if row.load is not None and not math.isnan(row.load)]
    machines = {f"{row.machine}, device {row.device or 'unknown'}" for row in rows if row.machine}
    lines = [
        f"- commits: {', '.join(sorted({row.commit for row in rows if row.commit}))}",
        f"- machines: {'; '.join(sorted(machines))}",
    ]
    if loads:
        lines.append(
            f"- load of the machine while they ran: {min(loads):.1f} to {max(loads):.1f}, so minutes are"
            " upper bounds where that is more than its cores"
        )
    versions = [row.versions for row in rows if row.versions]
    if versions:
        lines.append("- " + ", ".join(f"{name} {version}" for name, version in versions[-1].items()))
    return lines


def markdown(table: Table, budget: str, rows: Sequence[Row]) -> str:
    """The whole document."""
    lines = ["# Comparison", "", f"Budget of the methods: {table.budgets[budget].title}.", ""]
    shown = [row for row in rows if row.budget in (budget, "preset")]
    for place in places(shown):
        summaries = summarize(shown, tuple(table.planned(*place)), place)
        dataset, labels = place
        name = f"{dataset.replace('_', ' ')}, {labels} {'label' if labels == 1 else 'labels'}"
        lines += [f"## {name[0].upper()}{name[1:]}", "", *result_lines(summaries), ""]
        lines += ["What pseudo-labels add:", "", *gain_lines(summaries), ""]
    lines += ["## Failed runs", "", *failure_lines(shown), "", "## Where the figures come from", ""]
    return "\n".join([*lines, *provenance_lines(shown), ""])
