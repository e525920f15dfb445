"""The benchmark of `suggest`: how its figures are computed, and that its splits keep apart."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from Testing.benchmarks.fixed_splits import ordered_cases
from Testing.benchmarks.simulated_annotator import SPLITS, Annotator
from Testing.benchmarks.simulated_annotator_table import (
    Row,
    curve,
    curve_lines,
    labels_needed,
    paired,
    saving_lines,
    svg,
)


def row(strategy: str, seed: int, count: int, dice: float) -> Row:
    return Row(strategy, seed, tuple(range(count)), {"validation": {"mean_dice": dice}})


ROWS = [
    row("suggest", 0, 1, 0.70), row("suggest", 1, 1, 0.72), row("suggest", 0, 2, 0.80),
    row("random", 0, 1, 0.60), row("random", 1, 1, 0.70), row("random", 0, 2, 0.76),
]  # fmt: skip


def test_a_curve_is_the_mean_and_spread_over_seeds():
    points = curve(ROWS, "suggest")
    assert [point[0] for point in points] == [1, 2]
    assert points[0][1:] == pytest.approx((0.71, 0.0141421), abs=1e-6)
    assert points[1][1] == 0.80
    assert points[1][2] != points[1][2]  # one seed has no spread


def test_labels_for_a_dice_lie_on_straight_lines_between_the_points():
    points = [(1, 0.70, 0.0), (2, 0.80, 0.0), (4, 0.84, 0.0)]
    assert labels_needed(points, 0.75) == pytest.approx(1.5)
    assert labels_needed(points, 0.82) == pytest.approx(3.0)
    assert labels_needed(points, 0.65) == 1.0  # no fewer than one can be labeled
    assert labels_needed(points, 0.85) is None


def test_the_saving_is_the_share_of_the_random_labels():
    lines = saving_lines(ROWS)
    assert lines[2] == "| 1 | 0.6500 | 1.0 | 1.00 |"
    assert lines[3] == "| 2 | 0.7600 | 1.6 | 0.78 |"  # 0.71 at one, 0.80 at two: 1 + 0.05 / 0.09


def test_differences_are_paired_by_seed():
    assert paired(ROWS, 1) == pytest.approx([0.10, 0.02])
    assert paired(ROWS, 2) == pytest.approx([0.04])
    assert curve_lines(ROWS)[2].endswith("| +0.0600 ± 0.0566 | 2 |")


def test_the_plot_is_well_formed_and_has_a_point_per_mean():
    root = ElementTree.fromstring(svg(ROWS))
    assert sum(node.tag.endswith("circle") for node in root.iter()) == 4


def test_random_choices_grow_and_differ_between_seeds(tmp_path: Path):
    annotator = Annotator(tmp_path, tmp_path, "reported", 1)
    assert annotator.random(0, 8)[:3] == annotator.random(0, 3)
    assert annotator.random(0, 8) != annotator.random(1, 8)
    assert len(set(annotator.random(0, 61))) == 61


def test_development_and_reported_cases_are_different_ones(data_root: Path):
    used = {}
    for name, dataset in SPLITS.items():
        names = ordered_cases(data_root / dataset.folder)[dataset.start : dataset.stop]
        pool, measured = set(names[: dataset.pool]), set(names[-dataset.validation :])
        assert not pool & measured
        used[name] = pool | measured
    assert not used["development"] & used["reported"]
