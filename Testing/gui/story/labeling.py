"""A new cohort, its volumes and classes, and the label of one case."""

from __future__ import annotations

from PySide6 import QtWidgets

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import wait_until
from Testing.gui.pointing import entry
from Testing.gui.sitting import Desk
from Testing.gui.story.files import CLASSES, COHORT, VOLUMES, true_label


def create_cohort(desk: Desk) -> None:
    """New, a name and a place, Create."""
    window, user, ui = desk.window, desk.window.user, desk.window.cohort.ui
    desk.shot("01_empty")
    user.click(ui.newButton)
    user.type_text(COHORT, ui.nameEdit)
    place = unwrap(ui.locationEdit).findChild(QtWidgets.QLineEdit)
    user.type_text(str(desk.folder), place, replace=True)
    desk.shot("02_new_cohort")
    user.click(ui.createButton)
    assert window.session.cohort.folder == desk.folder / COHORT


def add_volumes(desk: Desk) -> None:
    """Add volumes, Folder."""
    window = desk.window
    window.dialogs.expect(desk.folder / "incoming", title="Add all volumes of a folder")
    window.dialogs.expect(entry(window, "Folder..."))
    window.user.click(window.cohort.ui.addButton)
    cohort = window.session.cohort
    wait_until(lambda: len(cohort.cases()) == VOLUMES and not window.cohort.adding.isBusy, "the cases", 90)
    assert {case.status for case in cohort.cases()} == {"unlabeled"}
    desk.shot("03_volumes")


def name_classes(desk: Desk) -> None:
    """The class that comes with a cohort is renamed, another one is added; both are typed."""
    window, user, ui = desk.window, desk.window.user, desk.window.annotate.ui
    user.click_cell(ui.classesTable, 0, 1, count=2)
    user.type_text(CLASSES[1], replace=True)
    user.key("Return")
    user.click(ui.addClassButton)
    user.type_text(CLASSES[2], replace=True)
    user.key("Return")
    assert {item.value: item.name for item in window.session.cohort.classes} == CLASSES
    desk.shot("04_classes")


def import_label(desk: Desk) -> None:
    """The label file of the first case, looked at and saved."""
    window, user = desk.window, desk.window.user
    window.double_click(0)
    truth = true_label(desk.folder, window.session.case.current.title)
    window.dialogs.expect(desk.folder / "label.nii.gz", title="Import")
    user.click(window.annotate.ui.importButton)
    wait_until(lambda: window.session.case.isModified, "the imported label")
    assert all(((window.voxels(value) > 0) == (truth == value)).all() for value in CLASSES)
    user.click(window.annotate.ui.saveButton)
    assert window.session.case.current.status == "labeled" and not window.session.case.isModified
    desk.shot("05_labeled")
