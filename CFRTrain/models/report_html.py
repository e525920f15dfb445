"""The report as one HTML page: every text is escaped, every picture inside, nothing is loaded or run."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from html import escape

from CFRTrain.models.report_calibration import calibration_table
from CFRTrain.models.report_curves import line_chart
from CFRTrain.models.report_data import CaseRow, Picture, ReportData, mapping, number
from CFRTrain.models.report_parts import count, duration, figure, gib, section, swatches
from CFRTrain.models.report_style import STYLE
from CFRTrain.models.report_tables import case_table, plan_table, timing_table, validation_table
from CFRTrain.runs.job import job_to_json

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Forbids scripts and every connection, should a name ever slip through unescaped."""
BADGES = {"done": "good", "stopped": "warn", "unfinished": "warn", "failed": "bad"}


def render(data: ReportData) -> str:
    """The whole page."""
    body = "".join([
        _header(data), _messages(data), validation_table(data), _curves(data), _pictures(data),
        case_table(data), calibration_table(data.calibrations), plan_table(data), timing_table(data),
        _settings(data),
    ])  # fmt: skip
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Training report</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _header(data: ReportData) -> str:
    facts = [f"labeler {data.labeler}"] if data.labeler else []
    if data.job:
        facts = [f"preset {data.job.preset}", *facts, f"method {data.job.method}", f"seed {data.job.seed}"]
    if data.started:
        facts.append(datetime.fromtimestamp(data.started, UTC).strftime("%Y-%m-%d %H:%M UTC"))
    return (
        f'<header><h1>Training report</h1><span class="badge {BADGES.get(data.status, "warn")}">'
        f'{escape(data.status)}</span><span class="soft">{escape(" · ".join(facts))}</span></header>'
        f'<div class="tiles">{"".join(_tile(*tile) for tile in _figures(data))}</div>'
    )


def _figures(data: ReportData) -> list[tuple[str, str, str]]:
    """The few figures everyone asks for first: title, figure, remark."""
    number_of = {
        role: sum(row.role == role for row in data.cases) for role in ("labeled", "unlabeled", "validation")
    }
    seconds = sum(number(stage.get("seconds")) or 0 for stage in data.stages.values())
    tiles = [
        ("trained on", f"{number_of['labeled']} + {number_of['unlabeled']}", "labeled + unlabeled cases"),
        ("time", duration(seconds) if seconds else "–", f"on {data.device or 'an unknown device'}"),
    ]
    if data.peak_memory_bytes:
        tiles.append(("peak memory", gib(data.peak_memory_bytes), "of the process"))
    mean = number(mapping(data.summary).get("mean_dice"))
    if mean is not None:
        failures = int(number(mapping(data.summary).get("failures")) or 0)
        failed = count(failures, "failure") if failures else "no failures"
        remark = f"{count(number_of['validation'], 'case')}, {failed}"
        tiles.insert(0, ("mean Dice, validation", figure(mean), remark))
    return tiles


def _tile(title: str, value: str, remark: str) -> str:
    return f'<div class="tile"><span>{title}</span><b>{escape(value)}</b><span>{escape(remark)}</span></div>'


def _messages(data: ReportData) -> str:
    parts = [
        f'<div class="notice error"><b>{escape(text)}</b>{escape(remedy)} <code>{escape(code)}</code></div>'
        for code, text, remedy in data.errors
    ]
    for code, text, times in data.warnings:
        often = f" ({times} times)" if times > 1 else ""
        parts.append(f'<div class="notice">{escape(text)}{often} <code>{escape(code)}</code></div>')
    parts += [f'<div class="notice">Left out of this report: {escape(text)}</div>' for text in data.problems]
    return section("What to know", "".join(parts))


def _curves(data: ReportData) -> str:
    charts = []
    for stage, curves in data.curves.items():
        groups: dict[str, dict[str, list[tuple[float, float]]]] = {
            "loss": {},
            "Dice": {},
            "learning rate": {},
        }
        for name, points in curves.items():
            kind = "Dice" if "dice" in name else "learning rate" if "learning_rate" in name else "loss"
            groups[kind][name.replace("_", " ")] = points
        for kind, group in groups.items():
            title = f"{stage.replace('_', ' ')}: {kind}" if stage else kind
            charts.append(line_chart(title, group, (0.0, 1.0) if kind == "Dice" else None))
    return section("Curves", f'<div class="charts">{"".join(charts)}</div>' if any(charts) else "")


def _pictures(data: ReportData) -> str:
    if not data.pictures:
        return ""
    rows = {row.id: row for row in data.cases}
    shown = "".join(_picture(picture, rows.get(picture.case)) for picture in data.pictures)
    legend = "".join(f"<li>{swatch}</li>" for swatch in swatches(data).values())
    left_out = f"; {count(data.pictures_left_out, 'more case')} not shown" if data.pictures_left_out else ""
    return section(
        "Pictures",
        f'<p class="soft">Of each case the slice with the most labeled voxels{left_out}.</p>'
        f'<ul class="legend">{legend}</ul><div class="pictures">{shown}</div>',
    )


def _picture(picture: Picture, row: CaseRow | None) -> str:
    facts = [f"Dice {figure(row.mean('dice'))}"] if row and row.metrics else []
    if row and row.status == "failed":
        facts.append("failed")
    if row and row.confidence is not None:
        facts.append(f"confidence {figure(row.confidence, 2)}")
    text = escape(" · ".join([picture.caption, *facts]))
    return (
        f'<figure><img src="data:image/png;base64,{base64.b64encode(picture.png).decode()}" '
        f'alt="{escape(picture.case)}: {text}">'
        f"<figcaption>{escape(picture.case)} <small>{text}</small></figcaption></figure>"
    )


def _settings(data: ReportData) -> str:
    versions = " · ".join(f"{escape(name)} {escape(version)}" for name, version in data.versions.items())
    parts = [f"<p>{versions}</p>"] if versions else []
    if data.job:
        parts.append(
            f"<details><summary>job.json</summary><pre>{escape(job_to_json(data.job))}</pre></details>"
        )
    if data.plan:
        text = escape(json.dumps(data.plan, indent=1, ensure_ascii=False))
        parts.append(f"<details><summary>plan.json</summary><pre>{text}</pre></details>")
    return section("Versions and settings", "".join(parts))
