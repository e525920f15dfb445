"""Curves of a training, painted into a picture: axes with round numbers, a legend, colors and dashes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import qt

from .resize_filter import ResizeFilter

Points = Sequence[tuple[float, float]]
# Okabe and Ito's colors, told apart with every kind of color vision, and dashes for those who see none.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 22, 34
TICK, TITLE_LEFT = 4, 6
LEGEND_LINE, LEGEND_GAP = 18, 8
X_TICKS, Y_TICKS = 5, 4


@dataclass(frozen=True)
class Curve:
    """One line of a plot. label: for the legend."""

    label: str
    points: Points


def roundStep(span: float, most: int) -> float:
    """The distance of ticks: 1, 2 or 5 times a power of ten, so that at most `most` of them fit in."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.9999)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`."""
    step = roundStep(high - low, most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def valueRange(curves: Sequence[Curve], fixed: tuple[float, float] | None) -> tuple[float, float]:
    """The values that the vertical axis shows: `fixed`, or all of the curves from 0 on."""
    if fixed is not None:
        return fixed
    values = [value for curve in curves for _step, value in curve.points if math.isfinite(value)]
    high = max(values, default=1.0)
    low = min(0.0, min(values, default=0.0))
    return low, high * 1.05 if high > low else low + 1.0


def legendLines(sizes: Sequence[int], besideTitle: int, whole: int) -> list[int]:
    """The line of each name, 0 for that of the title, whose rest is used only where all names fit into it.

    sizes: pixels of each name. besideTitle, whole: pixels of the title's rest and of a line.
    """
    if sum(sizes) <= besideTitle:
        return [0] * len(sizes)
    lines, line, left = [], 1, whole
    for size in sizes:
        if size > left and left < whole:
            line, left = line + 1, whole
        lines.append(line)
        left -= size
    return lines


class CurvePlot:
    """A plot in a QLabel that is painted again when its curves, its size or its colors change."""

    def __init__(self, label: qt.QLabel, xTitle: str, fixed: tuple[float, float] | None = None) -> None:
        """fixed: lowest and highest value of the vertical axis; None for those of the curves."""
        self._label, self._xTitle, self._fixed = label, xTitle, fixed
        self._filter = ResizeFilter(label, self.repaint)
        self._title = ""
        self._curves: tuple[Curve, ...] = ()
        self._shown: object = None
        self._isOpen = True

    @property
    def title(self) -> str:
        """What is written above the curves."""
        return self._title

    @property
    def curves(self) -> tuple[Curve, ...]:
        """What is shown."""
        return self._curves

    def show(self, title: str, curves: Sequence[Curve]) -> None:
        """Show these curves; nothing is painted where nothing has changed."""
        self._title, self._curves = title, tuple(curves)
        self.repaint()

    def repaint(self) -> None:
        """Paint for the size that the label has now."""
        if not self._isOpen:
            return
        width, height = self._label.width, self._label.height
        palette = self._label.palette
        now = (self._title, self._curves, width, height, palette.cacheKey())
        if now == self._shown or width < 2 * LEFT or height < 2 * TOP:
            return
        self._shown = now
        pixmap = qt.QPixmap(width, height)
        pixmap.fill(palette.color(qt.QPalette.Base))
        painter = qt.QPainter(pixmap)
        painter.setRenderHint(qt.QPainter.Antialiasing, True)
        _Painting(painter, width, height, palette).paint(self._title, self._xTitle, self._curves, self._fixed)
        painter.end()
        self._label.setPixmap(pixmap)

    def close(self) -> None:
        """Paint no more."""
        self._isOpen = False
        self._filter.remove()


class _Painting:
    """One picture of curves."""

    def __init__(self, painter: qt.QPainter, width: int, height: int, palette: qt.QPalette) -> None:
        self._painter = painter
        self._text = palette.color(qt.QPalette.Text)
        self._faint = palette.color(qt.QPalette.Mid)
        self._left, self._top = LEFT, TOP
        self._width, self._height = width - LEFT - RIGHT, height - TOP - BOTTOM

    def paint(
        self, title: str, xTitle: str, curves: Sequence[Curve], fixed: tuple[float, float] | None
    ) -> None:
        """Everything, from back to front."""
        names = [_legendText(curve) for curve in curves]
        sizes = [self._textWidth(name) + LEGEND_LINE + LEGEND_GAP for name in names]
        whole = self._left + self._width - TITLE_LEFT
        lines = legendLines(sizes, whole - (self._textWidth(title) if title else 0), whole)
        self._top += TOP * (max(lines, default=0))
        self._height -= TOP * (max(lines, default=0))
        self._low, self._high = valueRange(curves, fixed)
        steps = [step for curve in curves for step, _value in curve.points]
        self._first, self._last = 0.0, float(max(steps, default=1)) or 1.0
        self._paintAxes(xTitle)
        for index, curve in enumerate(curves):
            self._paintCurve(curve, index)
        self._paintTitle(title)
        self._paintLegend(names, lines)

    def _place(self, step: float, value: float) -> tuple[float, float]:
        across = (step - self._first) / (self._last - self._first)
        up = (value - self._low) / (self._high - self._low)
        return self._left + across * self._width, self._top + (1 - min(1.0, max(0.0, up))) * self._height

    def _paintAxes(self, xTitle: str) -> None:
        painter, align = self._painter, qt.Qt.AlignRight | qt.Qt.AlignVCenter
        for value in ticks(self._low, self._high, Y_TICKS):
            y = round(self._place(0, value)[1])
            painter.setPen(self._pen(self._faint, 1, qt.Qt.DotLine))
            painter.drawLine(self._left, y, self._left + self._width, y)
            painter.setPen(qt.QPen(self._text))
            painter.drawText(qt.QRect(0, y - 10, self._left - TICK - 2, 20), align, f"{value:g}")
        bottom = self._top + self._height
        for step in ticks(self._first, self._last, X_TICKS):
            x = round(self._place(step, self._low)[0])
            painter.drawLine(x, bottom, x, bottom + TICK)
            painter.drawText(qt.QRect(x - 40, bottom + TICK, 80, 14), qt.Qt.AlignCenter, f"{step:g}")
        painter.drawLine(self._left, self._top, self._left, bottom)
        painter.drawLine(self._left, bottom, self._left + self._width, bottom)
        place = qt.QRect(self._left, bottom + TICK + 13, self._width, 15)
        painter.drawText(place, qt.Qt.AlignRight | qt.Qt.AlignVCenter, xTitle)

    def _paintCurve(self, curve: Curve, index: int) -> None:
        places = [self._place(step, value) for step, value in curve.points if math.isfinite(value)]
        self._painter.setPen(self._curvePen(index))
        if len(places) == 1:
            self._painter.drawEllipse(round(places[0][0]) - 2, round(places[0][1]) - 2, 4, 4)
        for (x1, y1), (x2, y2) in zip(places, places[1:], strict=False):
            self._painter.drawLine(round(x1), round(y1), round(x2), round(y2))

    def _paintTitle(self, title: str) -> None:
        self._painter.setPen(qt.QPen(self._text))
        place = qt.QRect(TITLE_LEFT, 2, self._left + self._width - TITLE_LEFT, TOP - 4)
        self._painter.drawText(place, qt.Qt.AlignLeft | qt.Qt.AlignVCenter, title)

    def _paintLegend(self, names: Sequence[str], lines: Sequence[int]) -> None:
        """From the right edge of each line on, the first curve leftmost."""
        painter, align = self._painter, qt.Qt.AlignRight | qt.Qt.AlignVCenter
        right, line = self._left + self._width, None
        for index, name in reversed(list(enumerate(names))):
            if lines[index] != line:
                right, line = self._left + self._width, lines[index]
            width, top = self._textWidth(name), TOP * line
            painter.setPen(qt.QPen(self._text))
            painter.drawText(qt.QRect(right - width, top + 2, width, TOP - 4), align, name)
            painter.setPen(self._curvePen(index))
            y = top + TOP // 2
            painter.drawLine(right - width - LEGEND_LINE, y, right - width - 2, y)
            right -= width + LEGEND_LINE + LEGEND_GAP

    def _textWidth(self, text: str) -> int:
        return self._painter.fontMetrics().boundingRect(text).width() + 4

    def _curvePen(self, index: int) -> qt.QPen:
        dashes = (qt.Qt.SolidLine, qt.Qt.DashLine, qt.Qt.DashDotLine)
        return self._pen(qt.QColor(COLORS[index % len(COLORS)]), 2, dashes[index % len(dashes)])

    @staticmethod
    def _pen(color: qt.QColor, width: int, style: int) -> qt.QPen:
        pen = qt.QPen(color)
        pen.setWidth(width)
        pen.setStyle(style)
        return pen


def _legendText(curve: Curve) -> str:
    """The name with the newest value."""
    return f"{curve.label} {curve.points[-1][1]:.3g}" if curve.points else curve.label
