"""The curves of a training: round numbers on the axes, colors that differ, painted anew for another size."""

from __future__ import annotations

import sys

import pytest

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events
from Testing.gui.conftest import MODULE


@pytest.fixture
def plot(bed):
    import qt

    sys.path.insert(0, str(MODULE.parent))
    from CFRSegmentLib.panels.curve_plot import CurvePlot

    label = qt.QLabel()
    label.resize(400, 150)
    label.show()
    made = CurvePlot(label, "Step")
    made.label = label
    yield made
    made.close()
    label.close()


def colors_in(label) -> set[str]:
    image = unwrap(label).pixmap().toImage()
    return {
        image.pixelColor(x, y).name() for x in range(60, image.width(), 2) for y in range(30, image.height())
    }


def test_ticks_are_round_numbers_within_the_axis(bed):
    sys.path.insert(0, str(MODULE.parent))
    from CFRSegmentLib.panels.curve_plot import ticks

    assert ticks(0, 1, 4) == [0, 0.5, 1.0]
    assert ticks(0, 6000, 5) == [0, 2000, 4000, 6000]
    assert ticks(0, 0.037, 4) == [0, 0.01, 0.02, 0.03]
    assert ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_two_curves_have_two_colors_and_values_that_are_no_numbers_are_left_out(plot):
    from CFRSegmentLib.panels.curve_plot import COLORS, Curve

    first = Curve("fine-tune", [(1, 1.0), (50, 0.5), (100, float("nan"))])
    plot.show("Loss", [first, Curve("re-train", [(1, 0.2), (100, 0.1)])])
    assert set(COLORS[:2]) <= colors_in(plot.label)


def test_the_picture_has_the_size_of_its_place(plot):
    from CFRSegmentLib.panels.curve_plot import Curve

    plot.show("Loss", [Curve("re-train", [(1, 1.0), (10, 0.5)])])
    assert unwrap(plot.label).pixmap().width() == 400
    plot.label.resize(300, 150)
    process_events(0.1)
    assert unwrap(plot.label).pixmap().width() == 300


def test_no_curves_and_a_single_point_are_painted_without_an_error(plot):
    from CFRSegmentLib.panels.curve_plot import Curve

    plot.show("Loss", [])
    plot.show("Loss", [Curve("re-train", [(5, 0.0)])])
    assert unwrap(plot.label).pixmap().width() == 400


def test_names_that_do_not_fit_beside_the_title_get_lines_of_their_own(bed):
    sys.path.insert(0, str(MODULE.parent))
    from CFRSegmentLib.panels.curve_plot import legendLines

    assert legendLines([80, 80], 200, 400) == [0, 0]
    assert legendLines([80, 80], 150, 400) == [1, 1]
    assert legendLines([150, 150, 150, 90], 10, 400) == [1, 1, 2, 2]
    assert legendLines([500, 80], 10, 400) == [1, 2], "one that fits nowhere is alone"
    assert legendLines([], 10, 400) == []


def test_no_name_in_the_legend_lies_on_the_title_or_beyond_the_edge(plot, shot):
    from CFRSegmentLib.panels.curve_plot import COLORS, Curve

    names = ["first network", "network 2", "network 3", "re-train", "re-train 2"]
    points = [(1, 0.1), (100, 0.9)]
    plot.show("Dice on training patches, not validation", [Curve(name, points) for name in names])
    process_events(0.1)
    shot("curve_legend")
    image = unwrap(plot.label).pixmap().toImage()
    legend = {image.pixelColor(x, y).name() for x in range(400) for y in (33, 55)}
    assert set(COLORS[:5]) <= legend
    title = {image.pixelColor(x, 11).name() for x in range(400)}
    assert not set(COLORS[:5]) & title
