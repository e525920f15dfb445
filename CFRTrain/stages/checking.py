"""Stage 1: every case is examined, and the plan is made, before anything is computed."""

from __future__ import annotations

from dataclasses import asdict

from CFRTrain.data.checking import CheckReport, check_cases
from CFRTrain.data.plan import Plan
from CFRTrain.data.planning import plan_cohort, plan_from_json, plan_to_json
from CFRTrain.runs.run_folder import file_sha256, write_atomic
from CFRTrain.stages.context import Context


def examine(context: Context) -> CheckReport:
    """Checks every case, writes check.json and, where there is none, plan.json. Raises StopRequested."""
    run = context.run

    def on_progress(done: int, total: int, case: str) -> None:
        run.raise_if_stopped()
        run.events.progress("check", done, total)

    report = check_cases(context.cases, context.job.classes, on_progress)
    for found in report.warnings:
        run.events.warning(found.code, f"[{found.case or 'cohort'}] {found.text} {found.remedy}")
    if report.ok and not (run.root / "plan.json").is_file():
        write_atomic(run.root / "plan.json", plan_to_json(plan_cohort(report, context.job)).encode())
    run.write_json(
        "check.json",
        {
            "ok": report.ok,
            "cases_sha256": file_sha256(run.root / "cases.json"),
            "problems": [asdict(found) for found in report.problems],
        },
    )
    return report


def check_stage(context: Context) -> None:
    """Examines the cases unless an earlier start has, and loads the plan. Raises DataError for a problem."""
    if not _checked_before(context):
        examine(context).raise_first()
    context.plan = read_plan(context)


def read_plan(context: Context) -> Plan:
    """The run's plan, as made or as changed by a person. Raises JobError where it is not usable."""
    return plan_from_json((context.run.root / "plan.json").read_text(encoding="utf-8"))


def _checked_before(context: Context) -> bool:
    """Whether these very cases were found good; a damaged check.json means no."""
    run = context.run
    if not (run.root / "check.json").is_file() or not (run.root / "plan.json").is_file():
        return False
    found = run.read_json("check.json")
    current = file_sha256(run.root / "cases.json")
    return isinstance(found, dict) and found.get("ok") is True and found.get("cases_sha256") == current
