"""What a reviewer sees: the buttons stay in place, the uncertainty is that of what is to be decided."""

from __future__ import annotations

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events


def test_the_buttons_stay_where_they_are_when_the_editor_opens_above(review, shot):
    sections = review.window.widget.sections
    for name in ("cohort", "annotate"):
        sections.section(name).collapsed = False
    review.session.showSection("review")
    process_events(0.5)
    ui = review.ui
    places = []
    for key in ("n", "n", "a", "x", "u"):
        review.key(key)
        process_events(0.4)
        assert review.window.sees(ui.reviewCaseLabel, ui.acceptButton, ui.rejectButton, ui.undoButton), key
        places.append(unwrap(ui.acceptButton).mapToGlobal(unwrap(ui.acceptButton).rect().topLeft()).y())
        shot(f"review_in_view_{len(places)}")
    assert max(places) - min(places) < 40, places
    review.user.click(ui.correctButton)
    process_events(0.4)
    assert review.window.sees(review.window.annotate.ui.caseLabel), "to correct, one sees the editor"
    review.paint()
    review.key("c")
    process_events(0.4)
    assert review.window.sees(ui.reviewCaseLabel, ui.acceptButton), "saved: on to the next decision"


def test_the_uncertainty_of_a_decided_case_is_not_shown(review, shot):
    import slicer

    def overlays() -> list[str]:
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        nodes = [slicer.mrmlScene.GetNodeByID(item.GetForegroundVolumeID() or "") for item in composites]
        return [node.GetName() for node in nodes if node is not None]

    review.key("n")
    first, title = review.session.case.id, review.session.case.current.title
    assert set(overlays()) == {f"{title} uncertainty"} and review.ui.uncertaintyCheckBox.enabled
    review.key("a")
    review.user.choose(review.ui.queueFilter, "Decided (1)")
    review.user.click_cell(review.ui.queueView, 0, 0)
    process_events(0.3)
    assert review.session.case.id == first and overlays() == []
    assert not review.ui.uncertaintyCheckBox.enabled and review.ui.uncertaintyCheckBox.checked
    shot("review_decided_without_overlay")
    review.user.click(review.ui.reopenButton)
    process_events(0.3)
    assert set(overlays()) == {f"{title} uncertainty"}, "it waits again"
