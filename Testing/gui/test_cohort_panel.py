"""The section Cohort: making and opening cohorts, adding volumes, the list of cases."""

from __future__ import annotations

import shutil
import time

import pytest

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until


def add_folder(window, folder):
    """Add a folder with the menu, and wait until it was read."""
    seen = len(window.dialogs.seen)
    window.dialogs.expect("Folder...")
    window.dialogs.expect(folder, title="Add all volumes of a folder")
    window.user.click(window.cohort.ui.addButton)
    wait_until(lambda: len(window.dialogs.seen) == seen + 2, "the menu and the dialog")
    process_events(0.1)
    wait_until(lambda: not window.cohort.adding.isBusy, "the end of reading", 120)


@pytest.fixture
def volumes(tmp_path, hippocampus):
    """A folder with five real volumes and one file that only looks like one."""
    folder = tmp_path / "volumes"
    folder.mkdir()
    for image, _label in hippocampus[:5]:
        shutil.copy(image, folder)
    (folder / "broken.nii.gz").write_bytes(b"this is no volume")
    return folder


def test_a_cohort_is_created_with_name_and_folder(window, tmp_path, shot):
    ui = window.cohort.ui
    window.user.click(ui.newButton)
    assert not ui.createButton.enabled and "name" in ui.createButton.toolTip
    window.user.type_text("Left atrium: study 2", ui.nameEdit)
    ui.locationEdit.currentPath = str(tmp_path)
    shot("cohort_new")
    window.user.click(ui.createButton)
    cohort = window.session.cohort
    assert cohort.name == "Left atrium: study 2"
    assert cohort.folder == tmp_path / "Left atrium study 2"
    assert [item.name for item in cohort.classes] == ["Left atrium: study 2"]
    assert not unwrap(ui.newForm).isVisible()
    shot("cohort_created")


def test_a_folder_that_is_not_empty_is_said_in_a_line(window, tmp_path):
    (tmp_path / "Heart").mkdir()
    (tmp_path / "Heart" / "notes.txt").write_text("mine")
    ui = window.cohort.ui
    window.user.click(ui.newButton)
    window.user.type_text("Heart", ui.nameEdit)
    ui.locationEdit.currentPath = str(tmp_path)
    window.user.click(ui.createButton)
    assert window.session.cohort is None
    assert window.cohort.messages.level == "error" and "Heart" in window.text(window.cohort.messages)


def test_01_a_folder_with_a_corrupt_file_gives_the_good_cases_and_a_row_with_the_reason(
    window, new_cohort, volumes, shot
):
    window.open_cohort(new_cohort(cases=0))
    add_folder(window, volumes)
    rows = window.rows()
    assert [row[1] for row in rows].count("Unlabeled") == 5
    assert ("broken", "Unreadable") in [row[:2] for row in rows]
    assert "5 cases added." in window.text(window.cohort.messages)
    shot("cohort_one_unreadable")
    window.user.click(window.cohort.messages.frame.findChild("QPushButton", "messageButton"))
    assert [row[0] for row in window.rows()] == ["broken"]
    window.select(0)
    problem = next(case.problem for case in window.session.cohort.cases() if case.problem)
    assert problem in window.text(window.cohort.messages)
    assert not window.cohort.ui.openCaseButton.enabled


def test_02_the_same_folder_twice_adds_nothing(window, new_cohort, volumes):
    window.open_cohort(new_cohort(cases=0))
    add_folder(window, volumes)
    before = window.rows()
    add_folder(window, volumes)
    assert window.rows() == before
    assert "5 volumes were in the cohort already." in window.text(window.cohort.messages)


def test_03_a_dicom_volume_of_the_scene_is_a_case_without_the_name_of_the_patient(
    window, new_cohort, tmp_path, hippocampus
):
    import slicer.util

    from Testing.engine.cli_tools import write_series

    window.open_cohort(new_cohort(cases=0))
    slicer.util.setSliceViewerLayers(background=slicer.util.loadVolume(str(hippocampus[0][0]), {}))
    before, viewed = _names_in_hierarchy(), _background()
    write_series(tmp_path / "dicom", [0.0, 2.0, 4.0, 6.0], **{"0008|103e": "T1 axial"})
    window.bed.dicomDatabase.import_folder(tmp_path / "dicom")
    window.dialogs.expect("DICOM database...")
    window.dialogs.expect(lambda dialog: _check_all(dialog), title="Add series of the DICOM database")
    window.user.click(window.cohort.ui.addButton)
    wait_until(lambda: window.rows(), "the case", 30)
    shown = " ".join(window.rows()[0])
    stored = (window.session.cohort.folder / "cases.jsonl").read_text()
    assert "T1 axial" in shown
    assert not [name for name in ("Doe", "Jane", "PID1950") if name in shown + stored]
    assert _names_in_hierarchy() == before, "patient and study go with the volume that was read"
    assert _background() == viewed, "the views show what they showed before"


