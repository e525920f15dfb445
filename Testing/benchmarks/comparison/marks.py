"""Charts of marks with spread, as inline SVG in the style of the training report: light, dark, no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from CFRTrain.models.report_curves import nice_ticks, short

WIDTH, LABELS, RIGHT, TOP, LINE, BOTTOM = 760, 210, 20, 10, 21, 40


@dataclass(frozen=True)
class Mark:
    """One figure: its value, the ends of its spread or None, its series, and what hovering says."""

    value: float
    series: str
    spread: float | None = None
    hint: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a chart: its label, its marks; `note` is shown where there is none."""

    label: str
    marks: tuple[Mark, ...]
    note: str = ""


# Shape and color of each series; the shapes tell them apart where colors cannot.
SERIES: Mapping[str, tuple[str, str, bool]] = {
    "without pseudo-labels": ("circle", "var(--line-6)", False),
    "with pseudo-labels": ("circle", "var(--line-1)", True),
    "published without": ("diamond", "var(--line-6)", False),
    "published with": ("diamond", "var(--line-2)", True),
    "presets": ("square", "var(--line-3)", True),
    "gain": ("circle", "var(--line-3)", True),
    "loss": ("circle", "var(--bad)", True),
    "published gain": ("diamond", "var(--line-2)", False),
}


def shape(series: str, x: float, y: float, hint: str = "") -> str:
    """The mark of a series at a point."""
    kind, color, filled = SERIES[series]
    style = f"stroke:{color};stroke-width:1.8;fill:{color if filled else 'var(--card)'}"
    title = f"<title>{escape(hint)}</title>" if hint else ""
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.6" style="{style}">{title}</circle>'
    if kind == "square":
        corner = f'x="{x - 4.2:.1f}" y="{y - 4.2:.1f}"'
        return f'<rect {corner} width="8.4" height="8.4" style="{style}">{title}</rect>'
    points = f"{x:.1f},{y - 5.8:.1f} {x + 5.8:.1f},{y:.1f} {x:.1f},{y + 5.8:.1f} {x - 5.8:.1f},{y:.1f}"
    return f'<polygon points="{points}" style="{style}">{title}</polygon>'


def legend(series: Sequence[str]) -> str:
    """A list of the series with their marks."""
    keys = (
        f'<li><svg viewBox="0 0 14 14" width="14" height="14" style="width:14px;height:14px">'
        f"{shape(name, 7, 7)}</svg>{escape(name)}</li>"
        for name in series
    )
    return f'<ul class="legend">{"".join(keys)}</ul>'


def strip_chart(title: str, lines: Sequence[Line], axis: str, zero: bool = False) -> str:
    """A figure with one horizontal line per label and its marks; `zero`: a line where nothing changes.

    Empty where no line has a mark.
    """
    marks = [mark for line in lines for mark in line.marks]
    if not marks:
        return ""
    ends = [mark.value + sign * (mark.spread or 0) for mark in marks for sign in (-1, 1)]
    ticks = nice_ticks(min(*ends, 0) if zero else min(ends), max(*ends, 0) if zero else max(ends))
    height = TOP + LINE * len(lines) + BOTTOM

    def x(value: float) -> float:
        return LABELS + (WIDTH - LABELS - RIGHT) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    parts = [_grid(x(tick), height, short(tick)) for tick in ticks]
    if zero:
        parts.append(
            f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{TOP}" y2="{height - BOTTOM}"/>'
        )
    parts += [_strip(line, TOP + LINE * (index + 0.5), x) for index, line in enumerate(lines)]
    middle = (LABELS + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">{escape(axis)}</text>')
    used = [name for name in SERIES if any(mark.series == name for mark in marks)]
    return figure(title, height, "".join(parts), legend(used))


def figure(title: str, height: float, content: str, below: str = "") -> str:
    """A titled SVG of the usual width."""
    return (
        f'<figure class="chart marks"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{content}</svg>'
        f"{below}</figure>"
    )


def _grid(x: float, height: float, text: str) -> str:
    bottom = height - BOTTOM
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>'
    )


def _strip(line: Line, y: float, x: Callable[[float], float]) -> str:
    parts = [
        f'<text class="label" x="{LABELS - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(line.label)}</text>'
    ]
    if not line.marks:
        return parts[0] + f'<text class="missing" x="{LABELS + 8}" y="{y + 4:.1f}">{escape(line.note)}</text>'
    for mark in line.marks:
        if mark.spread:
            color = SERIES[mark.series][1]
            low, high = x(mark.value - mark.spread), x(mark.value + mark.spread)
            parts.append(
                f'<line style="stroke:{color};stroke-width:2;opacity:0.55" x1="{low:.1f}" x2="{high:.1f}"'
                f' y1="{y:.1f}" y2="{y:.1f}"/>'
            )
    parts += [shape(mark.series, x(mark.value), y, mark.hint) for mark in line.marks]
    return "".join(parts)


