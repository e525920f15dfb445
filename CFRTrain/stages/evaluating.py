"""Stage 5: validation cases are segmented with the finished model, as a user would, and measured."""

from __future__ import annotations

import math
import time
from dataclasses import fields
from typing import Any

from CFRTrain.data.cases import Case, with_role
from CFRTrain.data.volumes import read_label
from CFRTrain.models.inference import segment_file
from CFRTrain.models.metrics import ClassMetrics, evaluate, summarize, without_prediction
from CFRTrain.models.package import Model
from CFRTrain.models.runtimes import Runtime, choose_runtime
from CFRTrain.models.windows import Watch
from CFRTrain.runs.errors import DataError, DiskFullError, MemoryLimitError, StopRequested
from CFRTrain.stages.context import Context


def evaluate_stage(context: Context, model: Model) -> dict[str, Any] | None:
    """Summary of the metrics of all validation cases (distances in mm); None where there are none.

    A case that cannot be segmented counts as failed with Dice 0; it is never left out.
    """
    cases = with_role(context.cases, "validation")
    if not cases:
        return None
    options, events = context.job.predict, context.run.events
    runtime = choose_runtime(model, options.runtime, options.precision, context.job.device, events.warning)
    rows: dict[str, list[ClassMetrics]] = {}
    start = time.monotonic()
    for done, case in enumerate(cases, start=1):
        context.run.raise_if_stopped()
        rows[case.id] = _measured(context, model, runtime, case)
        dice = sum(row.dice for row in rows[case.id]) / len(rows[case.id])
        events.case_done(case.id, "evaluate", dice=round(dice, 4))
        left = (time.monotonic() - start) / done * (len(cases) - done)
        events.progress("evaluate", done, len(cases), round(left, 1))
    return {
        **summarize(rows),
        "per_case": {name: [row.to_dict() for row in row_list] for name, row_list in rows.items()},
    }


def _measured(context: Context, model: Model, runtime: Runtime, case: Case) -> list[ClassMetrics]:
    """Metrics of one case, kept in predictions/<case>.json for a resumed run."""
    run, kept = context.run, f"predictions/{case.id}.json"
    if (run.root / kept).is_file() and (run.root / f"predictions/{case.id}.nii.gz").is_file():
        found = run.read_json(kept)
        if found.get("weights_sha256") == model.weights_sha256:
            return [_metrics(row) for row in found["classes"]]
    rows = _segment_and_measure(context, model, runtime, case)
    run.write_json(kept, {"weights_sha256": model.weights_sha256, "classes": [row.to_dict() for row in rows]})
    return rows


def _segment_and_measure(context: Context, model: Model, runtime: Runtime, case: Case) -> list[ClassMetrics]:
    run, classes = context.run, context.job.classes
    values = [item.value for item in classes]
    output = run.folder("predictions") / f"{case.id}.nii.gz"
    label = read_label(case.label, case.id, None, values, empty_ok=True)
    spacing = label.geometry.spacing_zyx
    try:
        found = segment_file(
            model,
            case.image,
            output,
            context.job.predict,
            case=case.id,
            runtime=runtime,
            watch=Watch(on_warning=run.events.warning, should_stop=run.stop_requested),
        )
    except (StopRequested, DiskFullError, MemoryLimitError):
        raise
    except DataError as error:
        run.events.warning("prediction_failed", str(error))
        return without_prediction(label.array, spacing, classes)
    reference = read_label(case.label, case.id, found.geometry, values, empty_ok=True)
    return evaluate(found.array, reference.array, spacing, classes)


def _metrics(row: dict[str, Any]) -> ClassMetrics:
    """What `ClassMetrics.to_dict` wrote; null distances are NaN again."""
    return ClassMetrics(
        **{item.name: math.nan if row[item.name] is None else row[item.name] for item in fields(ClassMetrics)}
    )