def test_a_volume_of_the_scene_is_added_once(window, new_cohort, hippocampus):
    import slicer.util

    window.open_cohort(new_cohort(cases=0))
    slicer.util.loadVolume(str(hippocampus[0][0]), {})
    window.dialogs.expect("From the scene...")
    window.dialogs.expect("Add 1", title="Add volumes of the scene")
    window.user.click(window.cohort.ui.addButton)
    wait_until(lambda: window.rows(), "the case")
    window.dialogs.expect("From the scene...")
    window.user.click(window.cohort.ui.addButton)
    expected = "no volume that is not a case already"
    wait_until(lambda: expected in window.text(window.cohort.messages), "the line that says so")
    assert len(window.rows()) == 1


def test_06_a_volume_over_time_is_refused_by_name_and_no_process_starts(window, new_cohort):
    import numpy as np
    import slicer.util

    window.open_cohort(new_cohort(cases=0))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "color photograph")
    slicer.util.updateVolumeFromArray(node, np.zeros((4, 5, 6, 3), np.uint8))
    seen = []
    window.dialogs.expect("From the scene...")
    window.dialogs.expect(lambda dialog: seen.append(_texts(dialog)) or dialog.reject(), title="Add volumes")
    window.user.click(window.cohort.ui.addButton)
    wait_until(lambda: seen, "the list of volumes")
    assert "color photograph" in seen[0][0] and len(seen[0][0].splitlines()) == 2
    assert window.rows() == [] and not window.cohort.adding.isBusy


def test_reading_can_be_cancelled(window, new_cohort, tmp_path, hippocampus):
    folder = tmp_path / "many"
    folder.mkdir()
    for image, _label in hippocampus:
        shutil.copy(image, folder)
    window.open_cohort(new_cohort(cases=0))
    window.cohort.adding.addPaths([folder])
    wait_until(lambda: window.rows(), "the first case", 60)
    window.user.click(window.cohort.ui.cancelButton)
    wait_until(lambda: not window.cohort.adding.isBusy, "the end", 30)
    assert "Cancelled." in window.text(window.cohort.messages)
    assert 0 < len(window.rows()) < len(hippocampus)
    assert not list(window.session.cohort.imagesFolder.glob(".incoming*"))


def test_dropped_files_are_added(window, new_cohort, hippocampus):
    from PySide6 import QtCore, QtGui, QtWidgets

    window.open_cohort(new_cohort(cases=0))
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(image)) for image, _label in hippocampus[:2]])
    target = unwrap(window.cohort.ui.caseView).viewport()
    left, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    copy, place = QtCore.Qt.DropAction.CopyAction, QtCore.QPointF(20, 20)
    for kind in (QtGui.QDragEnterEvent, QtGui.QDropEvent):
        position = place.toPoint() if kind is QtGui.QDragEnterEvent else place
        QtWidgets.QApplication.sendEvent(target, kind(position, copy, data, left, none))
    wait_until(lambda: len(window.rows()) == 2, "two cases", 60)


def test_04_every_case_shows_one_status_also_after_a_restart(window, new_cohort):
    folder = new_cohort(cases=3, labeled=1)
    window.open_cohort(folder)
    expected = ["Labeled", "Unlabeled", "Unlabeled"]
    assert [row[1] for row in window.rows()] == expected
    window.restart()
    window.open_cohort(folder)
    assert [row[1] for row in window.rows()] == expected
    assert window.rows()[0][2].startswith("tester")


