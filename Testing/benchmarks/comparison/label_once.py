"""A process that takes a run folder up to its pseudo-labels and says what they cost and how good they are.

    python -m Testing.benchmarks.comparison.label_once FOLDER

Only here the labels of unlabeled cases are read, to measure the pseudo-labels; nothing is trained on them.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from CFRTrain.data.volumes import read_label
from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.models.metrics import evaluate
from CFRTrain.pipeline import Pipeline
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.stages.context import Context, read_timings
from CFRTrain.stages.labeling import uses
from CFRTrain.stages.memory import peak_memory_bytes
from CFRTrain.training.precision import limit_threads
from Testing.benchmarks.comparison.shared_labels import CLOCK, LABELED


def label_once(run: RunFolder) -> None:
    """Check, prepare, registrations, labels; resumable. Raises CFRError."""
    with run.lock(), run.log():
        run.clear_stop()
        pipeline = Pipeline(run)
        limit_threads(pipeline.context.job.threads)
        pipeline.check()
        pipeline.prepare()
        registration = _register(pipeline.context)
        pipeline.label()
        timings = read_timings(run)
        seconds = {name: timings[name]["seconds"] for name in ("prepare", "label")}
        dice = pseudo_label_dice(pipeline.context)
        run.write_json(
            LABELED,
            {
                "seconds": {**seconds, "registration": registration},
                "peak_memory_bytes": peak_memory_bytes(),
                "pseudo_dice": dice,
            },
        )


def _register(context: Context) -> float:
    """Makes the registrations that the labeler will ask for; what they cost, wherever they were made."""
    job, run = context.job, context.run
    spent = run.read_json(CLOCK)["registration"] if (run.root / CLOCK).is_file() else 0.0
    paired = uses(context, "network") and job.network_labeler.pairs > 0
    if not uses(context, "atlas") and not paired:
        return 0.0
    start = time.monotonic()
    try:
        labeler = AtlasLabeler(context.store, context.ids("labeled"), context.planned(), job, run)
        labeler.register_all(context.ids("unlabeled"))
    finally:
        spent = round(spent + time.monotonic() - start, 2)
        run.write_json(CLOCK, {"registration": spent})
    return spent


def pseudo_label_dice(context: Context) -> float | None:
    """Mean Dice over classes and unlabeled cases of the labels for review; a case without one counts as 0."""
    classes, values = context.job.classes, [item.value for item in context.job.classes]
    scores: list[float] = []
    for case in (case for case in context.cases if case.role == "unlabeled"):
        image = Path(case.image)
        truth = read_label(image.parent.parent / "labels" / image.name, case.id, None, values, empty_ok=True)
        found = context.run.root / "review" / f"{case.id}.nii.gz"
        if not found.is_file():
            scores.append(0.0)
            continue
        label = read_label(found, case.id, truth.geometry, values, empty_ok=True)
        rows = evaluate(label.array, truth.array, truth.geometry.spacing_zyx, classes)
        scores.append(statistics.fmean(row.dice for row in rows))
    return round(statistics.fmean(scores), 5) if scores else None


if __name__ == "__main__":
    label_once(RunFolder(Path(sys.argv[1])))
