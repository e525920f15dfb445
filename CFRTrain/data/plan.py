"""The plan: on which grid and in which pieces a cohort is trained, as data a person can read and override."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from CFRTrain.runs.errors import JobError

SCHEMES = ("zscore", "ct_window")
CANVAS_RANGE = (64, 4096)  # or 0


@dataclass(frozen=True)
class Intensity:
    """How voxel values become network input.

    `zscore`: clip each volume to its own percentiles `low` and `high`, then subtract its mean and divide by
    its standard deviation (`mean`, `std` are None). `ct_window`: clip to `low`..`high` HU, then use `mean`
    and `std` HU.
    """

    scheme: str
    low: float
    high: float
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True)
class Plan:
    """What `plan_cohort` decided. Axes z, y, x; spacing in mm; patch and `median_shape` in its voxels.

    `slicing_axis` is an array axis (0 = z). `canvas` is the side in pixels of the square that SAM sees, 0 for
    the smallest that holds the slices of a patch. `reasons` says in words where each value comes from.
    """

    spacing_zyx: tuple[float, float, float]
    patch_zyx: tuple[int, int, int]
    slicing_axis: int
    intensity: Intensity
    canvas: int
    median_shape: tuple[int, int, int]
    reasons: dict[str, str] = field(default_factory=dict)
    format: int = 1


def plan_to_json(plan: Plan) -> str:
    """Readable JSON; `plan_from_json` gives the same plan back."""
    return json.dumps(asdict(plan), indent=2) + "\n"


def plan_from_json(text: str) -> Plan:
    """The plan in a plan.json; JobError naming a field that is missing, unknown or wrong."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong("", "is not JSON") from error
    _keys(values, Plan, "")
    if values["format"] != 1 or isinstance(values["format"], bool):
        raise _wrong("format", "is not 1, so this plan was written by another version")
    return Plan(
        _triple(values, "spacing_zyx", _number, 0.001, 100.0),
        _triple(values, "patch_zyx", _whole, 1, 4096),
        _whole(values["slicing_axis"], "slicing_axis", 0, 2),
        _intensity(values["intensity"]),
        _canvas(values["canvas"]),
        _triple(values, "median_shape", _whole, 1, 65536),
        _reasons(values["reasons"]),
    )


def _intensity(values: Any) -> Intensity:
    _keys(values, Intensity, "intensity.")
    if values["scheme"] not in SCHEMES:
        raise _wrong("intensity.scheme", f"is not one of {', '.join(SCHEMES)}")
    percentile = values["scheme"] == "zscore"
    least, most = (0.0, 100.0) if percentile else (-1e6, 1e6)
    low, high = (_number(values[key], f"intensity.{key}", least, most) for key in ("low", "high"))
    if low >= high:
        raise _wrong("intensity.low", "is not below intensity.high")
    if percentile:
        if values["mean"] is not None or values["std"] is not None:
            raise _wrong("intensity.mean", "and intensity.std must be null for zscore")
        return Intensity("zscore", low, high)
    return Intensity(
        "ct_window",
        low,
        high,
        _number(values["mean"], "intensity.mean", -1e6, 1e6),
        _number(values["std"], "intensity.std", 1e-6, 1e6),
    )


def _canvas(value: Any) -> int:
    return 0 if value == 0 and not isinstance(value, bool) else _whole(value, "canvas", *CANVAS_RANGE)


def _reasons(values: Any) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(text, str) for text in values.values()):
        raise _wrong("reasons", "is not an object of texts")
    return values


def _keys(values: Any, kind: type, path: str) -> None:
    names = {entry.name for entry in fields(kind)}
    if not isinstance(values, Mapping):
        raise _wrong(path.rstrip("."), "is not an object")
    for name in sorted(names ^ set(values)):
        raise _wrong(path + name, "is missing" if name in names else "is not known")


def _triple(values: Mapping[str, Any], key: str, read: Any, low: float, high: float) -> tuple[Any, Any, Any]:
    items = values[key]
    if not isinstance(items, list) or len(items) != 3:
        raise _wrong(key, "is not a list of three numbers (z, y, x)")
    return tuple(read(item, f"{key}[{axis}]", low, high) for axis, item in enumerate(items))


def _number(value: Any, path: str, low: float, high: float) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not known or not low <= value <= high:
        raise _wrong(path, f"is not a number from {low:g} to {high:g}")
    return float(value)


def _whole(value: Any, path: str, low: float, high: float) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _wrong(path, f"is not a whole number from {low:g} to {high:g}")
    return value


def _wrong(path: str, what: str) -> JobError:
    return JobError(
        "plan",
        f"plan.json: {path or 'the file'} {what}.",
        "Correct plan.json, or delete it so that the plan is made again.",
    )
