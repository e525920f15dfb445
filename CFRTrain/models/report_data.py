"""Everything the report shows, gathered from a run folder of which any part may be missing or damaged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from CFRTrain.runs.cases_file import CaseEntry
from CFRTrain.runs.errors import CFRError
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder

CASE_IN_TEXT = re.compile(r"^\[([A-Za-z0-9_-]+)\]")
FAILURE_CODES = ("labeling_failed", "prediction_failed")


@dataclass(frozen=True)
class Picture:
    """One case as a PNG, and what its panels show."""

    case: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class CaseRow:
    """One line of the table. confidence is 0 to 1; metrics are rows of `ClassMetrics.to_dict`."""

    id: str
    role: str
    status: str
    confidence: float | None = None
    metrics: tuple[dict[str, Any], ...] = ()

    @property
    def failures(self) -> int:
        """Classes of this case that were missed or made up."""
        return sum(bool(row.get("failure")) for row in self.metrics)

    def mean(self, name: str) -> float | None:
        """Mean of a metric over the classes that have it."""
        values = [value for row in self.metrics if (value := number(row.get(name))) is not None]
        return math.fsum(values) / len(values) if values else None


@dataclass(frozen=True)
class ReportData:
    """What the page shows. curves: stage -> name -> [(step, value)]. messages: (code, text, how often)."""

    status: str
    job: Job | None = None
    summary: dict[str, Any] | None = None
    cases: tuple[CaseRow, ...] = ()
    curves: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    plan: dict[str, Any] | None = None
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""
    labeler: str = ""
    started: float | None = None
    peak_memory_bytes: float | None = None
    warnings: tuple[tuple[str, str, int], ...] = ()
    errors: tuple[tuple[str, str, str], ...] = ()
    problems: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    pictures_left_out: int = 0
    calibrations: tuple[dict[str, Any], ...] = ()


def collect(run: RunFolder) -> ReportData:
    """What is in the run folder, without pictures. Damaged parts are left out and named in `problems`."""
    problems: list[str] = []
    events = read_events(run.events.path)[0]
    results = _json(run, "results.json", problems) or _json(run, "partial_results.json", problems) or {}
    validation = results.get("validation") if isinstance(results.get("validation"), dict) else None
    started = [event for event in events if event["type"] == "started"]
    stages = results.get("stages") or _json(run, "timings.json", problems) or {}
    stages = {name: stage for name, stage in mapping(stages).items() if isinstance(stage, dict)}
    job = _job(run, problems)
    peaks = [number(stage.get("peak_memory_bytes")) or 0 for stage in stages.values()]
    return ReportData(
        status=_status(results, events),
        job=job,
        summary=validation,
        cases=tuple(_case_rows(run, validation, events, problems)),
        curves=_curves(run),
        plan=_json(run, "plan.json", problems),
        stages=stages,
        versions={k: str(v) for k, v in mapping(started[-1].get("versions") if started else None).items()},
        device=str(started[-1].get("device", "")) if started else "",
        labeler=str(results.get("labeler") or (job.labeler if job else "")),
        started=number(started[0].get("time")) if started else None,
        peak_memory_bytes=number(results.get("peak_memory_bytes")) or max(peaks, default=0) or None,
        warnings=_warnings(events),
        errors=_errors(events),
        problems=tuple(problems),
        calibrations=tuple(_calibrations(run, problems)),
    )


def number(value: Any) -> float | None:
    """A finite number, or None for anything else."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else None


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _status(results: Mapping[str, Any], events: list[dict[str, Any]]) -> str:
    """done, stopped, failed or unfinished (running, or killed)."""
    if results.get("status") == "done":
        return "done"
    ends = [event for event in events if event["type"] in ("started", "finished")]
    if not ends or ends[-1]["type"] == "started":
        return "unfinished"
    return str(ends[-1].get("status", "unfinished"))


def _json(run: RunFolder, name: str, problems: list[str]) -> dict[str, Any] | None:
    if not (run.root / name).is_file():
        return None
    try:
        found = run.read_json(name)
    except CFRError as error:
        problems.append(error.text)
        return None
    if isinstance(found, dict):
        return found
    problems.append(f"{name} is not an object.")
    return None


def _job(run: RunFolder, problems: list[str]) -> Job | None:
    try:
        return run.job()
    except CFRError as error:
        problems.append(error.text)
        return None


