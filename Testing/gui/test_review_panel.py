"""The section Review on the results of a real training, with keys and mouse. Numbers: slicer.md, 5."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6 import QtGui

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until
from Testing.gui.reviewing import Reviewing


def test_without_pseudo_labels_the_section_says_where_they_come_from(window, new_cohort):
    window.session.showSection("review")
    process_events(0.2)
    ui = window.panel("review").ui
    assert ui.reviewEmptyLabel.text == "Open or create a cohort first."
    window.session.openCohort(new_cohort(cases=2, labeled=1))
    process_events(0.2)
    assert ui.reviewEmptyLabel.text.startswith("Nothing to review yet.") and not ui.reviewContents.isVisible()


def test_31_the_queue_is_sorted_by_uncertainty_and_says_what_the_value_means(review, shot):
    cases = [review.cohort.case(case_id) for case_id in review.queue()]
    values = [case.uncertainty for case in cases]
    assert values == sorted(values, reverse=True) and len(cases) == 5
    assert review.rows() == [(case.title, f"{round(100 * case.uncertainty)} %") for case in cases]
    assert "0 % is sure, 100 % a guess" in review.ui.reviewCaseLabel.toolTip
    assert review.ui.reviewProgressBar.format == "0 of 5 reviewed"
    shot("review_queue")


def test_30_a_pseudo_label_is_an_editable_node_in_the_folder_of_its_case(review):
    import slicer

    before = review.labels()
    review.key("n")
    case, node = review.session.case, review.session.case.segmentationNode
    assert case.id == review.queue()[0]
    assert node.GetName() == f"{case.current.title} pseudo-label"
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = tree.GetItemParent(tree.GetItemByDataNode(node))
    assert tree.GetItemName(parent) == case.current.title
    pseudo = case.current.pseudoLabel.read_bytes()
    review.window.session.showSection("annotate")
    review.paint()
    review.key("c")
    assert review.cohort.case(case.current.id).pseudoLabel is not None
    assert pseudo in [path.read_bytes() for path in review.cohort.folder.rglob("*.nii.gz")]
    assert {name: value for name, value in review.labels().items() if name in before} == before


def test_32_34_each_key_decides_and_goes_to_the_next_case(review, shot):
    first, second, third, fourth, fifth = review.queue()
    review.key("n")
    assert review.session.case.id == first
    shot("review_open")
    review.key("a")
    assert (review.status(first), review.session.case.id) == ("accepted", second)
    review.key("x")
    assert (review.status(second), review.session.case.id) == ("rejected", third)
    review.session.showSection("annotate")
    review.paint()
    assert review.ui.correctButton.text == "Save (C)"
    shot("review_painted")
    review.key("c")
    assert (review.status(third), review.session.case.id) == ("corrected", fourth)
    changed = review.cohort.case(third).changedVoxels
    assert changed and f"{changed} voxels changed" in review.message()
    review.key("n")
    assert (review.status(fourth), review.session.case.id) == ("pseudo-labeled", fifth)
    assert review.ui.reviewProgressBar.format == "3 of 5 reviewed"
    shot("review_three_of_five")
    check_records(review, [(first, "accept"), (second, "reject"), (third, "correct")])


def check_records(review, expected: list[tuple[str, str]]) -> None:
    """34: one record per decision, with all that is asked for."""
    records = review.records()[-len(expected) :]
    assert [(record["case"], record["action"]) for record in records] == expected
    for record in records:
        assert record["time"] and record["alias"] == review.session.alias and record["run"] == "run_0001"
    assert records[-1]["changedVoxels"] == review.cohort.case(expected[-1][0]).changedVoxels


def test_32_the_buttons_do_the_same_by_mouse(review):
    first, second, third = review.queue()[:3]
    review.user.click_cell(review.ui.queueView, 0, 0)
    assert review.session.case.id == first
    review.user.click(review.ui.acceptButton)
    assert (review.status(first), review.session.case.id) == ("accepted", second)
    review.user.click(review.ui.rejectButton)
    assert (review.status(second), review.session.case.id) == ("rejected", third)
    review.user.click(review.ui.nextCaseButton)
    assert review.session.case.id == review.queue()[1]


def test_33_ctrl_z_takes_a_stroke_back_and_u_takes_a_decision_back(review):
    review.key("n")
    first = review.session.case.id
    review.session.showSection("annotate")
    before = review.paint()
    once = review.window.voxels(1).copy()
    review.window.annotate.host.editor.setCurrentSegmentID("class_1")
    review.window.paint(2, view="Green")
    assert not np.array_equal(before, once)
    review.key("ctrl+z")
    assert np.array_equal(review.window.voxels(1), once), "only the last stroke is taken back"
    review.key("ctrl+z")
    assert np.array_equal(review.window.voxels(1), before)
    review.session.case.discard()
    review.key("a")
    assert review.status(first) == "accepted"
    review.key("u")
    assert review.status(first) == "pseudo-labeled" and review.session.case.id == first
    assert "Taken back" in review.message() and not review.ui.undoButton.enabled
    actions = [record["action"] for record in review.records()]
    assert actions[-2:] == ["accept", "undo"], "nothing is taken out of the log"


def test_36_a_decided_case_is_opened_again_and_decided_otherwise(review, shot):
    review.key("n")
    first = review.session.case.id
    review.key("x")
    review.user.choose(review.ui.queueFilter, "Decided (1)")
    review.user.click_cell(review.ui.queueView, 0, 0)
    assert review.session.case.id == first and "rejected" in review.ui.reviewCaseLabel.text
    assert not review.ui.acceptButton.enabled
    shot("review_decided")
    review.user.click(review.ui.reopenButton)
    assert review.status(first) == "pseudo-labeled"
    review.key("a")
    assert review.status(first) == "accepted"
    assert [record["action"] for record in review.records()][-3:] == ["reject", "reopen", "accept"]


def test_a_reopened_correction_shows_what_was_corrected(review):
    review.key("n")
    first = review.session.case.id
    review.session.showSection("annotate")
    review.paint()
    painted = review.window.voxels(1).copy()
    review.key("c")
    review.user.choose(review.ui.queueFilter, "Decided (1)")
    review.user.click_cell(review.ui.queueView, 0, 0)
    review.user.click(review.ui.reopenButton)
    assert review.session.case.id == first and np.array_equal(review.window.voxels(1), painted)


@pytest.mark.parametrize(("key", "discard"), [("a", "accept"), ("x", "reject")])
def test_what_was_drawn_is_never_thrown_away_by_a_key(review, key, discard, shot):
    review.key("n")
    first = review.session.case.id
    review.session.showSection("annotate")
    before = review.paint()
    review.key(key)
    assert review.status(first) == "pseudo-labeled" and review.session.case.isModified
    assert "changes that are not saved" in review.message()
    shot(f"review_edits_{discard}")
    review.press(f"Discard changes and {discard}")
    assert review.status(first) == discard + "ed" and review.session.case.id != first
    assert not np.array_equal(before, [])


def test_keys_that_a_tool_of_the_editor_needs_decide_nothing_while_it_is_in_use(review):
    """Slicer's effect Draw closes its outline with A and takes a point back with X."""
    review.key("n")
    first = review.session.case.id
    review.session.showSection("annotate")
    node = review.window.annotate.host.editor.mrmlSegmentEditorNode()
    node.SetActiveEffectName("Draw")
    for key in ("a", "x"):
        review.key(key)
        assert review.status(first) == "pseudo-labeled" and review.session.case.id == first
    review.window.leave_module()
    review.window.enter_module()
    node.SetActiveEffectName("Paint")
    review.key("x")
    assert review.status(first) == "rejected"


