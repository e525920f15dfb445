"""The comparison's tables and page on made-up rows: means, spreads, pairs, what is missing, what failed."""

from __future__ import annotations

import re
import statistics
from html import escape
from xml.etree import ElementTree

import pytest

from Testing.benchmarks.comparison.choices import choice_rows
from Testing.benchmarks.comparison.findings import findings
from Testing.benchmarks.comparison.markdown import (
    configuration_title,
    gain_lines,
    markdown,
    result_lines,
    spread_text,
)
from Testing.benchmarks.comparison.marks import Line, Mark, Point, scatter_chart, strip_chart
from Testing.benchmarks.comparison.page import page
from Testing.benchmarks.comparison.published import read_published
from Testing.benchmarks.comparison.rows import Row, merged, read_rows, write_rows
from Testing.benchmarks.comparison.summary import Spread, best, gains, places, summarize
from Testing.benchmarks.comparison.table import TABLE as TABLE_FILE
from Testing.benchmarks.comparison.table import read_table

PLACE = ("hippocampus", 1)
TABLE = read_table()


def row(name: str, seed: int, dice: float | None, **changes: object) -> Row:
    """A finished run of 100 seconds, or a failed one without Dice."""
    values = {"configuration": name, "dataset": PLACE[0], "labels": PLACE[1], "seed": seed}
    values |= {"budget": "two_cores", "status": "failed" if dice is None else "done", "dice": dice}
    if dice is not None:
        classes = ({"name": "a", "dice": dice}, {"name": "b", "dice": dice - 0.1})
        values |= {"classes": classes, "seconds": {"retrain": 90.0, "check": 10.0}, "hd95": 3.0, "cases": 40}
    return Row(**{**values, **changes})


ROWS = [
    row("mean_teacher", 0, 0.70),
    row("mean_teacher", 1, 0.76),
    row("mean_teacher", 2, 0.80),
    row("mean_teacher+labels", 0, 0.75),
    row("mean_teacher+labels", 1, 0.75),
    row("acmt", 0, 0.72),
    row("acmt+labels", 0, None, error="memory: The memory is used up."),
    row("bcp", 0, 0.74),
    row("bcp+labels", 0, 0.73, failures=2, shared_seconds={"registration": 200.0}, pseudo_dice=0.7),
]


def summaries(rows=ROWS):
    """All configurations at the place of the rows."""
    return summarize(rows, tuple(TABLE.planned(*PLACE)), PLACE)


def test_each_default_stands_beside_what_it_was_chosen_over_seed_by_seed():
    made = [
        row("self_training+labels", 0, 0.76),
        row("self_training+labels", 1, 0.78),
        row("self_training+labels", 2, 0.90),
        row("fusion", 0, 0.75),
        row("fusion", 1, 0.81),
        row("fusion", 3, 0.10),
        row("second_round", 2, 0.91),
    ]
    rows = choice_rows({PLACE: summaries(made)}, TABLE)
    told = [cells[:3] for cells in rows]
    assert ["", "atlas and three networks", "Hippocampus, 1 label: -1.0 ± 2.8 (2 pairs)"] in told
    once = "self-training + pseudo-labels"
    assert ["More than one round", once, "Hippocampus, 1 label: +1.0 (1 pair)"] in told
    assert ["", "small SAM from scratch", "not measured"] in told
    shown = page(TABLE, "two_cores", made, read_published())
    assert "-1.0 ± 2.8 (2 pairs)" in shown and all(
        escape(choice.because) in shown for choice in TABLE.choices
    )


