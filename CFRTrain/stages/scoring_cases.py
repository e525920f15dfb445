"""How sure a finished run is of its unlabeled cases; every answer is kept, so that a stopped look goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np

from CFRTrain.models.inference import predict_probabilities
from CFRTrain.models.package import load_model
from CFRTrain.models.runtimes import Runtime, choose_runtime
from CFRTrain.models.windows import Watch
from CFRTrain.runs.atomic import file_stamp
from CFRTrain.runs.errors import JobError
from CFRTrain.selection.bands import SliceRequest
from CFRTrain.selection.scoring import CaseScore, score_case
from CFRTrain.stages.context import Context
from CFRTrain.stages.finishing import MODEL_NAME
from CFRTrain.stages.labeling import cache_of, chosen_labeler, labels_cases

FOLDER = "suggestions"


Progress = Callable[[str, int, int], None]
"""Takes a stage, cases done and cases in all. May raise StopRequested."""


def score_cases(context: Context, slices: int, progress: Progress) -> dict[str, CaseScore]:
    """Scores of the unlabeled cases that a finished run has prepared, each with at most `slices` slices.

    The context may name cases that are newer than the run; those get no score.
    Raises DataError naming a case, ModelError, and StopRequested as `progress` does.
    """
    look = _Look(context, slices)
    prepared = {entry.id for entry in context.run.cases()}
    cases, scores = [case for case in context.ids("unlabeled") if case in prepared], {}
    for done, case in enumerate(cases):
        progress("score", done, len(cases))
        watch = Watch(on_progress=lambda _, __, done=done: progress("score", done, len(cases)))
        scores[case] = look.score(case, watch)
    progress("score", len(cases), len(cases))
    return scores


class _Look:
    """A finished run's network and pseudo-labels, asked about one case after the other."""

    def __init__(self, context: Context, slices: int) -> None:
        self.context, self.slices = context, slices
        self.model = load_model(context.run.root / MODEL_NAME)
        self.pseudo = cache_of(context, chosen_labeler(context)) if labels_cases(context) else None

    @cached_property
    def runtime(self) -> Runtime:
        """What executes the network: made when a case first needs it, and not kept beside the run's model."""
        job, warn = self.context.job, self.context.run.events.warning
        model = replace(self.model, path=None)
        return choose_runtime(model, job.predict.runtime, job.predict.precision, job.device, warn)

    def score(self, case: str, watch: Watch) -> CaseScore:
        """One case's score, kept in suggestions/<case>.json with what it follows from."""
        run, stamp = self.context.run, None if self.pseudo is None else file_stamp(self.pseudo.path(case))
        weights = self.model.weights_sha256
        key = {"weights": weights, "pseudo_label": list(stamp or ()), "slices": self.slices}
        known = _known(self.context, case, key)
        if known is not None:
            return known
        image, overlap = self.context.store.image(case), self.context.job.predict.overlap
        network = predict_probabilities(self.runtime, image, self.model.plan.patch_zyx, overlap, watch)
        axis = self.context.planned().slicing_axis
        score = score_case(network, self._labeler_opinion(case), axis, self.slices)
        run.folder(FOLDER)
        run.write_json(f"{FOLDER}/{case}.json", {"key": key, "score": asdict(score)})
        return score

    def _labeler_opinion(self, case: str) -> np.ndarray | None:
        """The labeler's probabilities (C,z,y,x); None, with a warning, where the run lost what it made."""
        if self.pseudo is None:
            return None
        if not self.pseudo.has(case):
            text = f"[{case}] has no intact pseudo-label; it is judged by the network alone."
            self.context.run.events.warning("pseudo_label_unreadable", text)
            return None
        return self.pseudo.load(case).probabilities


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
