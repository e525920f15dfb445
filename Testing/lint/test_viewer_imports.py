"""What the viewer's process imports: rooms in one direction, nothing heavy or to be installed first."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from Testing.lint.sources import REPOSITORY, Source, python_sources
from Testing.lint.test_imports import imports, is_within

LIBRARY = "CFRSegmentLib"
# The engine's modules that need nothing but the standard library, which a test below holds.
ENGINE_PARTS = (
    "errors job job_finetune job_sections presets events run_folder cases_file strict_json atomic lock"
    " official_weights private_paths"
)
VIEWER_MAY_IMPORT = {f"CFRTrain.runs.{name}" for name in ENGINE_PARTS.split()}
# What each room may import besides itself, of this library and of Slicer's Python.
ROOMS: dict[str, tuple[str, ...]] = {
    "__init__": ("engine_path",),
    "engine_path": (),
    "i18n": ("slicer",),
    "cohort": ("i18n",),
    "engine": ("i18n", "engine_path", "cohort"),
    "parameters": ("i18n", "cohort", "engine", "slicer"),
    "scene": ("i18n", "cohort", "slicer", "vtk", "numpy"),
    "setup": ("i18n", "slicer", "qt"),
    "panels": (
        "i18n",
        "cohort",
        "engine",
        "parameters",
        "scene",
        "setup",
        "slicer",
        "vtk",
        "numpy",
        "qt",
        "ctk",
    ),
}
MODULE_FILE = (*ROOMS, "slicer", "vtk", "numpy", "qt", "ctk")
OF_SLICER = {"slicer", "vtk", "numpy", "qt", "ctk"}
# Part of Slicer or of an extension that this one depends on, but slow: inside functions, where it is needed.
INSIDE_FUNCTIONS = {"SimpleITK", "scipy", "packaging", "DICOMLib", "SampleData", "PyTorchUtils"}


def module_of(source: Source) -> str:
    """The dotted name that Slicer knows a file of the module by."""
    return source.module.removeprefix("CFRSegment.")


def room_of(source: Source) -> str | None:
    """The room of a file of the library; None for the module file itself and its tests."""
    parts = module_of(source).split(".")
    if parts[0] != LIBRARY:
        return None
    return parts[1] if len(parts) > 1 else "__init__"


def at_file_scope(source: Source) -> Iterator[tuple[int, str]]:
    """Imports that run when the file is imported: all but those inside functions and `if TYPE_CHECKING`."""

    def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
        for item in body:
            if isinstance(item, ast.Import | ast.ImportFrom):
                yield item
            elif isinstance(item, ast.If) and "TYPE_CHECKING" in ast.unparse(item.test):
                continue
            elif not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                for block in ("body", "orelse", "handlers", "finalbody"):
                    yield from statements(getattr(item, block, []))

    names = ast.unparse(ast.Module(list(statements(source.tree.body)), []))
    return imports(Source(source.name, names))


def room_problems(source: Source) -> list[str]:
    """Imports that the room of a file is not allowed, wherever in the file they stand."""
    room = room_of(source)
    if room is not None and room not in ROOMS:
        return [f"{source.name}: the room {room} is not in the table of this test"]
    allowed = MODULE_FILE if room is None else (room, *ROOMS[room])
    problems = []
    for line, name in imports(source):
        name = name.removeprefix("CFRSegment.")
        first = name.split(".")[0]
        inside = name.split(".")[1] if first == LIBRARY and "." in name else None
        wrong_room = inside is not None and inside in ROOMS and inside not in allowed
        if wrong_room or (first in OF_SLICER and first not in allowed):
            problems.append(f"{source.name}:{line}: {room or 'the module file'} must not import {name}")
    return problems


def weight_problems(source: Source) -> list[str]:
    """Imports of the engine's insides, of what must be installed first, and of what is slow at file scope."""
    problems = []
    known = {*sys.stdlib_module_names, *OF_SLICER, LIBRARY, "CFRTrain", "CFRSegment"}
    early = {name for _line, name in at_file_scope(source)}
    for line, name in imports(source):
        first = name.split(".")[0]
        if first == "CFRTrain" and not any(is_within(name, item) for item in VIEWER_MAY_IMPORT):
            problems.append(f"{source.name}:{line}: the viewer must not import {name}")
        elif first not in known and first not in INSIDE_FUNCTIONS:
            problems.append(f"{source.name}:{line}: {name} is not part of every Slicer")
        elif first in INSIDE_FUNCTIONS and name in early:
            problems.append(f"{source.name}:{line}: {name} is slow; import it where it is used")
    return problems


