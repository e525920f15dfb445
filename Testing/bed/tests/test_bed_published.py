"""Published scripted modules load unmodified; skipped where no path to one is given (--published-modules)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each path, or one that is skipped."""
    paths = metafunc.config.getoption("--published-modules")
    missing = pytest.mark.skip(reason="no published module was given (--published-modules PATH)")
    cases = paths or [pytest.param(None, marks=missing)]
    metafunc.parametrize("path", cases, ids=lambda path: Path(path).stem if path else "none")


def test_a_published_module_loads_and_is_entered(bed, path, monkeypatch):
    """Its panel is set up and entered; errors that Slicer would only print fail the test."""
    monkeypatch.setattr(sys, "path", [str(path.resolve().parent), *sys.path])
    widget = bed.loadModule(path)
    bed.processEvents(500)
    assert widget is None or widget.parent.isEntered
    bed.resetScene()
    bed.selectModule("Volumes")
