"""The 2D models that may learn beside the 3D network, by the name a job gives; a new one is its line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from CFRTrain.labelers.sam_choice import choose_sam
from CFRTrain.labelers.sam_planar import build_sam_planar
from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.planar import OWN_MODELS
from CFRTrain.retraining.planar.base import PlanarBuilder
from CFRTrain.retraining.planar.segformer_weights import find_file, segformer_classes
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Job

PLANAR_MODELS: Mapping[str, PlanarBuilder] = {**OWN_MODELS, "sam": build_sam_planar}


def uses_planar(job: Job, model: str = "") -> bool:
    """Return whether the job's method trains a 2D model, and this one where it is named."""
    method = METHODS.get(job.method)
    return method is not None and method.needs_planar and model in ("", job.mn.model)


def check_planar(job: Job, folder: Path) -> None:
    """Raises JobError, ModelError or DependencyError for a 2D model that would only fail in training."""
    if not uses_planar(job):
        return
    if job.mn.model not in PLANAR_MODELS:
        raise JobError(
            "planar_model_unknown",
            f"There is no 2D model {job.mn.model!r}.",
            f"Set mn.model in the job to one of: {', '.join(PLANAR_MODELS)}.",
        )
    if job.mn.weights is not None and job.mn.model != "segformer":
        raise JobError(
            "planar_weights_unused",
            f"mn.weights names a file, but the 2D model {job.mn.model} does not use it.",
            "Set mn.weights to null; SAM's file is named in finetune.weights.",
        )
    if job.mn.model == "sam":
        choose_sam(job, folder)
    elif job.mn.model == "segformer":
        segformer_classes()
        if job.mn.weights is not None:
            find_file(folder / job.mn.weights)
