"""A run on five small phantoms that is through in seconds, for tests of the stages."""

from __future__ import annotations

from pathlib import Path

from CFRTrain.data.phantoms import write_cohort
from CFRTrain.runs.job import ClassSpec, changed, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder

TINY = {
    "threads": 1,
    "predict.runtime": "torch",
    "network_labeler.steps": 4,
    "retrain.steps": 4,
    "retrain.width": 4,
    "retrain.levels": 3,
    "retrain.checkpoint_every": 2,
    "retrain.log_every": 1,
}


def tiny_run(root: Path, **changes: object) -> RunFolder:
    """One labeled, three unlabeled, one validation case; a `preview` job with `changes` by dotted path."""
    write_cohort(root, 5, seed=3, labeled=1, validation=1, size_zyx=(16, 24, 24), spacing_zyx=(6.0, 6.0, 6.0))
    job = changed(preset("preview", (ClassSpec(1, "left atrium"),)), {**TINY, **changes})
    (root / "job.json").write_text(job_to_json(job))
    return RunFolder(root)
