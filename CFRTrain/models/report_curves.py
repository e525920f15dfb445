"""Line charts as inline SVG: no script, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 520, 250
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 34
LINE_COLORS = (
    "var(--line-1)",
    "var(--line-2)",
    "var(--line-3)",
    "var(--line-4)",
    "var(--line-5)",
    "var(--line-6)",
)
DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""Beyond six lines, and for those who cannot tell two colors apart, lines differ in their dashes too."""
MOST_POINTS = 400
LOG_RANGE = 50
"""Values that span more than this factor are drawn on a logarithmic axis."""


def line_chart(title: str, curves: Mapping[str, Points], bounds: tuple[float, float] | None = None) -> str:
    """A figure with one line per name over steps; `bounds` fixes the value axis (Dice: 0 to 1).

    Noisy curves are drawn pale with a moving average on top. Curves without a point are left out.
    """
    curves = {name: thinned(points) for name, points in curves.items() if points}
    if not curves:
        return ""
    scale = _Scale(curves, bounds)
    title += " (logarithmic)" if scale.logarithmic else ""
    lines = "".join(_line(index, name, points, scale) for index, (name, points) in enumerate(curves.items()))
    legend = "".join(
        _legend_entry(index, name, points) for index, (name, points) in enumerate(curves.items())
    )
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{_axes(scale)}{lines}</svg><ul class="legend">{legend}</ul></figure>'
    )


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most `most` points: means over equal runs of neighbors, sorted by step."""
    ordered = sorted(points)
    length = math.ceil(len(ordered) / most)
    groups = [ordered[start : start + length] for start in range(0, len(ordered), max(1, length))]
    return [(group[-1][0], math.fsum(value for _, value in group) / len(group)) for group in groups]


def smoothed(points: Points, share: float = 0.06) -> list[tuple[float, float]]:
    """A centered moving average over about `share` of the points."""
    half = max(1, round(len(points) * share / 2))
    result = []
    for index, (step, _) in enumerate(points):
        reach = min(half, index, len(points) - 1 - index)
        window = [value for _, value in points[index - reach : index + reach + 1]]
        result.append((step, math.fsum(window) / len(window)))
    return result


class _Scale:
    """From steps and values to the picture's coordinates."""

    def __init__(self, curves: Mapping[str, Points], bounds: tuple[float, float] | None) -> None:
        steps = [step for points in curves.values() for step, _ in points]
        values = [value for points in curves.values() for _, value in points]
        self.first, self.last = min(steps), max(max(steps), min(steps) + 1)
        low, high = bounds or (min(values), max(values))
        self.logarithmic = bounds is None and low > 0 and high / low > LOG_RANGE
        if self.logarithmic:
            self.ticks = [
                10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            ]
        else:
            self.ticks = nice_ticks(min(low, 0) if bounds is None and low < high / 2 else low, high)
        self.low, self.high = min(self.ticks[0], low), max(self.ticks[-1], high)

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        low, high, shown = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, shown = math.log(low), math.log(high), math.log(shown)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (shown - low) / (high - low or 1)


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that enclose `low` to `high`, about so many."""
    if not high > low:
        high = low + (abs(low) or 1)
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _axes(scale: _Scale) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in scale.ticks:
        y = scale.y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in nice_ticks(scale.first, scale.last):
        if scale.first <= tick <= scale.last:
            anchor = "end" if scale.x(tick) > right - 10 else "middle"
            parts.append(
                f'<text x="{scale.x(tick):.1f}" y="{bottom + 18}" text-anchor="{anchor}">{short(tick)}</text>'
            )
    parts.append(
        f'<text class="axis" x="{(LEFT + right) / 2}" y="{HEIGHT - 2}" text-anchor="middle">step</text>'
    )
    return "".join(parts)


def _style(index: int) -> str:
    color = LINE_COLORS[index % len(LINE_COLORS)]
    dash = DASHES[index // 2 % len(DASHES)]
    return f"stroke:{color}" + (f";stroke-dasharray:{dash}" if dash else "")


def _line(index: int, name: str, points: Points, scale: _Scale) -> str:
    if len(points) == 1:
        step, value = points[0]
        return f'<circle cx="{scale.x(step):.1f}" cy="{scale.y(value):.1f}" r="3" style="{_style(index)}"/>'
    raw = (
        f'<path class="raw" style="{_style(index)}" d="{_path(points, scale)}"/>' if len(points) > 30 else ""
    )
    drawn = smoothed(points) if raw else points
    return (
        f'{raw}<path style="{_style(index)}" d="{_path(drawn, scale)}"><title>{escape(name)}</title></path>'
    )


def _path(points: Points, scale: _Scale) -> str:
    return "M" + "L".join(f"{scale.x(step):.1f} {scale.y(value):.1f}" for step, value in points)


def _legend_entry(index: int, name: str, points: Points) -> str:
    key = f'<svg viewBox="0 0 22 8" width="22" height="8"><path style="{_style(index)}" d="M0 4H22"/></svg>'
    return f"<li>{key}{escape(name)} <b>{short(points[-1][1])}</b></li>"


def short(value: float) -> str:
    """A number in few characters: 0.0015, 0.25, 1500, 12 k, 1e-05."""
    if abs(value) >= 1e4:
        return f"{value / 1e3:.4g} k"
    return f"{value:.4g}" if abs(value) >= 1000 else f"{value:.3g}"
