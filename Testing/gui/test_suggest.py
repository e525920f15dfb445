"""The button Suggest of the section Annotate: which case to label next, and the slices to correct first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.bed.waiting import process_events, wait_until

ENGINE_SECONDS = 240.0  # an engine starts in 3 s, on a machine that does much else in a minute or two
TYPICAL = {"code": "typical", "text": "", "fields": {"cases": 4}}
NEXT = {"code": "next", "text": "", "fields": {}}


def suggestion(case: int, reason: dict[str, Any]) -> dict[str, Any]:
    """A message of the verb `suggest`, as a step of a script."""
    return {"print": {"type": "suggestion", "case": f"case_000{case}", "reasons": [reason], "slices": []}}


@pytest.fixture
def suggest(window, new_cohort):
    """The section Annotate over a cohort of four cases without labels."""
    return opened(window, new_cohort(cases=4))


def opened(window, folder: Path):
    window.session.openCohort(folder)
    window.widget.sections.section("cohort").collapsed = True
    window.session.showSection("annotate")
    process_events(0.3)
    return window


def message(window) -> str:
    return window.text(window.annotate.messages)


def press(window, text: str) -> None:
    """Press the button beside the message."""
    button = next(item for item in window.annotate.messages._actions if item.text == text)
    window.user.click(button)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_suggested_case_is_named_opened_and_next_follows_the_order(suggest, scripted, shot):
    progress = {"print": {"type": "progress", "stage": "embed", "step": 1, "of": 4, "seconds_left": None}}
    scripted(suggest=[progress, {"sleep": 1.5}, suggestion(3, TYPICAL), suggestion(2, NEXT)])
    ui, folder = suggest.annotate.ui, suggest.session.cohort.folder
    before = files(folder)
    assert ui.nextButton.text == "Next: hippocampus_001" and "into an order" in ui.suggestButton.toolTip
    suggest.user.click(ui.suggestButton)
    wait_until(lambda: ui.suggestingBar.value == 1, "progress", ENGINE_SECONDS)
    assert ui.suggestingRow.isVisible() and not ui.suggestButton.enabled
    shot("suggest_running")
    wait_until(lambda: message(suggest), "the suggestion", ENGINE_SECONDS)
    titles = [case.title for case in suggest.session.cohort.cases()]
    reason = "It is the most typical of all 4 cases."
    assert message(suggest) == f"Suggested next: {titles[2]}. {reason}"
    assert ui.nextButton.text == f"Next: {titles[2]}" and not ui.suggestingRow.isVisible()
    assert ui.nextButton.toolTip == f"Open {titles[2]}, which is suggested. {reason}"
    assert files(folder) == before
    shot("suggest_found")
    press(suggest, f"Open {titles[2]}")
    assert suggest.session.case.id == "case_0003" and message(suggest) == ""
    assert ui.nextButton.text == f"Next: {titles[1]}" and not ui.slicesRow.isVisible()
    suggest.paint(1)
    suggest.user.click(ui.saveButton)
    suggest.user.click(ui.nextButton)
    assert suggest.session.case.id == "case_0002"
    suggest.session.cohort.removeCase("case_0004")
    suggest.session.casesChanged.emit(None)
    assert ui.nextButton.text == f"Next: {titles[0]}"


def test_looking_is_canceled_and_what_failed_is_said_with_its_remedy(suggest, scripted, shot):
    scripted(suggest=[{"sleep": 60}])
    ui = suggest.annotate.ui
    suggest.user.click(ui.suggestButton)
    wait_until(lambda: ui.suggestingRow.isVisible(), "the progress bar")
    suggest.user.click(ui.suggestingCancelButton)
    wait_until(lambda: not ui.suggestingRow.isVisible(), "the end", 30)
    assert message(suggest) == "" and ui.suggestButton.enabled
    failure = {"code": "unreadable", "text": "The file ends too early.", "remedy": "Add the volume again."}
    scripted(suggest=[{"print": {"type": "error", "case": "case_0002", **failure}}, {"exit": 3}])
    suggest.user.click(ui.suggestButton)
    wait_until(lambda: message(suggest), "the message", ENGINE_SECONDS)
    title = suggest.session.cohort.case("case_0002").title
    assert message(suggest) == f"{title}: The file ends too early. Add the volume again."
    assert suggest.annotate.messages.level == "error" and ui.nextButton.text == "Next: hippocampus_001"
    shot("suggest_failed")


def test_a_training_that_cannot_be_asked_is_left_out_with_one_click(suggest, scripted, monkeypatch, tmp_path):
    monkeypatch.setattr("CFRSegmentLib.panels.case_suggester.runToAsk", lambda _runs: tmp_path / "run_0001")
    damaged = {"code": "bad_model", "text": "The model is damaged.", "remedy": "Train again."}
    scripted(suggest=[{"print": {"type": "error", **damaged}}, {"exit": 3}])
    suggest.user.click(suggest.annotate.ui.suggestButton)
    wait_until(lambda: message(suggest), "the message", ENGINE_SECONDS)
    assert message(suggest) == "The model is damaged. Train again."
    scripted(suggest=[suggestion(4, TYPICAL)])
    press(suggest, "By the images alone")
    wait_until(lambda: "Suggested next" in message(suggest), "the suggestion", ENGINE_SECONDS)
    assert suggest.annotate.ui.nextButton.text == "Next: hippocampus_006"


def test_why_nothing_can_be_suggested_is_the_tool_tip(window, new_cohort, hippocampus, monkeypatch):
    from Testing.gui.cohorts import write_label

    button = window.annotate.ui.suggestButton
    assert not button.enabled and button.toolTip == "Open or create a cohort first."
    opened(window, new_cohort(cases=2))
    assert button.enabled
    write_label(window.session, "case_0001", hippocampus[0][1])
    assert not button.enabled and "fewer than two cases are without a label" in button.toolTip
    opened(window, new_cohort(cases=2, name="Other"))
    monkeypatch.setattr(type(window.session.installer), "missing", lambda *_groups: ("torch",))
    window.session.casesChanged.emit(None)
    assert not button.enabled and "Press Install in the section Train" in button.toolTip


def test_a_trained_model_is_asked_and_the_slices_it_doubts_are_one_click_away(window, trained_cohort, shot):
    suggest = opened(window, trained_cohort)
    ui, before = suggest.annotate.ui, files(trained_cohort)
    suggest.user.click(ui.suggestButton)
    wait_until(lambda: message(suggest), "the suggestion", ENGINE_SECONDS)
    assert message(suggest).startswith("Suggested next: "), message(suggest)
    assert {name.split("/")[2] for name in files(trained_cohort) - before} == {"suggestions"}
    suggest.user.click(ui.nextButton)
    case = suggest.session.case
    points = suggest.annotate.suggest._points()
    assert ui.slicesRow.isVisible() and ui.sliceButton.text == f"Go to slice 1 of {len(points)}"
    shot("suggest_slices")
    for number, point in enumerate(points, start=1):
        suggest.user.click(ui.sliceButton)
        assert np.allclose(shown(window), (-point[0], -point[1], point[2]), atol=0.6)
        assert (case.volumeNode.GetImageData().GetDimensions() > voxel(case.volumeNode, point)).all()
        assert (voxel(case.volumeNode, point) >= 0).all()
        assert ui.sliceButton.text == f"Go to slice {number % len(points) + 1} of {len(points)}"
    shot("suggest_slice")


def shown(window) -> list[float]:
    """Where the sagittal, coronal and axial slices are, R, A, S in mm."""
    logics = [window.bed.layoutManager.sliceWidget(name).sliceLogic() for name in ("Yellow", "Green", "Red")]
    matrices = [logic.GetSliceNode().GetSliceToRAS() for logic in logics]
    return [matrix.GetElement(axis, 3) for axis, matrix in enumerate(matrices)]


def voxel(volume, point: tuple[float, float, float]) -> np.ndarray:
    """The voxel (i, j, k) at a point, LPS in mm."""
    import vtk

    to_voxel = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(to_voxel)
    return np.round(to_voxel.MultiplyPoint((-point[0], -point[1], point[2], 1))[:3])