def test_the_list_is_filtered_by_status_and_by_text(window, new_cohort):
    window.open_cohort(new_cohort(cases=4, labeled=1))
    window.user.choose(window.cohort.ui.statusFilter, "Labeled (1)")
    assert [row[1] for row in window.rows()] == ["Labeled"]
    window.user.choose(window.cohort.ui.statusFilter, "All (4)")
    title = window.session.cohort.cases()[2].title
    window.user.type_text(title[-3:], window.cohort.ui.searchEdit)
    assert [row[0] for row in window.rows()] == [title]


def test_titles_are_shown_whole_and_other_columns_give_way(window, trained_cohort, shot):
    from PySide6 import QtCore, QtWidgets

    main_window = unwrap(window.bed.window)
    dock = main_window.findChild(QtWidgets.QDockWidget, "PanelDockWidget")
    window.open_cohort(trained_cohort)
    view = unwrap(window.cohort.ui.caseView)
    shown = {}
    for width in (420, 460, 640, 420):
        main_window.resizeDocks([dock], [width], QtCore.Qt.Orientation.Horizontal)
        process_events(0.4)
        needed = max(view.sizeHintForIndex(view.model().index(row, 0)).width() for row in range(6))
        assert view.columnWidth(0) >= needed, f"titles are cut at {width} pixels"
        shown[width] = [column for column in range(5) if not view.isColumnHidden(column)]
        shot(f"cohort_columns_{width}")
    assert shown[640] == [0, 2, 3, 4] and shown[420][:2] == [0, 2]
    assert len(shown[420]) < 4, "in a narrow panel something has to give way"


def test_removed_cases_are_asked_about_and_their_files_kept(window, new_cohort):
    window.open_cohort(new_cohort(cases=3, labeled=1))
    window.select(0, 2)
    window.dialogs.expect("Cancel", title="Remove cases", text="Remove 2 cases")
    window.user.click(window.cohort.ui.removeButton)
    assert len(window.rows()) == 3
    window.dialogs.expect("Remove", title="Remove cases")
    window.user.click(window.cohort.ui.removeButton)
    wait_until(lambda: len(window.rows()) == 1, "one case")
    assert len(list((window.session.cohort.folder / "removed").iterdir())) == 3


def test_the_status_of_a_selected_case_is_seen(window, new_cohort):
    from PySide6 import QtGui

    from CFRSegmentLib.cohort import Status
    from CFRSegmentLib.panels.status_looks import COLORS, statusIcon

    for status in Status:
        picture = unwrap(statusIcon(status)).pixmap(32, 32, QtGui.QIcon.Mode.Selected).toImage()
        names = [picture.pixelColor(x, y).name() for x in range(32) for y in range(32)]
        assert COLORS[status] in names and names.count("#ffffff") > 100, status


def test_recent_cohorts_are_in_the_menu(window, new_cohort, tmp_path):
    first, second = new_cohort(cases=1, name="First"), new_cohort(cases=2, name="Second")
    window.open_cohort(first)
    window.session.openCohort(second)
    window.dialogs.expect("First")
    button = unwrap(window.cohort.ui.openButton)
    window.user.click(button, at=(button.width() - 4, 12))
    wait_until(lambda: window.session.cohort.folder == first, "the first cohort")


def test_41_a_scene_brings_back_cohort_case_classes_and_settings(window, new_cohort, tmp_path):
    import slicer.util

    folder, scene = new_cohort(cases=3, labeled=1), tmp_path / "scene.mrb"
    window.open_cohort(folder)
    window.double_click(1)
    window.session.parameters.preset = "preview"
    assert slicer.util.saveScene(str(scene))
    window.restart()
    assert window.session.cohort is None
    slicer.util.loadScene(str(scene))
    process_events(0.2)
    assert window.session.cohort.folder == folder
    assert window.session.case.id == "case_0002" and window.session.case.isWhole()
    assert not window.session.case.isModified
    assert window.session.parameters.preset == "preview"
    assert [item.name for item in window.session.cohort.classes] == ["Anterior", "Posterior"]


