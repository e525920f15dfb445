"""Imports point one way: verbs, stages, (labelers, retraining, models), training, data, runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from Testing.lint.sources import Source, python_sources

# What each room of CFRTrain may import besides itself; a dot narrows it to one module.
ALLOWED: dict[str, tuple[str, ...]] = {
    "__init__": (),
    "runs": (),
    "data": ("runs",),
    "training": ("data", "runs"),
    "retraining": ("training", "data", "runs"),
    "models": ("retraining.networks", "retraining.encoder_decoder", "training", "data", "runs"),
    "labelers": ("retraining", "models.inference", "training", "data", "runs"),
    "selection": ("labelers", "training", "data", "runs"),
    "stages": ("selection", "labelers", "retraining", "models", "training", "data", "runs"),
    "pipeline": ("stages", "selection", "labelers", "retraining", "models", "training", "data", "runs"),
    "cli": (
        "pipeline",
        "stages",
        "selection",
        "labelers",
        "retraining",
        "models",
        "training",
        "data",
        "runs",
    ),
    "__main__": ("cli", "runs"),
}
# Of CFRTrain only what needs nothing but the standard library.
STANDARD_LIBRARY_ONLY = (
    "errors job job_calibration job_finetune job_fusion job_looks job_mn job_promotion job_sections presets"
    " events run_folder cases_file strict_json atomic lock machine official_weights private_paths"
)
METHODS = "CFRTrain.retraining.methods"
EVERY_METHOD_MAY_IMPORT = {f"{METHODS}.base"}


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, anywhere in it; relative imports made absolute."""
    package = (
        source.module.split(".") if source.name.endswith("__init__.py") else source.module.split(".")[:-1]
    )
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def is_within(name: str, allowed: str) -> bool:
    """Whether the dotted `name` is `allowed` or lies in it."""
    return name == allowed or name.startswith(f"{allowed}.")


def direction_problems(source: Source) -> list[str]:
    """Imports of a CFRTrain file that its room is not allowed."""
    room = (source.module.split(".") + ["__init__"])[1]
    if room not in ALLOWED:
        return [f"{source.name}: the room {room} is not in the table of this test"]
    problems = []
    for line, name in imports(source):
        if not is_within(name, "CFRTrain") or name in ("CFRTrain", "CFRTrain.__version__"):
            continue
        if not any(is_within(name, f"CFRTrain.{other}") for other in (room, *ALLOWED[room])):
            problems.append(f"{source.name}:{line}: {room} must not import {name}")
    return problems


def method_problems(source: Source) -> list[str]:
    """Imports by which a method would know another method, the loop or the retrainer."""
    forbidden = (METHODS, "CFRTrain.training.loop", "CFRTrain.retraining.retrainer")
    allowed = {source.module, *EVERY_METHOD_MAY_IMPORT}
    return [
        f"{source.name}:{line}: a method must not import {name}"
        for line, name in imports(source)
        if any(is_within(name, item) for item in forbidden)
        and not any(is_within(name, item) for item in allowed)
    ]


@pytest.mark.parametrize("source", python_sources("CFRTrain"), ids=lambda source: source.name)
def test_rooms_import_in_one_direction(source):
    assert direction_problems(source) == []


def test_methods_know_neither_each_other_nor_the_loop():
    files = [item for item in python_sources("CFRTrain/retraining/methods") if not item.module == METHODS]
    assert len(files) >= 3
    assert [problem for source in files for problem in method_problems(source)] == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CFRTrain/data/a.py", "from CFRTrain.training.loop import train"),
        ("CFRTrain/runs/a.py", "def f():\n    import CFRTrain.data.volumes"),
        ("CFRTrain/retraining/a.py", "from CFRTrain.labelers import atlas"),
        ("CFRTrain/retraining/a.py", "from CFRTrain import labelers"),
        ("CFRTrain/retraining/a.py", "from ..labelers.atlas import AtlasLabeler"),
        ("CFRTrain/retraining/a.py", "from .. import models"),
        ("CFRTrain/models/a.py", "from CFRTrain.retraining.retrainer import Retrainer"),
        ("CFRTrain/labelers/a.py", "import CFRTrain.models.report"),
        ("CFRTrain/labelers/a.py", "from CFRTrain.stages.context import Context"),
        ("CFRTrain/newroom/a.py", ""),
    ],
)
def test_the_direction_check_can_fail(name, code):
    assert direction_problems(Source(name, code))


def test_the_direction_check_lets_good_imports_pass():
    code = "from CFRTrain import __version__\nfrom CFRTrain.runs.job import Job\nfrom . import atlas\n"
    assert direction_problems(Source("CFRTrain/labelers/a.py", code)) == []


@pytest.mark.parametrize(
    "code",
    [
        f"from {METHODS}.mean_teacher import MeanTeacher",
        "from . import mean_teacher",
        f"import {METHODS}",
        "from CFRTrain.training.loop import train",
        "from CFRTrain.retraining import retrainer",
    ],
)
def test_the_method_check_can_fail(code):
    assert method_problems(Source("CFRTrain/retraining/methods/a.py", code))
