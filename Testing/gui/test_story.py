"""The whole story in one test, with real clicks and keys, in three processes one after the other.

pytest Testing/gui/test_story.py --screenshots FOLDER    keep a picture of each step
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing.gui.sitting import sit
from Testing.gui.story.files import COHORT, prepare

MODULE = Path(__file__).resolve().parents[2] / "CFRSegment"
SITTINGS = ("label_and_train", "review_train_and_apply", "load_saved_scene")
SITTING_SECONDS = 900.0  # far more than it takes; for machines that do other things, too


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the user's files are; no training outlives the test."""
    yield tmp_path / "user"
    monkeypatch.syspath_prepend(MODULE)  # an application that ended takes its module's folder off the path
    from CFRSegmentLib.engine import DetachedEngine

    for run in (tmp_path / "user" / COHORT / "runs").glob("run_*"):
        DetachedEngine().killTree(run)


def test_20_27_32_35_37_41_the_whole_story(request, display, hippocampus, folder):
    prepare(folder, hippocampus)
    for name in SITTINGS:
        pictures = request.config.getoption("--screenshots")
        sit(f"Testing.gui.story:{name}", folder, SITTING_SECONDS, pictures and pictures.resolve())
