"""Fixtures for the module in the window of the test bed: real clicks, real volumes, screenshots.

pytest Testing/gui --screenshots FOLDER    keep the screenshots there
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from Testing.gui.reviewing import review  # noqa: F401
from Testing.gui.training import (  # noqa: F401
    long_preview,
    scripted,
    short_preview,
    small_cohort,
    small_volumes,
    trained_cohort,
    trained_template,
)
from Testing.gui.window import Window
from Testing.python_slicer import path_with_python_slicer

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "CFRSegment" / "CFRSegment.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, help="folder for screenshots (default: none are kept)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The story, which takes minutes, comes first, so that where tests run side by side none waits for it."""
    items.sort(key=lambda item: item.path.name != "test_story.py")


@pytest.fixture
def engine_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PythonSlicer on the path, which is this Python, as the installed Slicer has one."""
    monkeypatch.setenv("PATH", path_with_python_slicer(tmp_path / "bin"))
    return tmp_path / "bin" / "PythonSlicer"


@pytest.fixture
def nothing_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All packages of the engine are installed, so that no line about them is at the top."""
    monkeypatch.setattr("Testing.bed.packaging_recorder.pip_check", lambda *_arguments, **_options: True)


@pytest.fixture
def window(bed: Any, user: Any, dialogs: Any, nothing_missing: None, engine_python: Path) -> Window:
    """The module, opened in the window."""
    return Window(bed, bed.loadModule(MODULE), user, dialogs)


@pytest.fixture
def shot(request: pytest.FixtureRequest, tmp_path: Path, user: Any) -> Callable[[str], Path]:
    """Take a screenshot of the whole screen: `shot("after_saving")`."""
    folder = request.config.getoption("--screenshots") or tmp_path / "screenshots"

    def take(name: str) -> Path:
        from Testing.bed.screenshots import screenshot

        user.move_away()
        return screenshot(folder / f"{name}.png")

    return take


@pytest.fixture
def new_cohort(tmp_path: Path, hippocampus: list[tuple[Path, Path]]) -> Callable[..., Path]:
    """Make a cohort of real hippocampus volumes, without the window: `new_cohort(cases=6, labeled=1)`."""

    def make(cases: int = 4, labeled: int = 0, name: str = "Hippocampus", folder: Path | None = None) -> Path:
        from Testing.gui.cohorts import make_cohort

        return make_cohort(folder or tmp_path / name, name, hippocampus[:cases], labeled)

    return make
