"""The job: everything a run is told, as frozen dataclasses and as job.json. Standard library only.

    {"format": 1, "preset": "standard", "classes": [{"value": 1, "name": "left atrium"}]}

is a whole job: what is not given comes from the preset. A written job names every value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from CFRTrain.runs.cases_file import CaseEntry, read_cases
from CFRTrain.runs.job_calibration import Calibration
from CFRTrain.runs.job_finetune import FineTune
from CFRTrain.runs.job_fusion import Fusion
from CFRTrain.runs.job_looks import Looks
from CFRTrain.runs.job_mn import MN
from CFRTrain.runs.job_promotion import Promotion
from CFRTrain.runs.job_sections import (
    Atlas,
    ClassSpec,
    NetworkLabeler,
    PlanOverrides,
    Predict,
    Retrain,
    require_range,
)
from CFRTrain.runs.presets import ON_CPU, PRESETS
from CFRTrain.runs.strict_json import from_plain, parse_object, require, to_plain, wrong

FORMAT = 1


@dataclass(frozen=True)
class Job:
    """What a run is told.

    labeler: what makes the first pseudo-labels; `none` for methods that need none. fusion_members: the
    labelers that a fusion takes the mean of. method: a name in the
    table of `CFRTrain.retraining.methods`. device: auto, cpu, mps, cuda or cuda:1. threads: of the processor,
    0 = all.
    """

    classes: tuple[ClassSpec, ...]
    format: int = FORMAT
    seed: int = 0
    preset: Literal["preview", "standard", "paper"] = "standard"
    modality: Literal["MR", "CT"] = "MR"
    labeler: Literal["auto", "none", "sam", "atlas", "network", "fusion"] = "auto"
    fusion_members: tuple[Literal["sam", "atlas", "network"], ...] = ("atlas", "sam")
    method: str = "self_training"
    device: str = "auto"
    threads: int = 0
    plan: PlanOverrides = field(default_factory=PlanOverrides)
    finetune: FineTune = field(default_factory=FineTune)
    atlas: Atlas = field(default_factory=Atlas)
    network_labeler: NetworkLabeler = field(default_factory=NetworkLabeler)
    fusion: Fusion = field(default_factory=Fusion)
    looks: Looks = field(default_factory=Looks)
    calibration: Calibration = field(default_factory=Calibration)
    promotion: Promotion = field(default_factory=Promotion)
    retrain: Retrain = field(default_factory=Retrain)
    mn: MN = field(default_factory=MN)
    predict: Predict = field(default_factory=Predict)

    def __post_init__(self) -> None:
        require(self.format == FORMAT, "format", f"must be {FORMAT}; update the program for a newer job")
        require_range(self, 0, 2**62, "seed")
        require_range(self, 0, 1024, "threads")
        different = len(set(self.fusion_members)) == len(self.fusion_members) > 1
        require(different, "fusion_members", "must be 2 or 3 different labelers")
        method = re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.method)
        require(bool(method), "method", "must be a name like mean_teacher")
        device = re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", self.device)
        require(bool(device), "device", "must be auto, cpu, mps, cuda or cuda:0")
        _require_distinct_classes(self.classes)


def _require_distinct_classes(classes: Sequence[ClassSpec]) -> None:
    """One class at least, and no value or name twice: labels could not be told apart."""
    require(bool(classes), "classes", "must not be empty")
    values: set[int] = set()
    names: set[str] = set()
    for index, item in enumerate(classes):
        name = item.name.strip().casefold()
        require(item.value not in values, f"classes.{index}.value", "is another class's value, too")
        require(name not in names, f"classes.{index}.name", "is another class's name, too")
        values.add(item.value)
        names.add(name)


def job_to_json(job: Job) -> str:
    """The job as indented JSON that names every value; equal jobs give equal text."""
    return json.dumps(to_plain(job), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def job_from_json(text: str) -> Job:
    """The job in `text`; what it leaves out comes from its preset. Raises JobError naming the dotted path."""
    given = parse_object(text, "job.json")
    values: dict[str, Any] = {}
    for path, value in _preset_changes(given.get("preset", "standard")).items():
        _set(values, path, value)
    return from_plain(Job, _merged(values, given))


def _preset_changes(name: Any) -> Mapping[str, Any]:
    if not isinstance(name, str) or name not in PRESETS:
        raise wrong("preset", f"must be one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _merged(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` over `base`, section by section."""
    merged = dict(base)
    for name, value in given.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def _set(values: dict[str, Any], path: str, value: Any) -> None:
    *sections, name = path.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise wrong(path, f"is unknown; {section} has no parts")
    values[name] = to_plain(value)


def changed(job: Job, changes: Mapping[str, Any]) -> Job:
    """`job` with values replaced by dotted path: {"retrain.steps": 400}. Raises JobError naming the path."""
    values = to_plain(job)
    for path, value in changes.items():
        _set(values, path, value)
    return from_plain(Job, values)


def preset(name: str, classes: Sequence[ClassSpec], on_cpu: bool = False, **changes: Any) -> Job:
    """The job of a preset (preview, standard, paper), with its smaller network where there is no GPU.

    `changes` are fields of Job or, through ** of a dict, dotted paths. Raises JobError for an unknown preset
    or an impossible value.
    """
    values = {"classes": to_plain(tuple(classes)), "preset": name}
    smaller = ON_CPU.get(name, {}) if on_cpu else {}
    for path, value in {**_preset_changes(name), **smaller, **changes}.items():
        _set(values, path, value)
    return from_plain(Job, values)


__all__ = [
    "MN",
    "Atlas",
    "Calibration",
    "CaseEntry",
    "ClassSpec",
    "FineTune",
    "Fusion",
    "Job",
    "Looks",
    "NetworkLabeler",
    "PlanOverrides",
    "Predict",
    "Promotion",
    "Retrain",
    "changed",
    "job_from_json",
    "job_to_json",
    "preset",
    "read_cases",
]
