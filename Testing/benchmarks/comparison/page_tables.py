"""The page's tables: what was run, the figures, the papers' figures, every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from CFRTrain.models.report_parts import count, table
from Testing.benchmarks.comparison import markdown as text
from Testing.benchmarks.comparison.charts import place_name
from Testing.benchmarks.comparison.published import Published, PublishedRow
from Testing.benchmarks.comparison.rows import Row
from Testing.benchmarks.comparison.summary import Place, Summary
from Testing.benchmarks.comparison.table import Table

RESULT_HEAD = (
    *("configuration", "runs", "Dice %", "per class", "Jaccard %", "ASSD mm", "HD95 mm", "failures"),
    *("labels’ Dice %", "minutes", "peak GiB", "published Dice %"),
)
RUN_HEAD = (
    *("configuration", "data set", "labels", "seed", "status", "Dice %", "per class"),
    *("seconds", "shared seconds", "commit"),
)
PUBLISHED_HEAD = (
    "labels",
    "unlabeled",
    "method",
    "Dice %",
    "Jaccard %",
    "ASD voxels",
    "HD95 voxels",
    "remark",
)
GAIN_HEAD = ("data set", "labels", "method", "without", "with SAM’s labels", "difference", "remark")


def coverage_table(plan: Table, every: Mapping[Place, Sequence[Summary]]) -> str:
    """Finished and planned runs of each configuration; what is missing is said, not left out."""
    wanted = {(dataset, labels): plan.planned(dataset, labels) for dataset, labels, _, _ in plan.rounds}
    found = {(item.place, item.configuration.name): item for group in every.values() for item in group}
    rows = [
        [
            escape(text.configuration_title(item)),
            *(
                _covered(found.get((place, item.name)), counts.get(item, 0), item.missing)
                for place, counts in wanted.items()
            ),
        ]
        for item in plan.configurations
    ]
    head = ["finished runs of planned ones", *(place_name(place) for place in wanted)]
    return f'<details><summary>Show</summary><div class="coverage">{table(head, rows)}</div></details>'


def _covered(summary: Summary | None, planned: int, missing: str) -> str:
    if missing or not planned:
        return f'<span class="soft" title="{escape(missing or "not planned")}">–</span>'
    done = len(summary.runs) if summary else 0
    failed = f' <b class="bad">{len(summary.failed)} failed</b>' if summary and summary.failed else ""
    kind = "good" if done == planned else "warn" if done else "soft"
    return f'<span class="{kind}">{done}/{planned}</span>{failed}'


def result_table(summaries: Sequence[Summary], published: Published) -> str:
    """All figures of one place; what has none, neither here nor in the papers, is named below."""
    others = [item for item in summaries if text.to_be_run(item) and not _published(item, published)]
    lines = [_line(item, published) for item in summaries if item not in others]
    note = escape(text.not_run_text(others))
    return table(RESULT_HEAD, lines, range(1, 12)) + (f'<p class="note">{note}</p>' if note else "")


def _published(item: Summary, published: Published) -> PublishedRow | None:
    return published.of(item.place, item.configuration.name)


def _line(item: Summary, published: Published) -> list[str]:
    row = _published(item, published)
    theirs = (
        ""
        if row is None
        else f'<span title="{escape(row.remark)}">{row.dice:.1f}{"*" * bool(row.remark)}</span>'
    )
    name, state = escape(text.title(item)), escape(text.state(item))
    if not item.runs:
        return [f"{name}<br><small>{state}</small>", "0", *[""] * 9, theirs]
    seconds, peak = item.spread("total_seconds"), item.spread("peak_memory_bytes")
    failures = sum(run.failures for run in item.runs)
    return [
        name,
        state,
        f"<b>{_small(text.spread_text(item.spread('dice')))}</b>",
        text.class_text(item),
        _small(text.spread_text(item.spread("jaccard"))),
        _small(text.spread_text(item.spread("assd"), 1, 2)),
        _small(text.spread_text(item.spread("hd95"), 1, 2)),
        f'<b class="bad">{failures}</b>' if failures else "0",
        _small(text.spread_text(item.spread("pseudo_dice"))),
        f"{seconds.mean / 60:.1f}",
        f"{peak.mean / 2**30:.2f}",
        theirs,
    ]


def _small(value: str) -> str:
    """`81.2 ± 0.6` with the spread in small letters."""
    mean, sign, deviation = value.partition(" ± ")
    return f"{mean} <small>± {deviation}</small>" if sign else mean


def protocol_tables(budget: str, rows: Sequence[Row], published: Published) -> str:
    """Where the papers' protocol differs from ours, their figures, and what SAM's labels added there."""
    machines = "; ".join(sorted({row.machine for row in rows if row.machine})) or "none yet"
    values = {"budget": budget, "machine": machines}
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in published.remarks)
    parts = [f'<p>{escape(published.source)}</p><ul class="says">{remarks}</ul>']
    for dataset, lines in published.protocol.items():
        body = [[escape(what), escape(theirs), escape(ours.format(**values))] for what, theirs, ours in lines]
        parts.append(f"<h3>{place_name((dataset, 1)).partition(',')[0]}</h3>")
        parts.append(table(("", "in the papers", "here"), body))
        parts.append(_published_table(dataset, published))
    parts.append('<p class="note">No published figures for the hippocampus split.</p>')
    parts.append("<h3>What SAM’s pseudo-labels added in the paper, Dice %</h3>")
    parts.append(table(GAIN_HEAD, _gain_rows(published), range(3, 6)))
    return "".join(parts)


def _gain_rows(published: Published) -> list[list[str]]:
    return [
        [
            escape(gain.dataset),
            str(gain.labels),
            escape(gain.method.replace("_", " ")),
            f"{gain.without:.1f}",
            f"{gain.with_labels:.1f}",
            f"{gain.with_labels - gain.without:+.1f}",
            escape(gain.origin),
        ]
        for gain in published.gains
    ]


def _published_table(dataset: str, published: Published) -> str:
    def known(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    rows = []
    for row in (row for row in published.rows if row.dataset == dataset):
        remark = escape("; ".join(filter(None, (row.origin, row.remark))))
        figures = (known(value) for value in (row.dice, row.jaccard, row.asd_voxel, row.hd95_voxel))
        rows.append([str(row.labels), str(row.unlabeled), escape(row.named), *figures, remark])
    shown = table(PUBLISHED_HEAD, rows, range(3, 7))
    return f"<details><summary>Published figures</summary>{shown}</details>"


def run_table(rows: Sequence[Row]) -> str:
    """Every run, failed ones with the reason."""
    order = sorted(rows, key=lambda row: (row.dataset, row.labels, row.configuration, row.seed))
    shown = table(RUN_HEAD, [_run(row) for row in order], (5, 6))
    return f"<details><summary>{count(len(rows), 'run')}</summary>{shown}</details>" if rows else ""


def _run(row: Row) -> list[str]:
    classes = ("–" if item["dice"] is None else f"{100 * item['dice']:.1f}" for item in row.classes)
    stages = (f"{name} {seconds:.0f}" for name, seconds in row.seconds.items() if seconds >= 0.5)
    shared = (f"{name} {seconds:.0f}" for name, seconds in row.shared_seconds.items())
    return [
        escape(row.configuration),
        escape(row.dataset),
        str(row.labels),
        str(row.seed),
        "done" if row.status == "done" else f'<b class="bad">failed</b> {escape(row.error)}',
        "–" if row.dice is None else f"{100 * row.dice:.2f}",
        " / ".join(classes),
        escape(", ".join(stages)),
        escape(", ".join(shared)),
        escape(row.commit),
    ]
