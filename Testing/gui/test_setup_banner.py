"""The line about missing packages: one confirmation, no pop-up; everything else works without them."""

from __future__ import annotations

import json

import pytest

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until
from Testing.gui.conftest import MODULE
from Testing.gui.window import Window

MISSING = ("torch>=2.10", "monai>=1.6.0")


@pytest.fixture
def installer(bed, monkeypatch):
    """The installer, with packages missing and an `install` that does nothing but note what was asked."""
    import sys

    sys.path.insert(0, str(MODULE.parent))
    from CFRSegmentLib.setup import Installer, InstallPlan, InstallResult, Outcome

    class Fake:
        asked: list = []
        outcome = InstallResult(Outcome.INSTALLED, "Everything is installed.")
        isBusy = False
        found = MISSING

        def plan(self, _installer, groups=("base",), offlineFolder=None):
            question = f"Install {', '.join(self.found)}?"
            return InstallPlan(self.found, tuple(groups), offlineFolder, question)

        def install(self, _installer, confirm, folder, progress, finished, groups):
            assert confirm(None)
            self.asked = [*self.asked, (folder, groups)]
            progress("Collecting torch")
            self.finish = lambda: finished(self.outcome)

    fake = Fake()
    monkeypatch.setattr(Installer, "missing", lambda self, *a: fake.found)
    monkeypatch.setattr(Installer, "plan", lambda self, *a, **k: fake.plan(self, *a, **k))
    monkeypatch.setattr(Installer, "install", lambda self, *a, **k: fake.install(self, *a, **k))
    monkeypatch.setattr(Installer, "isInstalling", lambda self: fake.isBusy)
    monkeypatch.setattr(Installer, "pendingAfterRestart", None)
    fake.kinds = (InstallPlan, InstallResult, Outcome)
    return fake


@pytest.fixture
def window(bed, user, dialogs, installer, engine_python):
    return Window(bed, bed.loadModule(MODULE), user, dialogs)


def press(window, text):
    """Press a button of the line at the top."""
    from PySide6 import QtWidgets

    process_events()
    frame = unwrap(window.panel("setup").message.frame)
    buttons = {item.text(): item for item in frame.findChildren(QtWidgets.QPushButton) if item.isVisible()}
    window.user.click(buttons[text])


def test_14_missing_packages_are_listed_once_and_cancel_changes_nothing(window, installer, new_cohort, shot):
    message = window.panel("setup").message
    assert "Cases can be labeled now" in window.text(message)
    shot("setup_missing")
    press(window, "Install...")
    assert all(name in window.text(message) for name in MISSING)
    shot("setup_confirm")
    press(window, "Cancel")
    assert installer.asked == [] and window.text(message) == ""
    window.open_cohort(new_cohort(cases=1))
    window.double_click(0)
    window.paint(1)
    window.user.click(window.annotate.ui.saveButton)
    assert window.rows()[0][1] == "Labeled"


def test_an_installation_is_told_line_by_line_and_its_end_to_the_panels(window, installer):
    finished = []
    window.session.setupFinished.connect(lambda: finished.append(True))
    press(window, "Install...")
    press(window, "Install")
    message = window.panel("setup").message
    assert installer.asked and "Collecting torch" in window.text(message)
    installer.found = ()
    installer.finish()
    assert window.text(message) == "Everything is installed." and finished == [True]


def test_15_what_was_begun_before_a_restart_goes_on_with_one_click(bed, user, dialogs, monkeypatch, shot):
    from Testing.bed.packaging_recorder import recorder

    bed.app.set_testing(False)  # nothing is installed in Slicer's testing mode
    noted = json.dumps({"groups": ["base"], "offlineFolder": None})
    bed.app.userSettings().setValue("CFRSegment/PendingInstallation", noted)
    without_monai = lambda requirement, *_, **__: not str(requirement).startswith("monai")  # noqa: E731
    monkeypatch.setattr("Testing.bed.packaging_recorder.pip_check", without_monai)
    window = Window(bed, bed.loadModule(MODULE), user, dialogs)
    assert "before the restart" in window.text(window.panel("setup").message)
    assert recorder.calls == []
    shot("setup_after_restart")
    press(window, "Continue")
    wait_until(lambda: [call for call in recorder.calls if "monai" in str(call)], "the installation")


def test_a_restart_is_offered_where_it_is_needed(window, installer):
    _plan, result, outcome = installer.kinds
    press(window, "Install...")
    press(window, "Install")
    installer.outcome = result(outcome.RESTART, "Slicer has to be started again.")
    installer.finish()
    press(window, "Restart Slicer")
    assert window.bed.app.restarts == 1


def test_05_a_restart_asks_about_unsaved_edits(window, installer, new_cohort):
    window.open_cohort(new_cohort(cases=1))
    window.double_click(0)
    window.paint(1)
    _plan, result, outcome = installer.kinds
    window.panel("setup")._onFinished(result(outcome.RESTART, "Slicer has to be started again."))
    window.dialogs.expect("Stay", title="Unsaved label")
    press(window, "Restart Slicer")
    assert window.bed.app.restarts == 0 and window.session.case.isModified
    window.dialogs.expect("Save label", title="Unsaved label")
    press(window, "Restart Slicer")
    assert window.bed.app.restarts == 1 and window.session.cohort.cases()[0].label is not None


def test_16_packages_come_from_a_folder_where_there_is_no_network(window, installer, tmp_path):
    press(window, "Install...")
    window.dialogs.expect(tmp_path, title="Folder with the packages")
    press(window, "From a folder...")
    press(window, "Install")
    assert installer.asked == [(tmp_path, ("base",))]


def test_a_failed_installation_shows_its_cause(window, installer, shot):
    _plan, result, outcome = installer.kinds
    press(window, "Install...")
    press(window, "Install")
    installer.outcome = result(outcome.FAILED, "The disk is full.", "Free some space.", ("ERROR: no space",))
    installer.finish()
    process_events()
    message = window.panel("setup").message
    assert message.level == "error" and "The disk is full. Free some space." in message.text
    assert "ERROR: no space" in message.text
    shot("setup_failed")
