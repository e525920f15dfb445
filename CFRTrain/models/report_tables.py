"""The report's tables: validation figures, cases, plan, timings."""

from __future__ import annotations

from html import escape
from typing import Any

from CFRTrain.models.report_data import CaseRow, ReportData, mapping, number
from CFRTrain.models.report_parts import bar, duration, figure, gib, section, swatches, table

METRICS = (
    ("dice", "Dice"),
    ("jaccard", "Jaccard"),
    ("assd", "ASSD mm"),
    ("asd", "ASD mm"),
    ("hd95", "HD95 mm"),
)
GLOSSARY = (
    "Mean ± standard deviation over cases. Dice and Jaccard measure overlap: 1 is perfect. ASSD is the mean "
    "distance between the two surfaces, ASD the same from the prediction to the reference only, HD95 the "
    "larger of the two directed 95th percentiles, all with the true voxel spacing. A class that only one of "
    "prediction and reference has is a failure: it counts as Dice 0 and has no distance, so distances are "
    "means over the other cases."
)
CASES_NOTE = (
    "Validation cases worst first, pseudo-labels least certain first. Confidence is 1 minus the labeler's "
    "mean uncertainty near the surface; Dice and HD95 are means over the classes."
)


def validation_table(data: ReportData) -> str:
    """Per class the figures over all validation cases."""
    names, rows = swatches(data), []
    for entry in map(mapping, mapping(data.summary).get("classes") or ()):
        failures = int(number(entry.get("failures")) or 0)
        rows.append(
            [
                names.get(entry.get("value", 0), escape(str(entry.get("name")))),
                *(_with_spread(entry, metric) for metric, _ in METRICS),
                escape(str(entry.get("cases", "–"))),
                f'<b class="bad">{failures}</b>' if failures else "0",
            ]
        )
    head = ["class", *(title for _, title in METRICS), "cases", "failures"]
    return section("Validation", table(head, rows, range(1, 8)) + _note(GLOSSARY) if rows else "")


def _with_spread(entry: dict[str, Any], metric: str) -> str:
    mean, spread = (number(entry.get(f"{metric}_{kind}")) for kind in ("mean", "std"))
    digits = 3 if metric in ("dice", "jaccard") else 2
    return figure(mean, digits) + ("" if spread is None else f" <small>± {figure(spread, digits)}</small>")


def case_table(data: ReportData) -> str:
    """One line per case, with what is known of it."""
    head = ("case", "role", "status", "confidence", "Dice", "HD95 mm")
    rows = [_case_line(row) for row in data.cases]
    return section("Cases", table(head, rows, (4, 5)) + _note(CASES_NOTE) if rows else "")


def _case_line(row: CaseRow) -> list[str]:
    status = escape(row.status)
    if row.status == "failed":
        status = f'<b class="bad">{status}</b>'
    elif row.failures:
        status += f' <b class="bad">{row.failures} of {len(row.metrics)} classes failed</b>'
    dice = f'<span class="{"bad" if row.failures else ""}">{figure(row.mean("dice"))}</span>'
    if len(row.metrics) > 1:
        dice += f"<br><small>{' / '.join(figure(item.get('dice')) for item in row.metrics)}</small>"
    confidence = "–" if row.confidence is None else f"{bar(row.confidence)}{row.confidence:.2f}"
    return [escape(row.id), escape(row.role), status, confidence, dice, figure(row.mean("hd95"), 2)]


def plan_table(data: ReportData) -> str:
    """Every value of the plan with the reason that the planner gave for it."""
    plan = {name: value for name, value in mapping(data.plan).items() if name not in ("reasons", "format")}
    reasons = mapping(mapping(data.plan).get("reasons"))
    rows = [
        [escape(name), f"<code>{escape(_shown(value))}</code>", escape(str(reasons.get(name, "")))]
        for name, value in plan.items()
    ]
    return section(
        "Plan", table(("", "value", "why"), rows) + _note("Axes in the order z, y, x.") if rows else ""
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " × ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items() if item is not None)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def timing_table(data: ReportData) -> str:
    """How long each stage took, and the most memory the process had by its end."""
    seconds = {name: number(stage.get("seconds")) or 0.0 for name, stage in data.stages.items()}
    longest = max(seconds.values(), default=0) or 1.0
    rows = [
        [
            escape(name),
            bar(spent / longest, wide=True),
            duration(spent),
            gib(number(stage.get("peak_memory_bytes"))),
        ]
        for (name, stage), spent in zip(data.stages.items(), seconds.values(), strict=True)
    ]
    return section(
        "Time and memory", table(("stage", "", "time", "peak memory"), rows, (2, 3)) if rows else ""
    )


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'
