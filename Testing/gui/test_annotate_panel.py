"""The section Annotate: opening cases, drawing with the mouse, saving, and never losing edits."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until


@pytest.fixture
def opened(window, new_cohort):
    """The module with a cohort of four cases, the first one labeled, the second one open."""
    window.open_cohort(new_cohort(cases=4, labeled=1))
    window.double_click(1)
    return window


def test_07_a_case_is_shown_fitted_and_ready_to_draw(window, new_cohort, shot):
    import slicer

    window.open_cohort(new_cohort(cases=2))
    window.double_click(0)
    case, editor = window.session.case, window.annotate.host.editor
    for name in ("Red", "Green", "Yellow"):
        logic = window.bed.layoutManager.sliceWidget(name).sliceLogic()
        assert logic.GetSliceCompositeNode().GetBackgroundVolumeID() == case.volumeNode.GetID()
        low, high = [0.0] * 6, [0.0] * 6
        case.volumeNode.GetRASBounds(low)
        logic.GetSliceNode().GetSliceBounds(high) if hasattr(logic.GetSliceNode(), "GetSliceBounds") else None
        field = logic.GetSliceNode().GetFieldOfView()
        sizes = sorted([low[1] - low[0], low[3] - low[2], low[5] - low[4]])
        assert sizes[0] * 0.9 <= max(field[:2]) <= sizes[2] * 4
    assert editor.segmentationNode() is case.segmentationNode
    assert editor.sourceVolumeNode() is case.volumeNode
    assert editor.currentSegmentID() == "class_1"
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    shot("annotate_open")


def test_08_a_new_segmentation_has_exactly_the_classes(opened):
    segmentation = opened.session.case.segmentationNode.GetSegmentation()
    found = [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]
    assert [segment.GetName() for segment in found] == ["Anterior", "Posterior"]
    assert np.allclose(found[0].GetColor(), np.array([230, 159, 0]) / 255)


def test_09_a_stroke_is_saved_and_comes_back_voxel_for_voxel(opened, shot):
    opened.paint(1)
    drawn = opened.voxels(1)
    assert drawn.sum() > 20 and opened.session.case.isModified
    assert opened.annotate.ui.stateLabel.text == "Changes not saved"
    shot("annotate_painted")
    opened.user.click(opened.annotate.ui.saveButton)
    expected = f"Label saved. Voxels: Anterior {drawn.sum()}, Posterior 0."
    assert opened.text(opened.annotate.messages) == expected
    assert opened.rows()[1][1] == "Labeled" and not opened.session.case.isModified
    shot("annotate_saved")
    opened.double_click(2)
    opened.double_click(1)
    assert np.array_equal(opened.voxels(1), drawn) and opened.voxels(2).sum() == 0


def test_a_label_that_another_program_wrote_is_shown(opened, hippocampus, shot):
    import SimpleITK as sitk

    opened.double_click(0)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(hippocampus[0][1])))
    assert np.array_equal(opened.voxels(1), expected == 1) and np.array_equal(opened.voxels(2), expected == 2)
    shot("annotate_labeled")


def test_a_label_is_imported_from_a_file(opened, hippocampus, shot):
    import SimpleITK as sitk

    opened.dialogs.expect(hippocampus[0][1], title="Import a label")
    opened.user.click(opened.annotate.ui.importButton)
    assert "hippocampus_003" in opened.text(opened.annotate.messages)
    assert opened.annotate.messages.level == "error" and not opened.session.case.isModified
    opened.dialogs.expect(hippocampus[1][1], title="Import a label")
    opened.user.click(opened.annotate.ui.importButton)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(hippocampus[1][1])))
    assert np.array_equal(opened.voxels(2), expected == 2) and opened.session.case.isModified
    shot("annotate_imported")
    opened.user.click(opened.annotate.ui.saveButton)
    assert opened.rows()[1][1] == "Labeled"


def test_the_key_ctrl_l_saves(opened):
    opened.paint(2)
    opened.user.key("ctrl+l")
    wait_until(lambda: not opened.session.case.isModified, "the label saved")
    assert opened.session.cohort.case("case_0002").status.value == "labeled"


def test_05_selecting_another_case_with_unsaved_edits_asks(opened, shot):
    opened.paint(1)
    node = opened.session.case.segmentationNode
    opened.dialogs.expect("Stay", title="Unsaved label")
    opened.double_click(2)
    assert opened.session.case.id == "case_0002" and opened.session.case.segmentationNode is node
    assert opened.session.case.isModified and opened.cohort.table.selectedIds() == ("case_0002",)
    opened.dialogs.expect("Discard changes", title="Unsaved label")
    opened.double_click(2)
    assert opened.session.case.id == "case_0003"
    assert opened.session.cohort.case("case_0002").label is None
    opened.paint(1)
    opened.dialogs.expect("Save label", title="Unsaved label")
    opened.user.click(opened.annotate.ui.nextButton)
    assert opened.session.case.id == "case_0004"
    assert opened.session.cohort.case("case_0003").label is not None


def test_05_closing_the_scene_with_unsaved_edits_asks_and_saves(opened):
    opened.paint(1)
    drawn = opened.voxels(1)
    opened.dialogs.expect("Save label", title="Unsaved label", text="scene is being closed")
    opened.bed.resetScene()
    assert opened.session.case.id is None and opened.session.cohort is not None
    opened.double_click(1)
    assert np.array_equal(opened.voxels(1), drawn)


def test_05_where_a_label_cannot_be_saved_slicer_stays_open_and_a_closed_scene_is_let_go(opened, monkeypatch):
    from CFRSegmentLib.cohort import CohortError

    def fail(*_arguments):
        raise CohortError("disk_full", "The disk is full.", "Make room.")

    opened.paint(1)
    monkeypatch.setattr(opened.session.case, "save", fail)
    opened.dialogs.expect("Save label", title="Unsaved label")
    assert not opened.bed.close() and opened.session.case.isModified, "Slicer stays open with the edits"
    opened.dialogs.expect("Save label", title="Unsaved label", text="scene is being closed")
    opened.bed.resetScene()
    assert opened.session.case.id is None and not opened.session.case.isModified
    opened.double_click(1)
    assert opened.session.case.isWhole()


def test_05_another_module_keeps_the_edits_and_quitting_asks(opened):
    opened.paint(1)
    drawn = opened.voxels(1)
    opened.widget.exit()
    opened.widget.enter()
    assert opened.session.case.isModified and np.array_equal(opened.voxels(1), drawn)
    opened.dialogs.expect("Stay", title="Unsaved label")
    assert not opened.bed.close()
    folder = opened.session.cohort.folder
    opened.dialogs.expect("Save label", title="Unsaved label")
    assert opened.bed.close()
    assert (folder / "labels" / "case_0002.seg.nrrd").is_file()


def test_05_another_cohort_asks_first(opened, new_cohort):
    other = new_cohort(cases=1, name="Other")
    opened.paint(1)
    opened.dialogs.expect("Stay", title="Unsaved label")
    assert not opened.cohort.openCohort(other)
    assert opened.session.cohort.name == "Hippocampus" and opened.session.case.isModified
    opened.dialogs.expect("Discard changes", title="Unsaved label")
    assert opened.cohort.openCohort(other)
    assert opened.session.cohort.name == "Other" and opened.session.case.id is None


def test_10_overlapping_segments_are_reported_when_they_are_saved(opened, shot):
    import slicer.util

    case = opened.session.case
    box = np.zeros(slicer.util.arrayFromVolume(case.volumeNode).shape, np.uint8)
    box[4:8, 4:8, 4:8] = 1
    for name in ("class_1", "class_2"):
        slicer.util.updateSegmentBinaryLabelmapFromArray(box, case.segmentationNode, name, case.volumeNode)
    opened.user.click(opened.annotate.ui.saveButton)
    message = opened.text(opened.annotate.messages)
    assert "Anterior and Posterior overlapped in 64 voxels; they were saved as Anterior." in message
    assert opened.annotate.messages.level == "warning"
    shot("annotate_overlap")


def test_11_a_volume_under_a_transform_is_labeled_in_place(window, new_cohort, hippocampus):
    import slicer
    import slicer.util
    import vtk

    window.open_cohort(new_cohort(cases=0))
    volume = slicer.util.loadVolume(str(hippocampus[0][0]), {})
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkTransform()
    matrix.Translate(12, -7, 30)
    matrix.RotateZ(20)
    transform.SetMatrixTransformToParent(matrix.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())
    window.dialogs.expect("From the scene...")
    window.dialogs.expect("Add 1", title="Add volumes of the scene")
    window.user.click(window.cohort.ui.addButton)
    wait_until(lambda: window.rows(), "the case")
    window.double_click(0)
    case = window.session.case
    assert case.volumeNode is volume
    assert case.segmentationNode.GetTransformNodeID() == transform.GetID()
    window.paint(1)
    drawn, bounds = window.voxels(1), [0.0] * 6
    case.segmentationNode.GetRASBounds(bounds)
    case.save()
    case.close()
    window.double_click(0)
    assert np.array_equal(window.voxels(1), drawn)


def test_strokes_are_undone_one_by_one(opened):
    opened.paint(1)
    first = opened.voxels(1)
    opened.paint(1, view="Green")
    assert not np.array_equal(opened.voxels(1), first) and opened.session.case.canUndoEdit()
    opened.user.key("ctrl+z")
    wait_until(lambda: np.array_equal(opened.voxels(1), first), "the second stroke undone")


def test_classes_are_added_renamed_and_seen_in_the_editor(opened):
    box = unwrap(opened.annotate.ui.classesBox)
    box.setProperty("collapsed", False)
    process_events(0.1)
    opened.user.click(opened.annotate.ui.addClassButton)
    opened.user.type_text("Fimbria")
    opened.user.key("Return")
    assert [item.name for item in opened.session.cohort.classes] == ["Anterior", "Posterior", "Fimbria"]
    segmentation = opened.session.case.segmentationNode.GetSegmentation()
    assert segmentation.GetSegment("class_3").GetName() == "Fimbria"
    assert not opened.session.case.isModified
    segmentation.GetSegment("class_3").SetName("Tail")
    wait_until(lambda: opened.session.cohort.classes[2].name == "Tail", "the class follows its segment")
    assert opened.annotate.ui.classesTable.item(2, 1).text() == "Tail"


def test_a_class_gets_a_coded_term_with_slicer_s_selector(opened, shot):
    unwrap(opened.annotate.ui.classesBox).setProperty("collapsed", False)
    process_events(0.1)

    def choose(dialog):
        from PySide6 import QtCore, QtWidgets

        terms = dialog.findChild(QtWidgets.QListWidget, "TypeList")
        terms.setCurrentItem(terms.findItems("Hippocampus", QtCore.Qt.MatchFlag.MatchExactly)[0])
        next(item for item in dialog.findChildren(QtWidgets.QPushButton) if item.text() == "Select").click()

    opened.dialogs.expect(choose, title="Terminology of Anterior")
    opened.user.click_cell(opened.annotate.ui.classesTable, 0, 2, count=2)
    term = opened.session.cohort.classes[0].terminology
    assert "SCT^5366008^Hippocampus" in term
    assert opened.annotate.ui.classesTable.item(0, 2).text() == "Hippocampus"
    segment = opened.session.case.segmentationNode.GetSegmentation().GetSegment("class_1")
    assert "5366008" in segment.GetTerminology() and opened.session.cohort.classes[0].name == "Anterior"
    shot("annotate_terminology")


def test_a_class_gets_another_color(opened):
    unwrap(opened.annotate.ui.classesBox).setProperty("collapsed", False)
    process_events(0.1)

    def choose(dialog):
        from PySide6 import QtGui

        dialog.setCurrentColor(QtGui.QColor(10, 20, 200))
        dialog.accept()

    opened.dialogs.expect(choose, title="Color of Posterior")
    opened.user.click_cell(opened.annotate.ui.classesTable, 1, 0, count=2)
    assert opened.session.cohort.classes[1].color == (10, 20, 200)
    table = unwrap(opened.annotate.ui.classesTable)
    assert table.item(1, 0).isSelected()
    picture = table.viewport().grab(table.visualItemRect(table.item(1, 0))).toImage()
    pixels = [picture.pixelColor(x, picture.height() // 2).getRgb() for x in range(picture.width())]
    assert sum(pixel == (10, 20, 200, 255) for pixel in pixels) >= 12, "the color that is in the views, too"


def test_a_class_in_use_is_not_removed(opened):
    unwrap(opened.annotate.ui.classesBox).setProperty("collapsed", False)
    process_events(0.1)
    opened.user.click_cell(opened.annotate.ui.classesTable, 0, 1)
    opened.user.click(opened.annotate.ui.removeClassButton)
    assert "cannot be taken away" in opened.text(opened.annotate.messages)
    assert len(opened.session.cohort.classes) == 2


def test_a_segmentation_that_was_deleted_is_loaded_again(opened):
    import slicer

    slicer.mrmlScene.RemoveNode(opened.session.case.segmentationNode)
    assert not opened.session.case.isWhole()
    opened.double_click(1)
    assert opened.session.case.isWhole()


def test_the_next_case_to_label_is_proposed(opened):
    assert opened.annotate.ui.nextButton.text.startswith("Next: hippocampus")
    opened.user.click(opened.annotate.ui.nextButton)
    assert opened.session.case.id == "case_0003"


def test_a_case_is_open_in_less_than_a_second(opened):
    import time

    began = time.monotonic()
    opened.session.case.open("case_0003")
    process_events()
    assert time.monotonic() - began < 1
