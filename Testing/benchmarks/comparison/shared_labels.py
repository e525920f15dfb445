"""Pseudo-labels that several runs have in common are made once, in a run folder of their own, and linked.

A run with the same labeler, labeled cases and seed would make the same files bit for bit. Everything linked
is a file that the engine replaces by renaming and never writes into, so a link is as safe as a copy.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.runs.strict_json import to_plain

CLOCK = "clock.json"  # seconds of registration so far, which another folder may have spent
LABELED = "labeled.json"  # written last into a folder of labels: without it they are not complete
# What the labeler does not see. All else counts, also fields that are not invented yet.
LABELER_IGNORES = (
    "threads method retrain.steps retrain.rounds retrain.pairs retrain.warm_start retrain.pseudo_*"
    " retrain.confidence_gamma retrain.consistency retrain.ramp_length retrain.batch_labeled"
    " retrain.batch_unlabeled retrain.labeler_share retrain.ignored_share retrain.teacher_agreement mn.*"
).split()
# Of the job's sections none but these decide how volumes are prepared, and registrations verify themselves.
PREPARED_BY = ("classes*", "modality", "device", "plan.*", "retrain.levels", "finetune.canvas")
REGISTRATIONS = ("registrations/*.safetensors",)
PREPARED = ("store/*/*.npy", "store/*/case.json")  # the record comes last: it says that a case is complete
LABELS = (
    "pseudo_labels/*/*.safetensors",
    "checkpoints/label_network*/*/tensors.safetensors",
    "checkpoints/label_network*/*/state.json",
    "checkpoints/finetune*/*/tensors.safetensors",
    "checkpoints/finetune*/*/state.json",
    "sam.json",
    "review/*.nii.gz",
    "review.json",
    "usable_cases.json",
)


def labels_key(job: Job) -> str:
    """What decides a run's pseudo-labels, besides its cases: equal keys, equal labels."""
    items = job.retrain.batch_labeled + job.retrain.batch_unlabeled
    kept = {name: value for name, value in _flat(job).items() if not _matches(name, LABELER_IGNORES)}
    return _digest({**kept, "items": items})


def prepared_key(job: Job) -> str:
    """What decides how volumes are prepared, besides the cases."""
    return _digest({name: value for name, value in _flat(job).items() if _matches(name, PREPARED_BY)})


def link_parts(source: Path, target: Path, patterns: tuple[str, ...]) -> int:
    """Links files of one run folder into another where it has none; returns how many.

    Copies where the file system cannot link.
    """
    linked = 0
    for pattern in patterns:
        for path in sorted(source.glob(pattern)):
            other = target / path.relative_to(source)
            if other.exists() or path.name.startswith("."):
                continue
            other.parent.mkdir(parents=True, exist_ok=True)
            _link(path, other)
            linked += 1
    return linked


def share(source: Path, target: Path) -> int:
    """Gives `target` what it has in common with `source`; returns how many registrations that were.

    Both are run folders with job.json and cases.json; nothing is shared where the cases differ.
    """
    ours, theirs = RunFolder(source).job(), RunFolder(target).job()
    if (source / "cases.json").read_bytes() != (target / "cases.json").read_bytes():
        return 0
    if prepared_key(ours) != prepared_key(theirs) or ours.atlas != theirs.atlas:
        return 0
    link_parts(source, target, PREPARED)
    registrations = link_parts(source, target, REGISTRATIONS)
    if labels_key(ours) == labels_key(theirs):
        link_parts(source, target, LABELS)
    return registrations


def labeled_facts(folder: Path) -> dict[str, Any] | None:
    """What labeling took and how good the labels are, or None where they are not complete."""
    if not (folder / LABELED).is_file():
        return None
    return RunFolder(folder).read_json(LABELED)


def _link(path: Path, other: Path) -> None:
    """A link, or a copy that appears under its name only when it is complete."""
    try:
        os.link(path, other)
    except OSError:
        aside = other.with_name(f".{other.name}.copy")
        shutil.copyfile(path, aside)
        os.replace(aside, other)


def _flat(job: Job) -> dict[str, Any]:
    """Every value of a job by its dotted path."""
    found: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                walk(f"{prefix}.{name}" if prefix else name, item)
        else:
            found[prefix] = value

    walk("", to_plain(job))
    return found


def _matches(name: str, patterns: tuple[str, ...] | list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
