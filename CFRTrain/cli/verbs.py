"""One function per verb of the command line: parsed options in, exit code out."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from CFRTrain.cli.console import event_view
from CFRTrain.cli.create import CohortSource, create_run, list_volumes, parse_classes
from CFRTrain.cli.signals import stop_on_signal
from CFRTrain.cli.tables import evaluation_table, result_table
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import changed, preset
from CFRTrain.runs.run_folder import RunFolder


def create(options: Namespace) -> int:
    """Makes a run folder; nothing is computed."""
    import torch

    job = preset(
        options.preset,
        parse_classes(options.classes),
        on_cpu=not torch.cuda.is_available(),
        seed=options.seed,
        modality=options.modality,
    )
    job = changed(job, dict(_parse_change(text) for text in options.changes))
    source = CohortSource(
        options.images,
        options.labels,
        options.labeled,
        options.first_labeled,
        options.unlabeled,
        options.validation,
        options.copy,
    )
    run = create_run(options.run, source, job)
    cases = run.cases()
    roles = {
        role: sum(case.role == role for case in cases) for role in ("labeled", "unlabeled", "validation")
    }
    _say(f"{run.root}: {len(cases)} cases, " + ", ".join(f"{count} {role}" for role, count in roles.items()))
    return 0


def _parse_change(text: str) -> tuple[str, object]:
    """`retrain.steps=400` as ("retrain.steps", 400); a value that is no JSON counts as text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise JobError(
            "bad_change", f"'{text}' is not NAME=VALUE.", "Write for example --set retrain.steps=400."
        )
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _open_run(root: Path) -> RunFolder:
    """The existing run in `root`. Raises JobError where there is none."""
    if not (root / "job.json").is_file():
        raise JobError(
            "no_run", "The folder holds no job.json.", "Make a run first: python -m CFRTrain create --help"
        )
    return RunFolder(root)


def check(options: Namespace) -> int:
    """Examines every case and makes the plan; prints each problem; exit code 3 where one stops a run."""
    from CFRTrain.pipeline import Pipeline

    run = _open_run(options.run)
    with run.lock(), _shown(run):
        report = Pipeline(run).examine()
    for problem in report.problems:
        _say(f"{problem.severity} in {problem.case or 'the cohort'}: {problem.text} {problem.remedy}")
    _say(f"{len(report.errors)} errors, {len(report.warnings)} warnings in {len(run.cases())} cases")
    return 3 if report.errors else 0


def run(options: Namespace) -> int:
    """Runs all stages that are not finished, then shows the result table where a person looks."""
    from CFRTrain.pipeline import run_all

    folder = _open_run(options.run)
    with _shown(folder), stop_on_signal(folder):
        results = run_all(folder)
    if sys.stdout.isatty():
        _say(result_table(results))
        _say(f"report: {folder.root / 'report.html'}")
    return 0


def stop(options: Namespace) -> int:
    """Leaves a stop request; the engine ends at its next step with a checkpoint."""
    _open_run(options.run).request_stop()
    _say("Stop requested. The same `run` command goes on from where it stops.")
    return 0


def status(options: Namespace) -> int:
    """Prints the last stage, progress and finish events as one JSON object."""
    from CFRTrain.cli.tables import run_status

    _say(json.dumps(run_status(_open_run(options.run)), indent=1))
    return 0


def report(options: Namespace) -> int:
    """Writes report.html again from the run folder."""
    from CFRTrain.models.report import write_report

    _say(str(write_report(_open_run(options.run))))
    return 0


def predict(options: Namespace) -> int:
    """Segments each input; goes on after a failure and ends with exit code 3 where one failed."""
    from CFRTrain.cli.predicting import predict_files

    return predict_files(options)


def evaluate(options: Namespace) -> int:
    """Compares every prediction with the reference of the same name and prints a table."""
    from CFRTrain.models.evaluation import evaluate_files

    classes = parse_classes(options.classes)
    references = list_volumes(options.references)
    predictions = list_volumes(options.predictions)
    rows = evaluate_files({name: (predictions.get(name), path) for name, path in references.items()}, classes)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    _say(evaluation_table(rows, classes))
    return 0


def demo(options: Namespace) -> int:
    """Generates phantoms, trains on them, prints the result table and where the report is."""
    from CFRTrain.cli.demo import run_demo

    return run_demo(options.output, options.seed)


class _shown:
    """Shows a run's events while the block runs, and closes the bars afterwards."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._view = event_view()
        self._run.events.echo = self._view

    def __exit__(self, *_: object) -> None:
        self._view.close()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
