"""Fixtures for trainings in the window: small volumes, a short preset, a trained cohort, scripts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MARGIN = 5  # voxels around the label
SHORT = {
    "atlas.resolution_mm": 3.0,  # registered in a blink; how good the labels are is tested elsewhere
    "retrain.steps": 24,
    "retrain.log_every": 2,
    "retrain.checkpoint_every": 6,
    "retrain.width": 4,
}
LONG_STEPS = 120
Pairs = list[tuple[Path, Path]]


@pytest.fixture(scope="session")
def small_volumes(hippocampus: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Real hippocampus volumes and labels, cut out around the label: trained on in seconds."""
    folder = tmp_path_factory.mktemp("small")
    return [_cut(image, label, folder) for image, label in hippocampus[:6]]


def _cut(image: Path, label: Path, folder: Path) -> tuple[Path, Path]:
    import numpy as np
    import SimpleITK as sitk

    read = sitk.ReadImage(str(image)), sitk.ReadImage(str(label))
    inside = np.argwhere(sitk.GetArrayFromImage(read[1]))[:, ::-1]
    low = np.maximum(inside.min(axis=0) - MARGIN, 0)
    high = np.minimum(inside.max(axis=0) + MARGIN + 1, read[0].GetSize())
    targets = folder / "images" / image.name, folder / "labels" / image.name
    for volume, target in zip(read, targets, strict=True):
        target.parent.mkdir(exist_ok=True)
        size = [int(part) for part in high - low]
        sitk.WriteImage(sitk.RegionOfInterest(volume, size, [int(part) for part in low]), str(target))
    return targets


@pytest.fixture
def short_preview(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The preset Preview with few steps of a tiny network, on one thread."""
    from CFRTrain.runs import presets

    for name, value in SHORT.items():
        monkeypatch.setitem(presets.PREVIEW, name, value)
    return SHORT


@pytest.fixture
def long_preview(monkeypatch: pytest.MonkeyPatch, short_preview: dict[str, Any]) -> None:
    """As `short_preview`, but it lasts far longer than what a test does before it stops it."""
    from CFRTrain.runs import presets

    monkeypatch.setitem(presets.PREVIEW, "retrain.steps", LONG_STEPS)


@pytest.fixture
def small_cohort(small_volumes: Pairs, tmp_path: Path) -> Callable[..., Path]:
    """Make a cohort of small volumes: `small_cohort(cases=3, labeled=1)`."""
    from Testing.gui.cohorts import make_cohort

    def make(cases: int = 3, labeled: int = 1, name: str = "Hippocampus é 海馬") -> Path:
        return make_cohort(tmp_path / name, name, small_volumes[:cases], labeled)

    return make


@pytest.fixture(scope="session")
def trained_template(small_volumes: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of 6 small volumes, one labeled, trained on; what came out of it is taken over."""
    sys.path.insert(0, str(REPOSITORY / "CFRSegment"))
    from CFRSegmentLib.cohort import Cohort
    from CFRSegmentLib.engine import ModelStore, TrainSettings, buildRun
    from Testing.gui.cohorts import make_cohort

    folder = make_cohort(tmp_path_factory.mktemp("trained") / "cohort", "Hippocampus", small_volumes, 1)
    with Cohort.open(folder) as cohort:
        changes = tuple({**SHORT, "retrain.steps": 60}.items())
        run = buildRun(cohort, TrainSettings("preview", device="cpu", threads=1, changes=changes))
        command = [sys.executable, str(REPOSITORY / "CFRTrain" / "__main__.py"), "supervise", str(run)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        cohort.adoptRun(run)
        ModelStore(cohort.modelsFolder).addFromRun(run)
    (run / "taken_over").touch()
    return folder


@pytest.fixture
def trained_cohort(trained_template: Path, tmp_path: Path) -> Path:
    """A copy of the trained cohort: case_0001 is labeled, the five others wait for review; one model."""
    return Path(shutil.copytree(trained_template, tmp_path / "trained cohort"))


@pytest.fixture
def scripted(engine_python: Path, tmp_path: Path) -> Callable[..., None]:
    """Let verbs of the engine do as a script says: `scripted(devices=[{"print": {...}}])`."""
    script = tmp_path / "script.json"
    script.write_text("{}")
    command = [sys.executable, str(Path(__file__).with_name("scripted_engine.py")), str(script)]
    engine_python.write_text("#!/bin/sh\nexec " + " ".join(f'"{part}"' for part in command) + ' "$@"\n')

    def set_script(**verbs: list[dict[str, Any]]) -> None:
        script.write_text(json.dumps({**json.loads(script.read_text("utf-8")), **verbs}), "utf-8")

    return set_script


def device(name: str, free: int | None, total: int | None = None, **fields: Any) -> dict[str, Any]:
    """A message of the verb `devices`, as a step of a script."""
    known = {"type": "device", "id": "cpu", "name": name, "free_bytes": free, "total_bytes": total or free}
    return {"print": {**known, "usable": True, "problem": "", "remedy": "", **fields}}
