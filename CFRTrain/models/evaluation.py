"""Comparing segmentation files with reference files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from CFRTrain.data.volumes import read_label
from CFRTrain.models.metrics import ClassMetrics, evaluate, without_prediction
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.job import ClassSpec


def evaluate_files(
    pairs: Mapping[str, tuple[Path | None, Path]], classes: Sequence[ClassSpec]
) -> list[dict[str, Any]]:
    """Metrics of (prediction, reference) files by case: a row per case and class, ready for JSON.

    A row has `case` and the fields of `ClassMetrics`. A prediction that is missing or unusable is a failure
    of every class, and `problem` says why. Raises DataError for a reference that cannot be used.
    """
    rows = []
    for case, (prediction, reference) in pairs.items():
        metrics, problem = evaluate_file(case, prediction, reference, classes)
        rows += [{"case": case, **entry.to_dict(), "problem": problem} for entry in metrics]
    return rows


def evaluate_file(
    case: str, prediction: Path | None, reference: Path, classes: Sequence[ClassSpec]
) -> tuple[list[ClassMetrics], str | None]:
    """Metrics of one case on the reference's grid, and what is wrong with the prediction, if anything."""
    values = [item.value for item in classes]
    truth = read_label(reference, case, None, values, empty_ok=True)
    spacing = truth.geometry.spacing_zyx
    if prediction is None:
        return without_prediction(truth.array, spacing, classes), "There is no prediction."
    try:
        found = read_label(prediction, case, truth.geometry, values, empty_ok=True)
    except DataError as error:
        return without_prediction(truth.array, spacing, classes), f"{error.text} {error.remedy}"
    return evaluate(found.array, truth.array, spacing, classes), None