def case_entries(run: RunFolder, problems: list[str] | None = None) -> tuple[CaseEntry, ...]:
    """The run's cases, none if the list cannot be read."""
    try:
        return run.cases()
    except CFRError as error:
        if problems is not None:
            problems.append(error.text)
        return ()


def _case_rows(
    run: RunFolder, validation: dict[str, Any] | None, events: list[dict[str, Any]], problems: list[str]
) -> Iterator[CaseRow]:
    """Validation cases worst first, then labeled ones, then unlabeled ones least certain first."""
    failed = {
        match.group(1)
        for event in events
        if event["type"] == "warning" and event.get("code") in FAILURE_CODES
        if (match := CASE_IN_TEXT.match(str(event.get("text"))))
    }
    measured, uncertainty = mapping(mapping(validation).get("per_case")), _uncertainties(run)
    rows = []
    for case in case_entries(run, problems):
        metrics = measured.get(case.id) or _kept_metrics(run, case.id)
        doubt = uncertainty.get(case.id)
        status = _case_status(case.role, case.id in failed, bool(metrics), doubt is not None)
        confidence = None if doubt is None else 1 - doubt
        rows.append(CaseRow(case.id, case.role, status, confidence, tuple(map(mapping, metrics))))
    for role in ("validation", "labeled", "unlabeled"):
        yield from sorted((row for row in rows if row.role == role), key=_urgency)


def _urgency(row: CaseRow) -> tuple[bool, float, float, str]:
    dice = row.mean("dice")
    return (
        row.status != "failed",
        1.0 if dice is None else dice,
        1.0 if row.confidence is None else row.confidence,
        row.id,
    )


def _case_status(role: str, failed: bool, measured: bool, pseudo_labeled: bool) -> str:
    if failed:
        return "failed"
    if role == "labeled":
        return "labeled"
    if role == "validation":
        return "measured" if measured else "not measured"
    return "pseudo-labeled" if pseudo_labeled else "unlabeled"


def _kept_metrics(run: RunFolder, case: str) -> list[Any]:
    """Metrics of a case that was measured before the run ended early."""
    found = mapping(_json(run, f"predictions/{case}.json", [])).get("classes")
    return found if isinstance(found, list) else []


def _uncertainties(run: RunFolder) -> dict[str, float]:
    """Mean uncertainty near the surface per pseudo-labeled case, 0 (sure) to 1 (a guess)."""
    found: dict[str, float] = {}
    try:
        listed = run.read_json("review.json") if (run.root / "review.json").is_file() else []
    except CFRError:
        listed = []
    for entry in listed if isinstance(listed, list) else []:
        value = number(mapping(entry).get("uncertainty"))
        if value is not None and 0 <= value <= 1:
            found[str(mapping(entry).get("case"))] = value
    return found


def _curves(run: RunFolder) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Metrics by stage and name; of steps repeated after a kill the last value counts."""
    found: dict[str, dict[str, dict[float, float]]] = {}
    for event in read_events(run.events.metrics_path)[0]:
        step, value = number(event.get("step")), number(event.get("value"))
        if event["type"] == "metric" and step is not None and value is not None:
            stage, _, name = str(event.get("name", "")).rpartition("/")
            found.setdefault(stage, {}).setdefault(name, {})[step] = value
    return {
        stage: {name: sorted(points.items()) for name, points in names.items()}
        for stage, names in found.items()
    }


def _calibrations(run: RunFolder, problems: list[str]) -> Iterator[dict[str, Any]]:
    """What was measured of each labeler whose probabilities were calibrated."""
    for path in sorted((run.root / "calibration").glob("*.json")):
        found = _json(run, f"calibration/{path.name}", problems)
        if found and found.get("voxels"):
            yield found


def _warnings(events: list[dict[str, Any]]) -> tuple[tuple[str, str, int], ...]:
    counts: dict[tuple[str, str], int] = {}
    for event in events:
        if event["type"] == "warning":
            key = (str(event.get("code", "")), str(event.get("text", "")))
            counts[key] = counts.get(key, 0) + 1
    return tuple((code, text, count) for (code, text), count in counts.items())


def _errors(events: list[dict[str, Any]]) -> tuple[tuple[str, str, str], ...]:
    """Errors since the engine was last started: earlier ones were overcome."""
    found: list[tuple[str, str, str]] = []
    for event in events:
        if event["type"] == "started":
            found = []
        elif event["type"] == "error":
            found.append(tuple(str(event.get(name, "")) for name in ("code", "text", "remedy")))
    return tuple(found)
