"""Table and plot of the simulated annotator: mean and spread per number of labels, labels for equal Dice."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.run_folder import write_atomic

WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLORS = {"suggest": "#1f6fb4", "random": "#b4501f"}


@dataclass(frozen=True)
class Row:
    """One run: how its labeled cases were chosen, seed, their indices in the pool, its results.json."""

    strategy: str
    seed: int
    labeled: tuple[int, ...]
    results: dict

    @property
    def dice(self) -> float:
        return self.results["validation"]["mean_dice"]

    @property
    def seconds(self) -> float:
        return sum(stage["seconds"] for stage in self.results["stages"].values())


def curve(rows: Sequence[Row], strategy: str) -> list[tuple[int, float, float]]:
    """(labeled cases, mean Dice over seeds, standard deviation with ddof 1 or NaN), rising."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if row.strategy == strategy:
            found.setdefault(len(row.labeled), []).append(row.dice)
    return [
        (count, statistics.mean(values), statistics.stdev(values) if len(values) > 1 else float("nan"))
        for count, values in sorted(found.items())
    ]


def labels_needed(points: Sequence[tuple[int, float, float]], dice: float) -> float | None:
    """How many labeled cases reach `dice`, on straight lines between the points; None if they never do."""
    before: tuple[int, float] | None = None
    for count, mean, _ in points:
        if mean >= dice:
            if before is None or mean == before[1]:
                return float(count)
            return before[0] + (count - before[0]) * (dice - before[1]) / (mean - before[1])
        before = count, mean
    return None


def curve_lines(rows: Sequence[Row]) -> list[str]:
    """One line per number of labeled cases, both strategies, and the paired difference over seeds."""
    lines = ["| labeled cases | suggested | random | difference, by seed | seeds |", "|---|---|---|---|---|"]
    ours, random = ({point[0]: point[1:] for point in curve(rows, name)} for name in ("suggest", "random"))
    for count in sorted(set(ours) & set(random)):
        cells = [f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in (ours[count], random[count])]
        pairs = paired(rows, count)
        mean = statistics.mean(pairs)
        spread = statistics.stdev(pairs) if len(pairs) > 1 else float("nan")
        lines.append(f"| {count} | {cells[0]} | {cells[1]} | {mean:+.4f} ± {spread:.4f} | {len(pairs)} |")
    return lines


def paired(rows: Sequence[Row], count: int) -> list[float]:
    """Dice suggested minus Dice random at `count` labeled cases, per seed that has both."""
    dice = {(row.strategy, row.seed): row.dice for row in rows if len(row.labeled) == count}
    seeds = sorted({seed for _, seed in dice})
    both = [seed for seed in seeds if ("suggest", seed) in dice and ("random", seed) in dice]
    return [dice["suggest", seed] - dice["random", seed] for seed in both]


def saving_lines(rows: Sequence[Row]) -> list[str]:
    """How many suggested cases reach the mean Dice of each number of random ones."""
    lines = ["| random labels | their mean Dice | suggested labels for it | share |", "|---|---|---|---|"]
    ours = curve(rows, "suggest")
    for count, mean, _ in curve(rows, "random"):
        needed = labels_needed(ours, mean)
        cells = ("not reached", "-") if needed is None else (f"{needed:.1f}", f"{needed / count:.2f}")
        lines.append(f"| {count} | {mean:.4f} | {cells[0]} | {cells[1]} |")
    return lines


def run_lines(rows: Sequence[Row]) -> list[str]:
    """One line per run."""
    lines = ["| choice | seed | labeled cases (index in the pool) | Dice | per class | seconds |"]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        classes = " / ".join(f"{entry['dice_mean']:.4f}" for entry in row.results["validation"]["classes"])
        cases = ", ".join(map(str, row.labeled))
        lines.append(
            f"| {row.strategy} | {row.seed} | {cases} | {row.dice:.4f} | {classes} | {row.seconds:.0f} |"
        )
    return lines


def write_table(path: Path, plot: Path | None, rows: Sequence[Row], command: Sequence[str]) -> None:
    """Writes the Markdown table and, where asked for, the plot, atomically."""
    arguments = " ".join(Path(part).name if Path(part).is_absolute() else part for part in command[1:])
    versions = ", ".join(f"{name} {value}" for name, value in rows[-1].results["versions"].items())
    text = [
        "# Which case to label next",
        "",
        f"`python -m Testing.benchmarks.simulated_annotator {arguments}`",
        "",
        f"{platform.system()} {platform.machine()}, {versions}",
        "",
        "Mean Dice of the re-trained network on validation cases, ± standard deviation over seeds.",
        "",
        *curve_lines(rows),
        "",
        "Labels needed for the same mean Dice, on straight lines between the measured numbers:",
        "",
        *saving_lines(rows),
        "",
        "## Runs",
        "",
        *run_lines(rows),
        "",
    ]
    write_atomic(path, "\n".join(text).encode())
    if plot is not None:
        write_atomic(plot, svg(rows).encode())


def svg(rows: Sequence[Row]) -> str:
    """Both curves with their spread, the number of labels on a logarithmic axis."""
    curves = {name: curve(rows, name) for name in COLORS}
    counts = sorted({point[0] for points in curves.values() for point in points})
    ends = [
        mean + sign * (0 if sd != sd else sd)
        for points in curves.values()
        for _, mean, sd in points
        for sign in (-1, 1)
    ]
    low, high = min(ends) - 0.005, max(ends) + 0.005

    def x(count: float) -> float:
        return MARGIN + counts.index(count) * (WIDTH - 2 * MARGIN) / max(len(counts) - 1, 1)

    def y(dice: float) -> float:
        return HEIGHT - MARGIN - (dice - low) / (high - low) * (HEIGHT - 2 * MARGIN)

    parts = [f'<text x="{x(c)}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{c}</text>' for c in counts]
    for step in range(5):
        at = low + (high - low) * step / 4
        parts.append(f'<path d="M{MARGIN} {y(at):.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y(at) + 4:.1f}" text-anchor="end">{at:.3f}</text>')
    for index, (name, points) in enumerate(curves.items()):
        parts += _curve(
            name, [(x(c), y(m), 0 if sd != sd else y(m) - y(m + sd)) for c, m, sd in points], index
        )
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">labeled cases</text>')
    parts.append(f'<text x="{MARGIN}" y="18">mean Dice on validation cases, ± standard deviation</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return f'{head} font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'


def _curve(name: str, points: Sequence[tuple[float, float, float]], index: int) -> list[str]:
    """One line with a bar per point and its name; the second a little to the right, so that bars are seen."""
    color, moved = COLORS[name], [(x + 4 * index, y, spread) for x, y, spread in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in moved)
    parts = [f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>']
    for x, y, spread in moved:
        parts.append(f'<path d="M{x:.1f} {y - spread:.1f}V{y + spread:.1f}" stroke="{color}"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>')
    place = f'x="{WIDTH - MARGIN}" y="{HEIGHT - MARGIN - 14 - 18 * index}"'
    return [*parts, f'<text {place} text-anchor="end" fill="{color}">{name}</text>']
