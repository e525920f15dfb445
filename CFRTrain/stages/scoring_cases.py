"""How sure a finished run is of its unlabeled cases; every answer is kept, so that a stopped look goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from CFRTrain.labelers.base import PseudoLabelCache
from CFRTrain.models.inference import predict_probabilities
from CFRTrain.models.package import Model, load_model
from CFRTrain.models.runtimes import Runtime, choose_runtime
from CFRTrain.runs.atomic import file_stamp
from CFRTrain.runs.errors import JobError
from CFRTrain.selection.bands import SliceRequest
from CFRTrain.selection.scoring import CaseScore, score_case
from CFRTrain.stages.context import Context
from CFRTrain.stages.finishing import MODEL_NAME
from CFRTrain.stages.labeling import cache_of, chosen_labeler, labels_cases

FOLDER = "suggestions"


def score_cases(
    context: Context, slices: int, progress: Callable[[str, int, int], None]
) -> dict[str, CaseScore]:
    """Scores of all unlabeled cases of a finished run. Raises DataError, ModelError, StopRequested."""
    model = load_model(context.run.root / MODEL_NAME)
    pseudo = cache_of(context, chosen_labeler(context)) if labels_cases(context) else None
    options, events = context.job.predict, context.run.events
    runtime = choose_runtime(model, options.runtime, options.precision, context.job.device, events.warning)
    cases, scores = context.ids("unlabeled"), {}
    for done, case in enumerate(cases):
        progress("score", done, len(cases))
        scores[case] = _score(context, model, runtime, pseudo, case, slices)
    progress("score", len(cases), len(cases))
    return scores


def _score(
    context: Context,
    model: Model,
    runtime: Runtime,
    pseudo: PseudoLabelCache | None,
    case: str,
    slices: int,
) -> CaseScore:
    """One case's score, kept in suggestions/<case>.json with what it follows from."""
    stamp = None if pseudo is None else file_stamp(pseudo.path(case))
    key = {"weights": model.weights_sha256, "pseudo_label": list(stamp or ()), "slices": slices}
    known = _known(context, case, key)
    if known is not None:
        return known
    network = predict_probabilities(
        runtime, context.store.image(case), model.plan.patch_zyx, context.job.predict.overlap
    )
    opinion = _labeler_opinion(context, pseudo, case, network)
    score = score_case(network, opinion, context.planned().slicing_axis, slices)
    context.run.folder(FOLDER)
    context.run.write_json(f"{FOLDER}/{case}.json", {"key": key, "score": asdict(score)})
    return score


def _labeler_opinion(
    context: Context, pseudo: PseudoLabelCache | None, case: str, network: np.ndarray
) -> np.ndarray | None:
    """The labeler's probabilities (C,z,y,x); None, with a warning, where a run that made them lost them."""
    if pseudo is None:
        return None
    if not pseudo.has(case):
        text = f"[{case}] has no intact pseudo-label; it is judged by the network alone."
        context.run.events.warning("pseudo_label_unreadable", text)
        return None
    return pseudo.load(case).probabilities


def _known(context: Context, case: str, key: dict[str, Any]) -> CaseScore | None:
    """The score that was kept, or None where there is none, it is damaged, or follows from something else."""
    if not (context.run.root / FOLDER / f"{case}.json").is_file():
        return None
    try:
        record = context.run.read_json(f"{FOLDER}/{case}.json")
        return score_from(record["score"]) if record["key"] == key else None
    except (JobError, KeyError, TypeError, ValueError):
        return None


def score_from(values: dict[str, Any]) -> CaseScore:
    """What `asdict` made of a score. Raises KeyError, TypeError or ValueError for anything else."""
    uncertainty = float(values["uncertainty"])
    if not math.isfinite(uncertainty):
        raise ValueError("uncertainty is no number")
    return CaseScore(
        uncertainty,
        tuple(None if value is None else float(value) for value in values["class_uncertainty"]),
        tuple(float(value) for value in values["class_dice"]),
        tuple(bool(value) for value in values["class_present"]),
        tuple(
            SliceRequest(
                int(item["axis"]), int(item["index"]), float(item["entropy"]),
                tuple(float(value) for value in item["center_zyx"]),
            )
            for item in values["slices"]
        ),
    )  # fmt: skip
