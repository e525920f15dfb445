"""`suggest`: which case to label next, and why."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from CFRTrain.cli.create import list_volumes
from CFRTrain.cli.messages import Messages
from CFRTrain.cli.stopping import stop_sign
from CFRTrain.cli.tables import aligned
from CFRTrain.data.cases import Case, cases_from
from CFRTrain.runs.atomic import write_atomic
from CFRTrain.runs.cases_file import read_cases
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.run_folder import RunFolder

HEADINGS = {
    "cold_start": "No case is labeled yet: those that stand for most others come first.",
    "images": "By the images alone; after a finished run its own doubts count, too.",
    "predictions": "By what the run's labeler and network are unsure of, and how many cases it would help.",
}


def suggest(options: Namespace) -> int:
    """Says one `suggestion` message per case, the one to label first first.

    A run folder gets its suggestions.json; a folder that holds cases.json alone, too. Raises what
    `suggest_for_run` raises, and JobError where there are no cases.
    """
    messages = Messages()
    with messages.ending(), stop_sign(options.stop_file) as sign:

        def progress(stage: str, done: int, of: int) -> None:
            sign.raise_if_set()
            messages.progress(stage, done, of)

        content = _suggested(options, progress)
        if options.output:
            write_atomic(options.output, (json.dumps(content, indent=1) + "\n").encode())
        head = {name: value for name, value in content.items() if name not in ("format", "suggestions")}
        messages.send("suggestions", suggestion_table(content), **head)
        for entry in content["suggestions"]:
            messages.send("suggestion", **entry)
    return 0


def _suggested(options: Namespace, progress: Any) -> dict[str, Any]:
    from CFRTrain.stages.context import Context
    from CFRTrain.stages.suggesting import (
        SUGGESTIONS,
        Wish,
        suggest_for_cohort,
        suggest_for_run,
        suggest_with_run,
    )
    from CFRTrain.training.precision import limit_threads

    if options.count < 1 or options.slices < 0:
        raise JobError(
            "bad_option", "Nothing can be suggested.", "Give --count 1 or more, --slices 0 or more."
        )
    wish = Wish(options.count, options.slices, options.embedding)
    limit_threads(options.threads)
    root: Path = options.path
    if (root / "job.json").is_file():
        run = RunFolder(root)
        with run.lock():
            return suggest_for_run(Context.open(run), wish, progress)
    if (root / "cases.json").is_file():
        cases = cases_from(read_cases(root / "cases.json"))
        if options.run:
            content = suggest_with_run(cases, RunFolder(options.run), wish, progress)
        else:
            content = suggest_for_cohort(cases, wish, progress)
        RunFolder(root).write_json(SUGGESTIONS, content)
        return content
    return suggest_for_cohort(_listed(root, options.labels), wish, progress)


def _listed(images: Path, labels: Path | None) -> tuple[Case, ...]:
    """The volumes of a folder as cases by file name, labeled where `labels` has one of the same name."""
    known = list_volumes(labels) if labels else {}
    return tuple(
        Case(stem, path, known.get(stem), "labeled" if stem in known else "unlabeled")
        for stem, path in list_volumes(images).items()
    )


def suggestion_table(content: Mapping[str, Any]) -> str:
    """The suggestions as a table for a person, and the slices to look at first below it."""
    rows = [["", "case", "score", "why"]]
    slices = []
    for entry in content["suggestions"]:
        score = f"{entry['score']:.2f}" if "score" in entry else "-"
        why = "; ".join(reason["text"] for reason in entry["reasons"])
        rows.append([str(entry["rank"]), entry["case"], score, why])
        if entry["slices"]:
            shown = ", ".join(f"{'zyx'[item['axis']]} = {item['index']}" for item in entry["slices"])
            slices.append(f"{entry['case']}: correct first the slices {shown}")
    heading = f"{HEADINGS[content['basis']]} {content['labeled']} labeled, {content['unlabeled']} not."
    return "\n".join([heading, aligned(rows), *slices])