def test_a_default_that_names_an_unknown_configuration_is_refused(tmp_path):
    text = TABLE_FILE.read_text(encoding="utf-8").replace('others = ["preview"]', 'others = ["previw"]')
    (tmp_path / "table.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KeyError, match="previw"):
        read_table(tmp_path / "table.toml")


def line_of(lines: list[str], name: str) -> list[str]:
    """The cells of the Markdown line of one configuration."""
    return [
        cell.strip() for line in lines if line.startswith(f"| {name} |") for cell in line.split("|")[1:-1]
    ]


def test_a_line_has_mean_and_deviation_over_seeds_worked_out_by_hand():
    cells = line_of(result_lines(summaries()), "Mean Teacher")
    # mean of 70, 76, 80 is 75.333, squares of the distances sum to 50.667: deviation sqrt(25.333) = 5.03
    assert cells[1:4] == ["3", "75.3 ± 5.0", "75.3 / 65.3"]
    assert cells[9] == "1.7"  # 100 seconds in minutes
    assert statistics.stdev([70, 76, 80]) == pytest.approx(5.033, abs=1e-3)


def test_one_run_has_no_spread_and_time_counts_the_shared_labels():
    cells = line_of(result_lines(summaries()), "BCP + pseudo-labels")
    assert cells[1:3] == ["1", "73.0"]
    assert cells[7:10] == ["2", "70.0", "5.0"]


def test_what_cannot_be_run_and_what_failed_keep_their_line_and_what_was_not_run_is_named():
    lines = result_lines(summaries())
    not_run = lines[-1].removeprefix("Not run yet: ").rstrip(".").split("; ")
    assert line_of(lines, "CPS") == [] and "CPS" in not_run and "CPS + pseudo-labels" in not_run
    assert "self-training" in line_of(lines, "supervised only + pseudo-labels")[1]
    assert line_of(lines, "ACMT, entropy + pseudo-labels")[1] == "1 failed"
    told = [line.split("|")[1].strip() for line in lines[2:-2]]
    assert sorted([*told, *not_run]) == sorted(map(configuration_title, TABLE.configurations))


def test_differences_are_paired_by_seed():
    found = {gain.configuration.name: gain.differences for gain in gains(summaries())}
    assert set(found) == {"mean_teacher", "bcp"}  # ACMT's partner failed, the others were not run
    assert found["mean_teacher"].values == pytest.approx((0.05, -0.01))  # seed 2 has no partner
    assert found["bcp"].mean == pytest.approx(-0.01)
    assert line_of(gain_lines(summaries()), "Mean Teacher, which the paper builds on")[1:] == [
        "2",
        "+2.0 ± 4.2",
    ]


def test_the_findings_name_the_best_and_whom_pseudo_labels_harm():
    first, second = findings({PLACE: summaries()}, TABLE)
    assert "Mean Teacher + pseudo-labels, 75.0 ± 0.0 % (2 runs)" in first
    assert "idea is Mean Teacher, 75.3 ± 5.0 % (3 runs)" in first
    assert "-0.3 points; the aim, 3 points, is not reached" in first
    assert "make 1 of 2 methods worse: BCP (-1.0)" in second
    assert "Of the 4 methods that the paper builds on, 1 are measured and 0 get worse" in second


def test_the_best_is_by_mean_and_none_without_runs():
    assert best(summaries()).configuration.name == "mean_teacher"
    assert best(summaries([])) is None


def test_runs_of_different_versions_are_marked():
    rows = [row("cps", 0, 0.7, commit="a"), row("cps", 1, 0.7, commit="b")]
    assert line_of(result_lines(summaries(rows)), "CPS")[1] == "2, of different versions"


def test_spreads_read_as_people_write_them():
    assert spread_text(Spread((0.5,))) == "50.0"
    assert spread_text(Spread((1.0, 2.0)), 1, 2) == "1.50 ± 0.71"
    assert spread_text(None) == "–"


def test_rows_survive_writing_and_a_failure_never_replaces_a_finished_run(tmp_path):
    write_rows(tmp_path / "runs.json", ROWS)
    read = read_rows(tmp_path / "runs.json")
    assert sorted(read, key=str) == sorted(ROWS, key=str)
    assert read_rows(tmp_path / "none.json") == []
    later = [row("bcp", 0, None, error="x"), row("acmt+labels", 0, 0.8), row("acmt", 0, 0.9)]
    found = {item.key[0]: item.dice for item in merged(read, later)}
    assert found["bcp"] == 0.74 and found["acmt+labels"] == 0.8 and found["acmt"] == 0.9


def test_the_page_is_one_well_formed_file_that_loads_nothing_and_escapes_what_it_is_told():
    rows = [*ROWS, row("cps", 0, None, error="<script>alert(1)</script>")]
    html = page(TABLE, "two_cores", rows, read_published())
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 5
    for picture in pictures:
        assert "nan" not in picture
        ElementTree.fromstring(picture)


def test_the_page_shows_failures_and_what_is_missing():
    html = page(TABLE, "two_cores", ROWS, read_published())
    assert "8 of " in html and "1 failed" in html and "Not run yet: " in html and "0/3" in html
    assert "memory: The memory is used up." in html and "needs SAM" in html


def test_a_page_without_any_run_says_so():
    html = page(TABLE, "two_cores", [], read_published())
    assert "0 of " in html and "<svg" not in html
    assert places([]) == [] and "# Comparison" in markdown(TABLE, "two_cores", [])


def test_published_figures_stand_beside_the_configuration_they_belong_to():
    published = read_published()
    assert published.of(("left_atrium", 1), "mean_teacher+labels").dice == 74.40
    assert published.of(("left_atrium", 16), "mean_teacher").dice == 88.12
    assert published.of(("left_atrium", 4), "mean_teacher") is None
    for item in published.rows:  # a Dice of D means a Jaccard of at least D / (2 - D), averaged over cases
        assert item.jaccard is None or item.jaccard >= 100 * item.dice / (200 - item.dice) - 0.01
    rows = [
        row("mean_teacher", 0, 0.3, dataset="left_atrium"),
        row("mean_teacher+labels", 0, 0.7, dataset="left_atrium"),
    ]
    html = page(TABLE, "two_cores", rows, published)
    assert "published: CFR, Mean Teacher 74.4" in html and "published: +44.7" in html


def test_marks_lie_where_their_values_are():
    chart = strip_chart("t", [Line("a", (Mark(0.0, "gain"), Mark(10.0, "loss", 2.0)))], "x", zero=True)
    across = [float(value) for value in re.findall(r'<circle cx="([\d.]+)"', chart)][:2]
    spread = re.search(r'opacity:0.55" x1="([\d.]+)" x2="([\d.]+)"', chart)
    unit = (across[1] - across[0]) / 10
    assert float(spread[1]) == pytest.approx(across[1] - 2 * unit, abs=0.2)
    assert float(spread[2]) == pytest.approx(across[1] + 2 * unit, abs=0.2)
    assert strip_chart("t", [Line("a", (), "not run")], "x") == ""


def test_equal_factors_are_equal_distances_on_the_axis_of_time():
    points = [Point(value, Mark(50.0, "presets"), f"p{value}") for value in (1, 10, 100)]
    chart = scatter_chart("t", points, "s", "Dice")
    across = [float(value) for value in re.findall(r'<rect x="([\d.]+)"', chart)][:3]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.2)
    assert all(f">p{value}<" in chart for value in (1, 10, 100))


def test_labels_of_points_on_top_of_each_other_are_left_out():
    same = [
        Point(10, Mark(50.0, "presets"), "first name of many letters"),
        Point(10, Mark(50.0, "presets"), "second"),
    ]
    crowd = same * 4
    assert scatter_chart("t", crowd, "s", "Dice").count('class="label"') < len(crowd)


def test_every_method_is_planned_without_and_with_labels_at_every_place_but_where_it_says_otherwise():
    names = {item.name for item in TABLE.configurations if not item.missing}
    assert {"self_training", "self_training+labels", "magicnet", "magicnet+labels", "caussl+labels"} <= names
    assert "supervised+labels" not in names
    assert {count for item, count in TABLE.planned("hippocampus", 1).items()} == {3}
    assert [item.name for item in TABLE.planned("hippocampus", 61)] == ["supervised"]
    first = [cell for cell in TABLE.cells("two_cores")][: len(TABLE.configurations)]
    assert {(cell.dataset, cell.labels, cell.seed) for cell in first} == {("hippocampus", 1, 0)}
