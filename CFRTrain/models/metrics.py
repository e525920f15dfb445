"""How well a segmentation matches its reference, per class and over cases.

Overlap: Dice and Jaccard. Distances between surfaces in mm with the true spacing: ASSD (symmetric), ASD
(from the prediction to the reference) and HD95 (the larger of the two directed 95th percentiles). The papers
of this field compute distances in voxels, ASD in one direction and the 95th percentile over both directions
together; `asd_voxel` and `hd95_voxel` are these, to compare with their tables only.

Empty masks: both empty is agreement (Dice 1, distances 0). One empty is a failure: Dice 0, distances NaN.
A failure keeps its place in every mean Dice and is counted beside every mean distance, never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from CFRTrain.models.surface_distances import surface_distances
from CFRTrain.runs.job import ClassSpec

OVERLAPS = ("dice", "jaccard")
DISTANCES = ("assd", "asd", "hd95", "asd_voxel", "hd95_voxel")


@dataclass(frozen=True)
class ClassMetrics:
    """One class of one case. Distances are in mm but for the two `_voxel` ones; NaN where there is none.

    failure: exactly one of prediction and reference holds the class, or there is no prediction at all.
    """

    name: str
    value: int
    dice: float
    jaccard: float
    assd: float
    asd: float
    hd95: float
    asd_voxel: float
    hd95_voxel: float
    failure: bool
    prediction_ml: float
    reference_ml: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; a distance that does not exist is null."""
        return {name: _json_number(value) for name, value in asdict(self).items()}


def evaluate(
    prediction: np.ndarray, reference: np.ndarray, spacing_zyx: Sequence[float], classes: Iterable[ClassSpec]
) -> list[ClassMetrics]:
    """Metrics of every class of two label maps (z,y,x) of class values on one grid with `spacing_zyx` in mm.

    Raises ValueError if the grids differ or the spacing is not positive.
    """
    if prediction.shape != reference.shape:
        raise ValueError(
            f"a prediction of shape {prediction.shape} cannot be compared with {reference.shape}"
        )
    if len(spacing_zyx) != prediction.ndim or not all(0 < side < math.inf for side in spacing_zyx):
        raise ValueError(f"{tuple(spacing_zyx)} is not a spacing in mm")
    return [
        _class_metrics(item, prediction == item.value, reference == item.value, spacing_zyx)
        for item in classes
    ]


def without_prediction(
    reference: np.ndarray, spacing_zyx: Sequence[float], classes: Iterable[ClassSpec]
) -> list[ClassMetrics]:
    """The metrics of a case for which no prediction exists: every class is a failure."""
    voxel_ml = math.prod(spacing_zyx) / 1000
    return [_failed(item, 0.0, float((reference == item.value).sum()) * voxel_ml) for item in classes]


def _class_metrics(
    item: ClassSpec, prediction: np.ndarray, reference: np.ndarray, spacing_zyx: Sequence[float]
) -> ClassMetrics:
    predicted, referenced = int(prediction.sum()), int(reference.sum())
    voxel_ml = math.prod(spacing_zyx) / 1000
    volumes = (predicted * voxel_ml, referenced * voxel_ml)
    if not predicted and not referenced:
        return ClassMetrics(item.name, item.value, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, False, *volumes)
    if not predicted or not referenced:
        return _failed(item, *volumes)
    common = int((prediction & reference).sum())
    millimeters = surface_distances(prediction, reference, spacing_zyx)
    voxels = surface_distances(prediction, reference, (1.0,) * prediction.ndim)
    return ClassMetrics(
        item.name,
        item.value,
        2 * common / (predicted + referenced),
        common / (predicted + referenced - common),
        millimeters.assd,
        millimeters.asd,
        millimeters.hd95,
        voxels.asd,
        voxels.hd95_of_union,
        False,
        *volumes,
    )


def _failed(item: ClassSpec, prediction_ml: float, reference_ml: float) -> ClassMetrics:
    return ClassMetrics(item.name, item.value, 0.0, 0.0, *[math.nan] * 5, True, prediction_ml, reference_ml)


def summarize(cases: Mapping[str, Sequence[ClassMetrics]]) -> dict[str, Any]:
    """Means over cases as a JSON object: `mean_dice`, `cases`, `failures`, and `classes` with one entry each.

    A class's entry has `<metric>_mean` and `<metric>_std` (ddof 1; null for a single case), `cases`,
    `failures`, and `distance_cases`: over how many cases the distances, which failures do not have, were
    averaged. `mean_dice` is the mean over classes of the mean over cases; `failures` counts pairs of case
    and class.
    """
    columns = list(zip(*cases.values(), strict=True))
    classes = [_summarize_class(column) for column in columns]
    mean = math.fsum(entry["dice_mean"] for entry in classes) / len(classes) if classes else None
    return {
        "cases": len(cases),
        "mean_dice": mean,
        "failures": sum(entry["failures"] for entry in classes),
        "classes": classes,
    }


def _summarize_class(column: Sequence[ClassMetrics]) -> dict[str, Any]:
    first = column[0]
    if any((entry.name, entry.value) != (first.name, first.value) for entry in column):
        raise ValueError("every case must list the same classes in the same order")
    summary: dict[str, Any] = {
        "name": first.name,
        "value": first.value,
        "cases": len(column),
        "failures": sum(entry.failure for entry in column),
        "distance_cases": sum(not entry.failure for entry in column),
    }
    for metric in OVERLAPS + DISTANCES:
        values = np.array([getattr(entry, metric) for entry in column])
        finite = values[np.isfinite(values)]
        summary[f"{metric}_mean"] = float(finite.mean()) if len(finite) else None
        summary[f"{metric}_std"] = float(finite.std(ddof=1)) if len(finite) > 1 else None
    return summary


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
