"""Writes the results: comparison.html, one page with everything inside, and comparison.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from CFRTrain.models.report_html import POLICY
from CFRTrain.models.report_parts import section
from CFRTrain.models.report_parts import table as html_table
from CFRTrain.models.report_style import STYLE
from CFRTrain.runs.run_folder import write_atomic
from Testing.benchmarks.comparison import markdown as text
from Testing.benchmarks.comparison.charts import (
    gains_chart,
    label_chart,
    methods_chart,
    place_name,
    time_chart,
)
from Testing.benchmarks.comparison.choices import HEAD, choice_markdown, choice_rows
from Testing.benchmarks.comparison.findings import findings
from Testing.benchmarks.comparison.page_tables import (
    coverage_table,
    protocol_tables,
    result_table,
    run_table,
)
from Testing.benchmarks.comparison.published import Published, read_published
from Testing.benchmarks.comparison.rows import Row
from Testing.benchmarks.comparison.summary import Place, Summary, gains, places, summarize
from Testing.benchmarks.comparison.table import Table

OWN_STYLE = """
main { max-width: 1240px; } .marks { max-width: 1000px; }
.marks text { font-size: 12px; } .marks .label { fill: var(--text); } .marks .missing { font-style: italic; }
.marks .zero { stroke: var(--text); stroke-width: 1.2; } .marks { margin-bottom: 18px; }
td:first-child { white-space: nowrap; } th, td { padding: 5px 8px; }
.coverage td, .coverage th { text-align: center; }
.coverage td:first-child { text-align: left; } h3 { font-size: 15px; margin: 20px 0 6px; }
ul.says { padding-left: 20px; margin: 0; } ul.says li { margin: 0 0 6px; } small { white-space: nowrap; }
"""
CURVES = ("supervised", "self_training+labels", "mean_teacher", "mean_teacher+labels", "standard")


def write_page(folder: Path, table: Table, budget: str, rows: Sequence[Row]) -> None:
    """Writes comparison.html and comparison.md into `folder`."""
    every = _summaries(table, budget, rows)
    said = f"{text.markdown(table, budget, rows)}\n{choice_markdown(every, table)}"
    write_atomic(folder / "comparison.md", said.encode())
    write_atomic(folder / "comparison.html", page(table, budget, rows, read_published()).encode())


def page(table: Table, budget: str, rows: Sequence[Row], published: Published) -> str:
    """The whole page: rows of the budget and of presets. Loads and runs nothing."""
    shown, every = _shown(budget, rows), _summaries(table, budget, rows)
    body = [
        _header(table, budget, shown, every),
        section("What it says so far", _list(findings(every, table))),
        section("Why the defaults are what they are", _choices(every, table)),
        section("What was run", coverage_table(table, every)),
        *(section(place_name(place), _place(every[place], published)) for place in every),
        section("Labels", _label_curves(every, published)),
        section(
            "The papers’ figures, and what differs",
            protocol_tables(table.budgets[budget].title, shown, published),
        ),
        section("Every run", run_table(shown)),
        section("Where the figures come from", _list(line[2:] for line in text.provenance_lines(shown))),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Comparison</title><style>{STYLE}{OWN_STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _shown(budget: str, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.budget in (budget, "preset")]


def _summaries(table: Table, budget: str, rows: Sequence[Row]) -> dict[Place, list[Summary]]:
    shown = _shown(budget, rows)
    return {place: summarize(shown, tuple(table.planned(*place)), place) for place in places(shown)}


def _header(table: Table, budget: str, rows: Sequence[Row], every: dict[Place, list[Summary]]) -> str:
    planned = [cell for cell in table.cells(budget) if not cell.configuration.missing]
    done = [row for row in rows if row.status == "done"]
    failed = len(rows) - len(done)
    hours = sum(row.total_seconds for row in done) / 3600
    tiles = [
        ("runs", f"{len(done)} of {len(planned)}", f"planned; {failed or 'none'} failed"),
        ("configurations", str(len({row.configuration for row in done})), f"of {len(table.configurations)}"),
        ("time", f"{hours:.1f} h", "as if every run had made its labels itself"),
    ]
    shown = "".join(
        f'<div class="tile"><span>{name}</span><b>{value}</b><span>{escape(remark)}</span></div>'
        for name, value, remark in tiles
    )
    return (
        '<header><h1>Methods and presets, compared</h1><span class="soft">'
        f"{escape(table.budgets[budget].title)}</span></header>"
        f'<div class="tiles">{shown}</div>'
    )


def _choices(every: dict[Place, list[Summary]], table: Table) -> str:
    rows = [[escape(cell) for cell in row] for row in choice_rows(every, table)]
    return html_table(HEAD, rows) if rows else ""


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="says">{items}</ul>' if items else ""


def _place(summaries: Sequence[Summary], published: Published) -> str:
    charts = [
        methods_chart(summaries, published),
        gains_chart(gains(summaries), published),
        time_chart(summaries),
    ]
    return f"{''.join(charts)}<h3>All figures</h3>{result_table(summaries, published)}"


def _label_curves(every: dict[Place, list[Summary]], published: Published) -> str:
    charts = []
    for dataset in dict.fromkeys(place[0] for place in every):
        group = [item for place, items in every.items() if place[0] == dataset for item in items]
        chart = label_chart(group, CURVES, published)
        if chart:
            charts.append(f"<h3>{place_name((dataset, 1)).partition(',')[0]}</h3>{chart}")
    return "".join(charts)