def test_41_a_missing_cohort_gives_one_question_in_the_panel(window, new_cohort, tmp_path, shot):
    import slicer.util

    folder, scene = new_cohort(cases=2), tmp_path / "scene.mrb"
    window.open_cohort(folder)
    assert slicer.util.saveScene(str(scene))
    window.restart()
    moved = folder.rename(tmp_path / "moved")
    slicer.util.loadScene(str(scene))
    process_events(0.2)
    assert "is not there. Where is it now?" in window.text(window.cohort.messages)
    shot("cohort_missing")
    window.dialogs.expect(moved, title="Open the folder of a cohort")
    window.user.click(window.cohort.messages.frame.findChild("QPushButton", "messageButton"))
    wait_until(lambda: window.session.cohort is not None, "the cohort")
    assert window.session.parameters.cohortFolder == str(moved)
    assert window.text(window.cohort.messages) == ""


def test_42_paths_with_spaces_and_other_letters_work(window, new_cohort, tmp_path, hippocampus):
    folder = tmp_path / "é ü 空 with spaces" / ("long " * 20).strip() / "cohort"
    folder.parent.mkdir(parents=True)
    window.open_cohort(new_cohort(cases=0, folder=folder))
    source = tmp_path / "Lékař 软件"
    source.mkdir()
    shutil.copy(hippocampus[0][0], source / "vol é.nii.gz")
    window.cohort.adding.addPaths([source])
    wait_until(lambda: window.rows(), "the case", 60)
    assert window.rows()[0][:2] == ("vol é", "Unlabeled")
    window.double_click(0)
    assert window.session.case.isWhole()


def test_43_a_read_only_folder_opens_and_says_so(window, new_cohort, monkeypatch, shot):
    import os

    folder = new_cohort(cases=2)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    window.open_cohort(folder)
    assert window.session.cohort.readOnly
    assert window.text(window.cohort.access).startswith("Read-only:")
    assert not window.cohort.ui.addButton.enabled
    window.double_click(0)
    assert window.session.case.isWhole() and window.annotate.host.editor.readOnly
    assert window.annotate.ui.saveButton.toolTip == "The cohort is read-only."
    shot("cohort_read_only")


def test_a_cohort_that_is_open_in_another_slicer_can_be_taken_over(window, new_cohort):
    import subprocess
    import sys

    from PySide6 import QtWidgets

    folder = new_cohort(cases=1)
    code = (
        "import sys, pathlib; sys.path.insert(0, 'CFRSegment'); from CFRSegmentLib.cohort import Cohort; "
        f"held = Cohort.open(pathlib.Path({str(folder)!r})); print(held.readOnly, flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline().strip() == "False"
        window.open_cohort(folder)
        assert "open in another Slicer" in window.text(window.cohort.access)
        process_events()
        buttons = unwrap(window.cohort.access.frame).findChildren(QtWidgets.QPushButton)
        window.user.click(next(button for button in buttons if button.text() == "Take over"))
        assert not window.session.cohort.readOnly and window.text(window.cohort.access) == ""
    finally:
        other.communicate("\n", timeout=20)


def test_a_thousand_cases_open_in_two_seconds(window, tmp_path):
    from Testing.module.test_cohort_imports import large_cohort

    folder = tmp_path / "large"
    large_cohort(folder)
    seconds = []
    for _attempt in range(3):  # the best of three: the machine does other things, too
        window.session.closeCohort()
        began = time.monotonic()
        window.cohort.openCohort(folder)
        process_events(0.01)
        seconds.append(time.monotonic() - began)
        assert len(window.rows()) == 1000 and window.rows()[0][0] == "volume 1"
        wait_until(lambda: window.rows()[-1][0] == "volume 1000", "the last row")
    assert min(seconds) < 2, seconds


def _names_in_hierarchy():
    import slicer
    import vtk

    tree, items = slicer.mrmlScene.GetSubjectHierarchyNode(), vtk.vtkIdList()
    tree.GetItemChildren(tree.GetSceneItemID(), items, True)
    return [tree.GetItemName(items.GetId(index)) for index in range(items.GetNumberOfIds())]


def _background():
    import slicer

    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode").GetBackgroundVolumeID()


def _check_all(dialog):
    from PySide6 import QtCore, QtWidgets

    view = dialog.findChild(QtWidgets.QListWidget)
    for row in range(view.count()):
        view.item(row).setCheckState(QtCore.Qt.CheckState.Checked)
    dialog.accept()


def _texts(dialog):
    from PySide6 import QtWidgets

    view = dialog.findChild(QtWidgets.QListWidget)
    return [view.item(row).text() for row in range(view.count())]
