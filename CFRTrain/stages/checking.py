"""Stage 1: every case is examined, and the plan is made, before anything is computed."""

from __future__ import annotations

import hashlib
import math
import statistics
from dataclasses import asdict
from typing import Any

from CFRTrain.data.checking import CheckReport, check_cases
from CFRTrain.data.plan import Plan
from CFRTrain.data.planning import plan_cohort, plan_from_json, plan_to_json
from CFRTrain.labelers.planar_models import check_planar, uses_planar
from CFRTrain.labelers.sam_choice import choose_sam, chosen_input, strategy_of
from CFRTrain.retraining.assembly import check_settings
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.run_folder import file_sha256, write_atomic
from CFRTrain.stages.context import Context
from CFRTrain.stages.labeling import chosen_labeler, uses


def examine(context: Context) -> CheckReport:
    """Checks every case, writes check.json and, unless a person has changed it, plan.json.

    Raises StopRequested, and JobError where a changed plan belongs to another job or other cases.
    """
    run = context.run

    def on_progress(done: int, total: int, case: str) -> None:
        run.raise_if_stopped()
        run.events.progress("check", done, total)

    report = check_cases(context.cases, context.job.classes, on_progress)
    for found in report.warnings:
        run.events.warning(found.code, f"[{found.case or 'cohort'}] {found.text} {found.remedy}")
    record: dict[str, Any] = {"ok": report.ok, "inputs_sha256": _inputs(context)}
    if report.fingerprints:
        record["median_voxels"] = int(statistics.median(math.prod(f.size_zyx) for f in report.fingerprints))
    if report.ok:
        record["plan_sha256"] = _write_plan(context, report)
    run.write_json("check.json", {**record, "problems": [asdict(found) for found in report.problems]})
    return report


def check_stage(context: Context) -> None:
    """Examines the cases unless an earlier start has, loads the plan, and tries the settings.

    Raises DataError for the first problem of a case, JobError or ModelError for settings that cannot work.
    """
    before = _record(context)
    if before.get("ok") is not True or before.get("inputs_sha256") != _inputs(context):
        examine(context).raise_first()
    context.plan = read_plan(context)
    check_settings(context.job, context.plan)
    check_planar(context.job, context.run.root)
    if context.job.method == "self_training" and chosen_labeler(context) == "none":
        raise JobError(
            "nothing_to_train_on",
            "Self-training needs pseudo-labels, but the job's labeler is none.",
            "Choose a labeler, or the method supervised or mean_teacher.",
        )
    if uses(context, "sam") or uses_planar(context.job, "sam"):
        choice = choose_sam(context.job, context.run.root)
        strategy_of(choice, context.job)
        chosen_input(choice, context.job, context.plan)
    elif context.job.finetune.weights:
        raise JobError(
            "weights_unused",
            "The job names SAM weights, but its labeler does not use SAM.",
            "Set labeler to sam, or to fusion with sam among its members, or mn.model of method mn to sam.",
        )


def read_plan(context: Context) -> Plan:
    """The run's plan, as made or as changed by a person. Raises JobError where it is not usable."""
    return plan_from_json(context.run.text("plan.json"))


def _write_plan(context: Context, report: CheckReport) -> str:
    """Makes the plan, unless the run has begun with it or a person has changed it; the hash of that made."""
    before = _record(context)
    if before and (context.run.root / "settings.json").is_file():
        return str(before.get("plan_sha256"))
    path, made = context.run.root / "plan.json", plan_to_json(plan_cohort(report, context.job)).encode()
    if path.is_file() and file_sha256(path) != before.get("plan_sha256"):
        if before.get("inputs_sha256") not in (None, _inputs(context)):
            raise JobError(
                "plan_outdated",
                "plan.json was changed by hand, and then the job or the cases were changed.",
                "Delete plan.json to have it made anew, or undo the other change.",
            )
        return str(before.get("plan_sha256"))
    write_atomic(path, made)
    return hashlib.sha256(made).hexdigest()


def _inputs(context: Context) -> str:
    """What the plan follows from: the job and the case list."""
    text = context.run.meaning("job.json") + context.run.meaning("cases.json")
    return hashlib.sha256(text.encode()).hexdigest()


def _record(context: Context) -> dict[str, Any]:
    """What the last check wrote; empty where there was none, or where its plan is gone."""
    run = context.run
    if not (run.root / "check.json").is_file() or not (run.root / "plan.json").is_file():
        return {}
    found = run.read_json("check.json")
    return found if isinstance(found, dict) else {}