def test_next_asks_about_what_was_drawn(review, window):
    review.key("n")
    first = review.session.case.id
    review.session.showSection("annotate")
    review.paint()
    window.dialogs.expect("Stay", title="Unsaved label")
    review.key("n")
    assert review.session.case.id == first and review.session.case.isModified
    window.dialogs.expect("Save label", title="Unsaved label")
    review.key("n")
    assert review.status(first) == "corrected" and review.session.case.id != first


def test_45_keys_work_only_while_the_module_is_shown_and_no_text_is_typed(review, window):
    main_window = unwrap(window.bed.window)

    def keys() -> set[str]:
        found = main_window.findChildren(QtGui.QShortcut)
        return {item.key().toString() for item in found if item.isEnabled()}

    assert set("ACXNUO") <= keys()
    review.key("n")
    first = review.session.case.id
    window.widget.sections.section("cohort").collapsed = False
    process_events(0.3)
    field = window.cohort.ui.searchEdit
    window.user.click(field)
    window.user.type_text("acxnu", field)
    assert review.status(first) == "pseudo-labeled" and review.session.case.id == first
    assert "acxnu" in field.text
    window.user.type_text("", field, replace=True)
    window.leave_module()
    assert not set("ACXNUO") & keys()
    review.key("a")
    assert review.status(first) == "pseudo-labeled"
    window.enter_module()
    window.widget.sections.section("review").collapsed = True
    review.key("a")
    assert review.status(first) == "pseudo-labeled", "nobody sees what a key would decide on"
    window.widget.sections.section("review").collapsed = False
    review.key("a")
    assert review.status(first) == "accepted"


