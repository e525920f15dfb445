"""`demo`: a small cohort of cardiac phantoms, the main job on it, the result table, the report."""

from __future__ import annotations

import sys
from pathlib import Path

from CFRTrain.cli.console import event_view
from CFRTrain.cli.signals import stop_on_signal
from CFRTrain.cli.tables import result_table
from CFRTrain.data.phantoms import write_cohort
from CFRTrain.pipeline import run_all
from CFRTrain.runs.job import ClassSpec, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder, write_atomic

CASES, VALIDATION = 14, 4
CLASSES = (ClassSpec(1, "left atrium", (216, 101, 79)),)


def run_demo(output: Path, seed: int) -> int:
    """Makes the cohort unless it is there, trains or resumes, prints what came out; returns the exit code."""
    root = output / "run"
    if not (root / "job.json").is_file():
        write_cohort(root, CASES, seed, labeled=1, validation=VALIDATION)
        write_atomic(root / "job.json", job_to_json(preset("preview", CLASSES, seed=seed)).encode())
    run = RunFolder(root)
    view = event_view()
    run.events.echo = view
    try:
        with stop_on_signal(run):
            results = run_all(run)
    finally:
        view.close()
    sys.stdout.write(
        f"\n{result_table(results)}\n\nreport: {(root / 'report.html').resolve()}\n"
        f"model:  {(root / 'model.cfrmodel').resolve()}\n"
    )
    return 0
