"""The window of the module: opens with nothing installed, keeps its state in the scene, releases its keys."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6 import QtGui, QtWidgets

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events
from Testing.gui.conftest import MODULE


def test_the_five_sections_are_in_the_order_of_the_work(window, shot):
    sections = [unwrap(window.widget.sections.section(name)) for name in ("cohort", "annotate", "train")]
    assert [section.text() for section in sections] == ["Cohort", "Annotate", "Train"]
    tops = [section.mapToGlobal(section.rect().topLeft()).y() for section in sections]
    assert tops == sorted(tops)
    shot("shell_empty")


def test_folded_sections_follow_each_other_without_gaps(window, shot):
    sections = [window.widget.sections.section(name) for name in ("cohort", "annotate", "train", "review")]
    for section in sections:
        section.collapsed = True
    process_events(0.4)
    shot("shell_folded")
    raw = [unwrap(section) for section in sections]
    tops = [item.mapToGlobal(item.rect().topLeft()).y() for item in raw]
    header = raw[0].sizeHint().height()  # of a folded section
    button = QtWidgets.QPushButton("Cohort").sizeHint().height()
    assert header <= button + 2
    assert [after - before - header for before, after in zip(tops, tops[1:], strict=False)] == [6, 6, 6]


def clipped(top):
    """Visible labels and buttons that are narrower than their text, and line breaks that do not fit."""
    kinds = (QtWidgets.QLabel, QtWidgets.QPushButton, QtWidgets.QCheckBox, QtWidgets.QRadioButton)
    found = []
    for item in top.findChildren(QtWidgets.QWidget):
        if isinstance(item, kinds) and item.isVisible() and item.text():
            wraps = isinstance(item, QtWidgets.QLabel) and item.wordWrap()
            needed = item.minimumSizeHint().width() if wraps else item.sizeHint().width()
            cut = item.width() < needed or (wraps and item.height() < item.heightForWidth(item.width()))
            if cut and item.toolTip() != item.text():  # a long title may be cut where its tool tip has it all
                found.append((item.objectName(), item.text(), item.width(), needed))
    return found


def test_nothing_is_clipped_in_a_panel_of_420_pixels(window, new_cohort, shot):
    from PySide6 import QtCore

    main_window = unwrap(window.bed.window)
    dock = main_window.findChild(QtWidgets.QDockWidget, "PanelDockWidget")
    window.open_cohort(new_cohort(cases=3, labeled=1))
    window.double_click(1)
    for name in ("train", "review", "apply"):
        unwrap(window.widget.sections.section(name)).setProperty("collapsed", False)
    main_window.resizeDocks([dock], [420], QtCore.Qt.Orientation.Horizontal)
    process_events(0.5)
    area = dock.findChild(QtWidgets.QScrollArea)
    assert dock.width() == 420 and not area.horizontalScrollBar().isVisible()
    assert clipped(area.widget()) == []
    shot("shell_420")
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    shot("shell_420_end")


def test_the_empty_window_says_what_to_do_first(window):
    assert window.cohort.ui.summaryLabel.text == "No cohort yet: create one, or open the folder of one."
    assert window.annotate.ui.emptyLabel.text == "Open or create a cohort first."
    assert not window.cohort.ui.addButton.enabled
    assert window.cohort.ui.addButton.toolTip == "Open or create a cohort first."


def test_13_opening_the_module_installs_downloads_and_imports_nothing(bed, monkeypatch):
    from Testing.bed.packaging_recorder import recorder

    def refuse(*_arguments, **_keywords):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    before = set(sys.modules)
    bed.loadModule(MODULE)
    process_events(0.5)
    heavy = {"torch", "monai", "SimpleITK", "peft", "openvino"} & (set(sys.modules) - before)
    assert heavy == set() and "torch" not in sys.modules and recorder.calls == []


def test_45_the_keys_of_the_module_work_only_while_it_is_shown(window, new_cohort):
    window.session.openCohort(new_cohort(cases=1))
    main_window = unwrap(window.bed.window)

    def keys() -> set[str]:
        found = main_window.findChildren(QtGui.QShortcut)
        return {item.key().toString() for item in found if item.isEnabled()}

    assert "Ctrl+L" in keys()
    window.widget.exit()
    process_events()
    assert keys() == set()
    window.widget.enter()
    assert "Ctrl+L" in keys()


def test_the_module_opens_again_after_a_reload(window, new_cohort):
    folder = new_cohort(cases=1)
    window.session.openCohort(folder)
    window.bed.call(window.widget.onReload)
    again = window.bed.moduleWidget("CFRSegment")
    assert again is not window.widget
    assert str(again.session.cohort.folder) == str(folder) and not again.session.cohort.readOnly


def test_the_self_test_of_the_module_passes(window):
    import CFRSegment

    CFRSegment.CFRSegmentTest().runTest()


def test_the_window_is_made_without_a_main_window(bed, monkeypatch):
    bed.loadModule(MODULE, show=False)
    import slicer.util

    import CFRSegment

    monkeypatch.setattr(slicer.util, "mainWindow", lambda: None)
    widget = CFRSegment.CFRSegmentWidget()
    assert set(widget.sections.panels) == {"setup", "cohort", "annotate", "train", "review", "apply"}
    widget.enter()
    widget.exit()


def test_the_tests_that_slicer_runs_pass(window):
    import importlib.util
    import unittest

    file = MODULE.parent / "Testing" / "Python" / "CFRSegmentSceneTest.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(tests).run(result)
    assert result.testsRun == 1 and result.wasSuccessful(), result.errors + result.failures


def test_the_logic_works_without_the_window(bed, new_cohort):
    bed.loadModule(MODULE, show=False)
    import slicer

    from CFRSegment import CFRSegmentLogic

    logic = CFRSegmentLogic()
    cohort = logic.openCohort(new_cohort(cases=2))
    node = logic.openCase(cohort.cases()[0].id)
    assert node.GetSegmentation().GetNumberOfSegments() == 2
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    logic.session.cleanup()


def test_two_volumes_are_offered_as_sample_data(bed):
    bed.loadModule(MODULE, show=False)
    bed.app.startupCompleted.emit()
    import slicer

    sources = slicer.modules.sampleDataSources["CFRSegment"]
    assert [len(source.uris) for source in sources] == [2]
    for uri, checksum in zip(sources[0].uris, sources[0].checksums, strict=True):
        assert uri.startswith("https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/")
        assert checksum == f"SHA256:{uri.rsplit('/', 1)[1]}"
    assert Path(sources[0].thumbnailFileName).is_file()
