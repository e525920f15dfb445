"""No modal dialog blocks a test: it is answered as announced, or closed and an error."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from Testing.bed.errors import slot_errors
from Testing.bed.waiting import process_events, wait_until
from Testing.bed.watchdog import enter_text


def test_an_announced_question_is_answered(dialogs):
    import qt

    dialogs.expect("&Yes".replace("&", ""), title="Remove", text="3 cases")
    answer = qt.QMessageBox.question(
        None, "Remove cases", "Remove 3 cases?", qt.QMessageBox.Yes | qt.QMessageBox.No
    )
    assert answer == qt.QMessageBox.Yes
    assert [(item.title, item.text) for item in dialogs.seen] == [("Remove cases", "Remove 3 cases?")]


def test_an_unexpected_dialog_is_closed_and_fails_the_test_with_its_text(dialogs):
    import qt

    before = time.monotonic()
    box = qt.QMessageBox()
    box.windowTitle, box.text = "Failed", "No space left"
    box.exec_()
    assert time.monotonic() - before < 5
    (error,) = slot_errors.take()
    assert "Failed" in error and "No space left" in error and "not expected" in error


def test_a_dialog_that_never_comes_is_an_error(dialogs):
    dialogs.expect("OK", title="Saved")
    dialogs.stop()
    (error,) = slot_errors.take()
    assert "Saved" in error


def test_a_button_that_is_not_there_is_an_error(dialogs):
    import qt

    dialogs.expect("Maybe")
    qt.QMessageBox.information(None, "Title", "Text")
    assert any("Maybe" in error and "OK" in error for error in slot_errors.take())


def test_a_dialog_made_by_hand_is_seen_too(dialogs):
    import qt

    dialog = qt.QDialog()
    dialog.windowTitle = "Classes"
    layout = qt.QVBoxLayout(dialog)
    layout.addWidget(qt.QLabel("Choose the classes"))
    button = qt.QPushButton("Take them")
    button.connect("clicked()", dialog.accept)
    layout.addWidget(button)
    dialogs.expect("Take them", text="Choose the classes")
    assert dialog.exec_() == qt.QDialog.Accepted


def test_a_text_is_entered(dialogs):
    import qt

    dialogs.expect(enter_text("hippocampus"), title="Name")
    assert qt.QInputDialog.getText(None, "Name", "Name of the cohort:") == "hippocampus"


@pytest.mark.parametrize("name", ["a file.nii.gz", "hérisson 海马.nii.gz"])
def test_a_file_is_chosen(dialogs, tmp_path: Path, name):
    import qt

    path = tmp_path / name
    path.touch()
    dialogs.expect(path, title="Add")
    assert qt.QFileDialog.getOpenFileName(None, "Add volumes", str(tmp_path)) == str(path)


def test_several_files_are_chosen(dialogs, tmp_path: Path):
    import qt

    paths = [tmp_path / "a.nii", tmp_path / "b.nii"]
    for path in paths:
        path.touch()
    dialogs.expect(paths)
    chosen = qt.QFileDialog.getOpenFileNames(None, "Add volumes", str(tmp_path))
    assert sorted(chosen) == [str(path) for path in paths]


def test_a_folder_is_chosen(dialogs, tmp_path: Path):
    import qt

    folder = tmp_path / "cohort"
    folder.mkdir()
    dialogs.expect(folder)
    assert qt.QFileDialog.getExistingDirectory(None, "Open", str(tmp_path)) == str(folder)


def test_a_name_for_a_new_file_is_given(dialogs, tmp_path: Path):
    import qt

    path = tmp_path / "model.cfrmodel"
    dialogs.expect(path)
    assert qt.QFileDialog.getSaveFileName(None, "Export", str(tmp_path)) == str(path)


def test_an_entry_of_a_menu_is_chosen(dialogs):
    import qt

    menu, chosen = qt.QMenu(), []
    action = menu.addAction("Rename")
    menu.addAction("Delete")
    action.connect("triggered(bool)", lambda: chosen.append("Rename"))
    dialogs.expect("Rename", text="Delete")
    assert menu.exec_() == action and chosen == ["Rename"]


def test_an_entry_of_a_menu_may_open_a_dialog_and_disable_the_menu(dialogs, tmp_path):
    import qt

    def choose_folder():
        chosen.append(qt.QFileDialog.getExistingDirectory(button, "Add"))
        button.enabled = False  # and with it its menu: a key that comes now is not accepted

    chosen, button = [], qt.QPushButton("Add")
    menu = qt.QMenu(button)
    menu.addAction("Folder...").connect("triggered()", choose_folder)
    button.setMenu(menu)
    button.show()
    dialogs.expect("Folder...")
    dialogs.expect(tmp_path, title="Add")
    button.showMenu()
    wait_until(lambda: chosen, "the folder")
    process_events(0.2)
    assert chosen == [str(tmp_path)] and slot_errors == []
    button.delete()


def test_a_menu_nobody_answers_is_closed(dialogs):
    import qt

    menu = qt.QMenu()
    menu.addAction("Rename")
    before = time.monotonic()
    menu.exec_()
    assert time.monotonic() - before < 10
    assert any("Rename" in error for error in slot_errors.take())


def test_a_dialog_in_a_dialog_is_answered_too(dialogs):
    import qt

    def ask(checked):
        qt.QMessageBox.question(outer, "Inner", "Really?")

    outer = qt.QDialog()
    outer.windowTitle = "Outer"
    button = qt.QPushButton("Ask", outer)
    button.connect("clicked(bool)", ask)

    def answer(dialog):
        button.click()
        dialog.accept()

    dialogs.expect(answer, title="Outer")
    dialogs.expect("No", title="Inner")
    assert outer.exec_() == 1 and [item.title for item in dialogs.seen] == ["Outer", "Inner"]


def test_a_progress_dialog_is_left_alone(dialogs):
    import qt

    progress = qt.QProgressDialog("Loading", "Cancel", 0, 10)
    progress.modal = True
    progress.show()
    process_events(0.3)
    assert progress.visible and dialogs.seen == []
    progress.close()
    progress.delete()


def test_what_an_error_in_a_slot_says_ends_the_waiting(qt_app):
    import qt

    qt.QTimer.singleShot(0, lambda: 1 / 0)
    before = time.monotonic()
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        wait_until(lambda: False, "nothing", seconds=20)
    assert time.monotonic() - before < 5 and len(slot_errors.take()) == 1
