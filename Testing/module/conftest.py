"""Fixtures of the tests of CFRSegment: Slicer's real scene. The tests of `scene` need slicer-core."""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace

import pytest

HAS_SLICER = find_spec("slicer") is not None
collect_ignore_glob = [] if HAS_SLICER else ["test_scene_*.py"]


def pytest_report_header() -> str:
    """Says why the tests of the scene are missing, where they are."""
    return "scene: tested" if HAS_SLICER else "scene: not tested, slicer-core is not installed"


@pytest.fixture(scope="session")
def slicer_core():
    """One scene with Slicer's logics and subject hierarchy for the whole session, as in the application."""
    import slicer

    from Testing.bed.core import SlicerCore
    from Testing.bed.subject_hierarchy import SubjectHierarchyKeeper

    core = SlicerCore()
    keeper = SubjectHierarchyKeeper(core.scene)
    before = getattr(slicer, "app", None)
    slicer.app = SimpleNamespace(applicationLogic=lambda: core.application_logic)
    yield core
    keeper.stop()
    slicer.app = before


@pytest.fixture
def scene(slicer_core):
    """The scene, empty but for what every scene has."""
    import slicer

    slicer_core.scene.Clear(0)
    slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(slicer_core.scene)
    yield slicer_core.scene
    slicer_core.scene.Clear(0)
