"""What a reviewer sees: the buttons stay in place, the uncertainty is that of what is to be decided."""

from __future__ import annotations

import shutil

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


def overlays() -> list[str]:
    """What lies over the images, a name per slice view."""
    import slicer

    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    nodes = [slicer.mrmlScene.GetNodeByID(item.GetForegroundVolumeID() or "") for item in composites]
    return [node.GetName() for node in nodes if node is not None]


def test_a_case_that_another_volume_hides_is_neither_drawn_over_it_nor_decided_on(review, shot):
    import slicer.util

    review.key("n")
    first, case = review.session.case.id, review.session.case
    review.session.showSection("annotate")
    other = slicer.util.loadVolume(str(review.cohort.cases()[0].image))
    other.SetName("Another patient")
    process_events(0.3)
    label, editor = case.segmentationNode, review.window.annotate.host.editor
    assert case.volumeNode is not other and not label.GetDisplayVisibility() and overlays() == []
    assert editor.readOnly and not review.ui.acceptButton.enabled and not review.ui.correctButton.enabled
    shot("review_other_volume")
    for key in ("a", "c", "x"):
        review.key(key)
    assert (review.status(first), case.id) == ("pseudo-labeled", first)
    line = review.panel._away._line
    assert line.text.startswith(f"Another patient is in the viewer, not {case.current.title}")
    review.session.showSection("review")
    review.user.click(line._actions[0])
    process_events(0.3)
    assert label.GetDisplayVisibility() and not editor.readOnly and line.text == ""
    assert set(overlays()) == {f"{case.current.title} uncertainty"}
    review.key("a")
    assert review.status(first) == "accepted"


def test_a_segmentation_that_the_user_hid_stays_hidden(review):
    import slicer.util

    review.key("n")
    case = review.session.case
    case.segmentationNode.SetDisplayVisibility(False)
    other = slicer.util.loadVolume(str(review.cohort.cases()[0].image))
    process_events(0.3)
    slicer.util.setSliceViewerLayers(background=case.volumeNode)
    process_events(0.3)
    assert not case.segmentationNode.GetDisplayVisibility() and slicer.mrmlScene.IsNodePresent(other)


def test_the_overlay_makes_way_for_the_strokes_until_it_is_wanted(review, shot):
    review.key("n")
    overlay = {f"{review.session.case.current.title} uncertainty"}
    assert set(overlays()) == overlay
    review.key("c")
    process_events(0.3)
    assert overlays() == [] and not review.ui.uncertaintyCheckBox.checked
    review.paint()
    shot("review_correcting_without_overlay")
    review.key("o")
    assert set(overlays()) == overlay and review.ui.uncertaintyCheckBox.checked
    review.key("o")
    assert overlays() == []
    review.key("o")
    review.key("c")
    process_events(0.3)
    assert set(overlays()) == {f"{review.session.case.current.title} uncertainty"}, (
        "the next case has its own"
    )


def test_discarding_keeps_volume_and_views_as_they_are(review):
    review.key("n")
    case, logic = review.session.case, review.window.bed.layoutManager.sliceWidget("Red").sliceLogic()
    volume, label = case.volumeNode, case.segmentationNode
    before = review.window.voxels(1).copy()
    review.session.showSection("annotate")
    review.paint()
    logic.SetSliceOffset(logic.GetSliceOffset() + 3)
    place, view = logic.GetSliceOffset(), logic.GetSliceNode().GetFieldOfView()
    case.discard()
    process_events(0.3)
    assert case.volumeNode is volume and case.segmentationNode is not label and not case.isModified
    assert (review.window.voxels(1) == before).all()
    assert (logic.GetSliceOffset(), logic.GetSliceNode().GetFieldOfView()) == (place, view)


def train_again(review) -> None:
    """As if one more training had ended: its run is taken over, under a new name."""
    runs = review.cohort.runsFolder
    newer = shutil.copytree(runs / "run_0001", runs / f"run_{len(list(runs.glob('run_*'))) + 1:04d}")
    with open(newer / "results.json", "a", encoding="utf-8") as results:
        results.write(int(newer.name[-1]) * " ")  # results of its own
    review.session.casesChanged.emit(review.cohort.adoptRun(newer))
    process_events(0.3)


def test_a_newer_pseudo_label_takes_the_place_of_the_open_one_but_not_of_edits(review):
    review.key("n")
    case = review.session.case
    volume, first = case.volumeNode, case.segmentationNode
    train_again(review)
    second = case.segmentationNode
    assert second is not first and case.volumeNode is volume and case.current.run == "run_0002"
    assert set(overlays()) == {f"{case.current.title} uncertainty"}
    review.session.showSection("annotate")
    review.paint()
    train_again(review)
    assert case.segmentationNode is second and case.isModified
    assert "newer pseudo-label" in review.message()
    review.session.showSection("review")
    review.press("Discard changes")
    assert case.segmentationNode is not second and not case.isModified and case.current.run == "run_0003"


def test_the_uncertainty_of_a_decided_case_is_not_shown(review, shot):
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