@dataclass(frozen=True)
class Point:
    """One point of a scatter chart: x above zero, its mark, a label or none.

    Points of one `curve` are joined by a line.
    """

    x: float
    mark: Mark
    label: str = ""
    curve: str = ""


class _Frame:
    """From a logarithmic x and a linear y to the picture's coordinates. room: factor left free at right."""

    def __init__(self, points: Sequence[Point], height: float, room: float) -> None:
        self.left, self.top, self.right, self.bottom = 56, 20, WIDTH - RIGHT, height - 44
        across = [point.x for point in points]
        ends = [point.mark.value + sign * (point.mark.spread or 0) for point in points for sign in (-1, 1)]
        self.low, self.high = min(across) / 1.25, max(across) * room
        self.ticks = nice_ticks(min(ends), max(ends))

    def x(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.left + (self.right - self.left) * share

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.bottom - (self.bottom - self.top) * (value - low) / (high - low)


def scatter_chart(
    title: str,
    points: Sequence[Point],
    across: str,
    up: str,
    height: float = 360,
    ticks: Sequence[float] | None = None,
    room: float = 1.25,
) -> str:
    """A figure with a logarithmic x axis; labels are left out where they would lie on others. Hints stay.

    ticks: of the x axis, None: round values.
    """
    if not points:
        return ""
    frame = _Frame(points, height, room)
    shown = _log_ticks(frame.low, frame.high) if ticks is None else ticks
    placed = [(frame.x(point.x), frame.y(point.mark.value), point) for point in points]
    parts = [
        *(_level(frame, tick) for tick in frame.ticks),
        *(_centered(frame.x(tick), frame.bottom + 18, short(tick)) for tick in shown),
        *_curves(placed),
        *(_upright(frame, at, point.mark) for at, _, point in placed if point.mark.spread and point.curve),
        *(shape(point.mark.series, at, down, point.mark.hint) for at, down, point in placed),
        *_labels(placed, frame.right),
        _centered((frame.left + frame.right) / 2, height - 6, across),
        f'<text x="{frame.left}" y="{frame.top - 8}">{escape(up)}</text>',
    ]
    used = [name for name in SERIES if any(point.mark.series == name for point in points)]
    return figure(title, height, "".join(parts), legend(used))


def _centered(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'


def _level(frame: _Frame, tick: float) -> str:
    y = frame.y(tick)
    return (
        f'<line class="grid" x1="{frame.left}" x2="{frame.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{frame.left - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>'
    )


def _upright(frame: _Frame, at: float, mark: Mark) -> str:
    low, high = frame.y(mark.value - mark.spread), frame.y(mark.value + mark.spread)
    color = SERIES[mark.series][1]
    return (
        f'<line style="stroke:{color};stroke-width:2;opacity:0.55" x1="{at:.1f}" x2="{at:.1f}"'
        f' y1="{low:.1f}" y2="{high:.1f}"/>'
    )


def _curves(placed: Sequence[tuple[float, float, Point]]) -> list[str]:
    """Lines between the points of each curve."""
    lines = []
    for name in dict.fromkeys(point.curve for _, _, point in placed if point.curve):
        own = sorted((at, down, point.mark.series) for at, down, point in placed if point.curve == name)
        path = "L".join(f"{at:.1f} {down:.1f}" for at, down, _ in own)
        lines.append(
            f'<path style="stroke:{SERIES[own[0][2]][1]};stroke-width:1.5;opacity:0.7" d="M{path}"/>'
        )
    return lines


def _log_ticks(low: float, high: float) -> list[float]:
    """Round values between two values, 1, 2, 5 or more of them per power of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high > 20 * low else (1, 1.5, 2, 3, 4, 5, 7)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]


def _labels(placed: Sequence[tuple[float, float, Point]], right: float) -> list[str]:
    """Text beside the points, where there is room for it."""
    taken = [(at - 6, down - 6, at + 6, down + 6) for at, down, _ in placed]
    texts = []
    for at, down, point in placed:
        wide = 6.0 * len(point.label)
        for start, anchor, shift in (
            (at + 9, "start", 4),
            (at - 9 - wide, "end", 4),
            (at - wide / 2, "middle", -9),
        ):
            box = (start, down + shift - 9, start + wide, down + shift + 3)
            free = all(
                box[2] < other[0] or other[2] < box[0] or box[3] < other[1] or other[3] < box[1]
                for other in taken
            )
            if point.label and free and box[2] < right and box[0] > 60:
                edge = {"start": start, "end": start + wide, "middle": at}[anchor]
                texts.append(
                    f'<text class="label" x="{edge:.1f}" y="{down + shift:.1f}" text-anchor="{anchor}">'
                    f"{escape(point.label)}</text>"
                )
                taken.append(box)
                break
    return texts
