"""Stage 6: the model file, the results and the report."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections import Counter
from dataclasses import replace
from typing import Any

from torch import nn

from CFRTrain import __version__
from CFRTrain.models.model_description import NetworkConfig, Provenance, Usage
from CFRTrain.models.package import Model, save_model
from CFRTrain.models.report import write_report
from CFRTrain.stages.context import PLANAR_RECORD, Context, read_timings
from CFRTrain.stages.labeling import chosen_labeler
from CFRTrain.stages.memory import peak_memory_bytes

MODEL_NAME = "model.cfrmodel"
PACKAGES = ("torch", "monai", "SimpleITK", "numpy", "peft", "segment-anything", "openvino")


def versions() -> dict[str, str]:
    """Versions of this program, Python and the packages that results depend on, as far as installed."""
    found = {"CFRTrain": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def package_network(context: Context, network: nn.Module) -> Model:
    """Writes the trained network as the run's model file, before anything is measured with it."""
    job = context.job
    provenance = Provenance(
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        versions=versions(),
        seed=job.seed,
        preset=job.preset,
        method=job.method,
        labeler=chosen_labeler(context),
        modality=job.modality,
        cohort=dict(Counter(case.role for case in context.cases)),
        notes=_notes(context),
    )
    path = context.run.root / MODEL_NAME
    usage = Usage.of(job.predict)
    return save_model(path, network, NetworkConfig.of(job), context.planned(), job.classes, provenance, usage)


def _notes(context: Context) -> tuple[str, ...]:
    """What everyone who uses the model should be told."""
    notes = ["Research use only; not a medical device."]
    for name in ("sam.json", PLANAR_RECORD):
        if (context.run.root / name).is_file():
            notes.append(context.run.read_json(name)["explanation"])
    return tuple(notes)


def finish_stage(context: Context, model: Model, validation: dict[str, Any] | None) -> None:
    """Seals the validation figures into the model file."""
    summary = (
        None if validation is None else {key: value for key, value in validation.items() if key != "per_case"}
    )
    provenance = replace(model.provenance, validation=summary)
    path = context.run.root / MODEL_NAME
    save_model(path, model.network, model.config, model.plan, model.classes, provenance, model.usage)


def write_results(context: Context, model: Model, validation: dict[str, Any] | None) -> dict[str, Any]:
    """Writes the report, then results.json, the manifest, last of all; returns the results."""
    run = context.run
    timings = read_timings(run)
    results = {
        "status": "done",
        "validation": validation,
        "labeler": chosen_labeler(context),
        "method": context.job.method,
        "stages": timings,
        "peak_memory_bytes": max(
            [peak_memory_bytes(), *(int(item["peak_memory_bytes"]) for item in timings.values())]
        ),
        "versions": versions(),
        "weights_sha256": model.weights_sha256,
        "seed": context.job.seed,
    }
    run.write_json("partial_results.json", results)
    report = write_report(run)
    run.write_results(results, {"model": run.root / MODEL_NAME, "report": report})
    (run.root / "partial_results.json").unlink(missing_ok=True)
    return run.results() or results