@pytest.mark.parametrize("source", python_sources("CFRSegment"), ids=lambda source: source.name)
def test_the_viewer_imports_in_one_direction_and_nothing_heavy(source):
    assert room_problems(source) + weight_problems(source) == []


def test_what_the_viewer_takes_from_the_engine_needs_the_standard_library_alone():
    code = (
        f"import sys; before = set(sys.modules); import {', '.join(sorted(VIEWER_MAY_IMPORT))};"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "sys.stdout.write(' '.join(sorted(names - set(sys.stdlib_module_names))))"
    )
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "CFRTrain"


ROOM = "CFRSegment/CFRSegmentLib/{}/a.py"


@pytest.mark.parametrize(
    ("room", "code"),
    [
        ("cohort", "import slicer"),
        ("cohort", "def f():\n    import numpy as np"),
        ("cohort", "from ..engine import preflight"),
        ("cohort", "from CFRSegmentLib.scene.volumes import loadVolume"),
        ("engine", "import qt"),
        ("engine", "import vtk"),
        ("engine", "from ..panels.signals import Signal"),
        ("scene", "import qt"),
        ("scene", "from CFRSegmentLib.panels import train_panel"),
        ("scene", "from CFRSegmentLib import panels"),
        ("scene", "from .. import panels"),
        ("setup", "from ..engine import launch"),
        ("kitchen", ""),
    ],
)
def test_the_room_check_can_fail(room, code):
    assert room_problems(Source(ROOM.format(room), code))


@pytest.mark.parametrize(
    "code",
    [
        "import torch",
        "def f():\n    import torch",
        "import PySide6",
        "def f():\n    from PySide6 import QtCore",
        "import pandas",
        "import SimpleITK as sitk",
        "import scipy.ndimage",
        "class A:\n    import SimpleITK",
        "try:\n    import SimpleITK\nexcept ImportError:\n    pass",
        "def f():\n    from CFRTrain.data.volumes import read_volume",
        "from CFRTrain import pipeline",
        "import CFRTrain",
        "from CFRTrain.runs.checkpoints import CheckpointStore",
        "from CFRTrain.runs import checkpoints",
    ],
)
def test_the_check_of_heavy_imports_can_fail(code):
    assert weight_problems(Source(ROOM.format("panels"), code))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (ROOM.format("cohort"), "from ..i18n import _\nfrom .errors import CohortError\nimport os"),
        (
            ROOM.format("engine"),
            "from CFRTrain.runs.job import Job\nfrom CFRTrain.runs import events, run_folder",
        ),
        (ROOM.format("scene"), "import numpy as np\nimport vtk\ndef f():\n    import SimpleITK as sitk"),
        (ROOM.format("panels"), "import qt, ctk, slicer\nfrom CFRSegmentLib.cohort import Cohort"),
        ("CFRSegment/CFRSegment.py", "import slicer\nfrom CFRSegmentLib.panels.x import Y"),
        ("CFRSegment/Testing/Python/a.py", "from slicer.ScriptedLoadableModule import *"),
    ],
)
def test_good_imports_of_the_viewer_pass(name, code):
    assert room_problems(Source(name, code)) + weight_problems(Source(name, code)) == []