def test_the_uncertainty_is_an_overlay_of_the_open_case_alone(review, shot):
    import slicer

    def overlay():
        composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
        node = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID() or "")
        return (node.GetName(), round(composite.GetForegroundOpacity(), 2)) if node is not None else None

    review.key("n")
    title = review.session.case.current.title
    assert overlay() == (f"{title} uncertainty", 0.5)
    review.ui.uncertaintySlider.value = 80
    assert overlay()[1] == 0.8
    shot("review_overlay")
    review.key("o")
    assert overlay() is None and not review.ui.uncertaintyCheckBox.checked
    review.user.click(review.ui.uncertaintyCheckBox, at=(8, 8))
    process_events(0.2)
    assert overlay() == (f"{title} uncertainty", 0.8)
    review.key("a")
    assert overlay()[0] == f"{review.session.case.current.title} uncertainty" != f"{title} uncertainty"
    names = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
    assert len([name for name in names if name.endswith("uncertainty")]) == 1, names
    review.session.case.close()
    process_events(0.2)
    assert overlay() is None


def test_the_log_shows_every_decision_newest_first(review, shot):
    review.key("n")
    review.key("a")
    review.key("u")
    review.user.click(review.ui.historyBox, at=(40, 10))
    process_events(0.2)
    model = unwrap(review.ui.historyView).model()
    actions = [str(model.index(row, 3).data()) for row in range(model.rowCount())]
    assert actions == ["Undone", "Accepted", "Labeled"]
    assert str(model.index(0, 1).data()) == review.session.alias
    shot("review_log")


def test_when_all_is_reviewed_the_panel_says_what_to_do_next(review):
    review.key("n")
    for _ in range(5):
        review.key("a")
    assert review.queue() == [] and review.ui.reviewProgressBar.format == "5 of 5 reviewed"
    assert review.message() == "Everything is reviewed. Train again to learn from it."
    review.press("Train")
    assert not review.window.widget.sections.section("train").collapsed


def test_35_the_next_training_uses_the_decisions_by_the_stated_rule(review):
    from CFRSegmentLib.engine import TrainSettings, buildRun

    accepted, rejected, corrected, waiting = review.queue()[:4]
    review.key("n")
    review.key("a")
    review.key("x")
    review.session.showSection("annotate")
    review.paint()
    review.key("c")
    run = buildRun(review.cohort, TrainSettings("preview"))
    entries = {item["id"]: item for item in json.loads((run / "cases.json").read_text())["cases"]}
    assert rejected not in entries
    assert entries[accepted]["role"] == entries[corrected]["role"] == "labeled"
    assert entries[waiting]["role"] == "unlabeled" and entries[waiting]["label"] is None
    saved = review.cohort.case(corrected).label.read_bytes()
    assert (run / entries[corrected]["label"]).read_bytes() == saved


def test_a_read_only_cohort_can_be_looked_at_and_not_decided_on(window, trained_cohort, monkeypatch):
    from CFRSegmentLib.cohort import Cohort

    read = Cohort.open
    monkeypatch.setattr(Cohort, "open", lambda folder, **_options: read(folder, readOnly=True))
    window.session.openCohort(trained_cohort)
    window.session.showSection("review")
    process_events(0.2)
    review = Reviewing(window)
    review.key("n")
    wait_until(lambda: window.session.case.id is not None, "an open case")
    assert not review.ui.acceptButton.enabled and not review.ui.undoButton.enabled
    review.key("a")
    assert review.status(window.session.case.id) == "pseudo-labeled"
