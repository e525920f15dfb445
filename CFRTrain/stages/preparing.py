"""Stage 2: every case is resampled and normalized once, and kept on disk."""

from __future__ import annotations

import time

from CFRTrain import __version__
from CFRTrain.data.cases import Case
from CFRTrain.data.preprocessing import planned_geometry, preprocess, preprocess_label
from CFRTrain.data.volumes import read_label, read_volume
from CFRTrain.runs.errors import JobError
from CFRTrain.stages.context import Context
from CFRTrain.stages.disk_space import require_disk_space
from CFRTrain.stages.estimate import announce_estimate


def prepare_stage(context: Context) -> None:
    """Fills the store; cases there are left. Raises DataError, DiskFullError, StopRequested, JobError."""
    run = context.run
    freeze_settings(context)
    announce_estimate(context)
    require_disk_space(context)
    missing = [case for case in context.cases if not context.store.has(case.id)]
    start = time.monotonic()
    for done, case in enumerate(missing, start=1):
        run.raise_if_stopped()
        _prepare_case(context, case)
        left = (time.monotonic() - start) / done * (len(missing) - done)
        run.events.progress("prepare", done, len(missing), round(left, 1))


def _prepare_case(context: Context, case: Case) -> None:
    """Reads one case and stores it at plan spacing. Labels of validation cases stay in their files."""
    plan, values = context.planned(), [item.value for item in context.job.classes]
    image = read_volume(case.image, case.id, case.sha256)
    label = None
    if case.role == "labeled":
        found = read_label(case.label, case.id, image.geometry, values)
        label = preprocess_label(found, plan, image.geometry, values)
    target = planned_geometry(image.geometry, plan)
    context.store.put(case.id, preprocess(image, plan), label, image.geometry, target)


def freeze_settings(context: Context) -> None:
    """From here on job, plan and cases are fixed: results of two settings must not mix in one run.

    Raises JobError where one of them is not what the run began with. A run that an earlier version of the
    program began goes on where the files say the same; fields that are new since have their defaults.
    """
    run = context.run
    now = {name: run.meaning(f"{name}.json") for name in ("job", "plan", "cases")}
    if not (run.root / "settings.json").is_file():
        run.write_json("settings.json", {**now, "version": __version__})
    before = run.read_json("settings.json")
    changed = [name for name, value in now.items() if before.get(name) != value]
    if changed:
        raise JobError(
            "settings_changed",
            f"{changed[0]}.json was changed after this run had begun.",
            "Put it back to go on, or make a new run for the new settings.",
        )
