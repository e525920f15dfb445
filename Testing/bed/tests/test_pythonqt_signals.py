"""Signals, slots, processes and Python subclasses in Slicer. Numbers: the traps of the bed."""

from __future__ import annotations

import functools
import sys

import pytest

from Testing.bed.errors import slot_errors
from Testing.bed.waiting import process_events, wait_until


@pytest.fixture
def qt(qt_app):
    import qt

    return qt


class TestConnections:
    def test_all_forms_of_connect(self, qt):
        button, got = qt.QPushButton(), []
        button.connect("clicked(bool)", lambda checked: got.append(checked))
        button.connect("clicked()", lambda: got.append("no argument"))
        button.clicked.connect(lambda: got.append("bound signal"))
        button.click()
        assert got == [False, "no argument", "bound signal"]

    def test_6_a_signature_that_does_not_exist_raises(self, qt):
        button = qt.QPushButton()
        for signature in ("clickd()", "clicked(int)", "clicked"):
            with pytest.raises(RuntimeError, match="does not exist on QPushButton"):
                button.connect(signature, lambda: None)

    @pytest.mark.parametrize(
        ("kind", "signature"),
        [
            ("QProcess", "error(QProcess::ProcessError)"),
            ("QComboBox", "currentIndexChanged(QString)"),
            ("QComboBox", "activated(QString)"),
            ("QSpinBox", "valueChanged(QString)"),
            ("QButtonGroup", "buttonClicked(int)"),
        ],
    )
    def test_7_8_signals_that_only_qt_5_has_raise(self, qt, kind, signature):
        with pytest.raises(RuntimeError, match="does not exist"):
            getattr(qt, kind)().connect(signature, lambda *_: None)

    def test_7_8_signals_that_both_have_can_be_connected(self, qt):
        process = qt.QProcess()
        assert process.connect("finished(int,QProcess::ExitStatus)", lambda *_: None)
        assert process.connect("errorOccurred(QProcess::ProcessError)", lambda *_: None)
        assert qt.QComboBox().connect("currentIndexChanged(int)", lambda *_: None)

    def test_16_signals_that_only_qt_6_has_raise(self, qt):
        with pytest.raises(AttributeError, match="Qt 6"):
            qt.QCheckBox().connect("checkStateChanged(Qt::CheckState)", lambda *_: None)

    def test_a_receiver_and_the_text_of_its_slot(self, qt):
        box, label = qt.QLineEdit(), qt.QLabel()
        box.connect("textChanged(QString)", label, "setText(QString)")
        box.text = "typed"
        assert label.text == "typed"

    def test_9_functions_and_methods_get_as_many_arguments_as_they_declare(self, qt):
        got = []

        class Owner:
            def method(self):
                got.append(())

        button, owner = qt.QPushButton(), Owner()
        button.clicked.connect(owner.method)
        button.clicked.connect(lambda: got.append(()))
        button.clicked.connect(lambda *arguments: got.append(arguments))
        button.click()
        assert got == [(), (), (False,)]

    def test_9_partials_and_objects_get_all_arguments(self, qt):
        got = []

        class Callable:
            def __call__(self, *arguments):
                got.append(arguments)

        button = qt.QPushButton()
        button.clicked.connect(functools.partial(lambda *arguments: got.append(arguments), "given"))
        button.clicked.connect(Callable())
        button.click()
        assert got == [("given", False), (False,)]

    def test_9_a_default_value_is_overwritten_by_the_signal(self, qt):
        got, button = [], qt.QPushButton()
        button.connect("clicked(bool)", lambda row=7: got.append(row))
        button.click()
        assert got == [False]

    def test_10_errors_in_slots_are_collected_and_do_not_reach_the_caller(self, qt):
        button = qt.QPushButton()
        button.connect("clicked()", lambda: 1 / 0)
        button.click()
        (error,) = slot_errors.take()
        assert "ZeroDivisionError" in error and "test_pythonqt_signals.py" in error

    def test_disconnect_takes_away_one_or_all(self, qt):
        got, button = [], qt.QPushButton()
        first, second = (lambda: got.append(1)), (lambda: got.append(2))
        for slot in (first, second):
            button.connect("clicked()", slot)
        assert button.disconnect("clicked()", first)
        button.click()
        assert button.disconnect("clicked()") and not button.disconnect("clicked()")
        button.click()
        assert got == [2]

    def test_what_is_no_callable_is_refused(self, qt):
        with pytest.raises(TypeError, match="callable"):
            qt.QPushButton().connect("clicked()", None)

    def test_enums_in_signals_are_ints(self, qt):
        got, box = [], qt.QCheckBox()
        box.connect("stateChanged(int)", got.append)
        box.checked = True
        assert got == [qt.Qt.Checked]

    def test_blocked_signals_stay_silent(self, qt):
        got, box = [], qt.QSpinBox()
        box.connect("valueChanged(int)", got.append)
        was = box.blockSignals(True)
        box.value = 3
        box.blockSignals(was)
        box.value = 4
        assert got == [4]


class TestProcess:
    def test_12_lines_come_in_pieces_and_the_exit_code_as_int(self, qt):
        got, ended = [], []
        process = qt.QProcess()
        process.setProcessChannelMode(qt.QProcess.MergedChannels)
        process.connect(
            "readyReadStandardOutput()", lambda: got.append(process.readAllStandardOutput().data())
        )
        process.connect(
            "finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status))
        )
        code = "import sys,time\nfor piece in ('pro','gress\\n'):\n"
        code += " sys.stdout.write(piece); sys.stdout.flush(); time.sleep(.2)\nsys.exit(3)"
        process.start(sys.executable, ["-c", code])
        wait_until(lambda: ended, "the end of the process", seconds=30)
        assert b"".join(got) == b"progress\n" and len(got) >= 2
        assert ended == [(3, qt.QProcess.NormalExit)] and process.exitCode() == 3

    def test_a_program_that_is_not_there_fails_to_start(self, qt):
        failed, process = [], qt.QProcess()
        process.connect("errorOccurred(QProcess::ProcessError)", failed.append)
        process.start("/nonexistent/program", [])
        wait_until(lambda: failed, "the error")
        assert failed == [qt.QProcess.FailedToStart]


class TestSubclasses:
    def test_virtual_functions_are_overridden_and_the_base_can_be_called(self, qt):
        class Widget(qt.QWidget):
            def __init__(self, parent=None):
                super().__init__(parent)
                self.widths = []

            def resizeEvent(self, event):
                self.widths.append(event.size().width())
                qt.QWidget.resizeEvent(self, event)

            def sizeHint(self):
                return qt.QSize(123, 45)

        widget = Widget()
        widget.resize(333, 20)
        widget.show()
        process_events()
        layout_owner = qt.QWidget()
        qt.QVBoxLayout(layout_owner).addWidget(widget)
        assert 333 in widget.widths and layout_owner.sizeHint.width() >= 123
        layout_owner.delete()

    def test_subclasses_have_attributes_but_not_over_those_of_qt(self, qt):
        class Widget(qt.QWidget):
            pass

        widget = Widget()
        widget.state = [1]
        assert widget.state == [1]
        widget.enabled = False
        assert widget.isEnabled() is False
        for name in ("parent", "layout", "update"):
            with pytest.raises(AttributeError, match="can not be overwritten"):
                setattr(widget, name, None)

    def test_an_object_given_to_qt_comes_back_as_itself(self, qt):
        import gc

        class Item(qt.QWidget):
            def __init__(self, number):
                super().__init__()
                self.number = number

        table = qt.QTableWidget(1, 1)
        table.setCellWidget(0, 0, Item(7))
        gc.collect()
        assert table.cellWidget(0, 0).number == 7

    def test_event_filters_work(self, qt):
        class Filter(qt.QObject):
            def __init__(self):
                super().__init__()
                self.kinds = []

            def eventFilter(self, watched, event):
                self.kinds.append(event.type())
                return False

        widget, seen = qt.QWidget(), Filter()
        widget.installEventFilter(seen)
        widget.show()
        process_events()
        assert qt.QEvent.Show in seen.kinds
        widget.removeEventFilter(seen)
        widget.delete()

    def test_errors_in_virtual_functions_are_collected(self, qt):
        class Widget(qt.QWidget):
            def showEvent(self, event):
                raise ValueError("shown")

        widget = Widget()
        widget.show()
        process_events()
        (error,) = slot_errors.take()
        assert "ValueError: shown" in error and "Widget.showEvent" in error
        widget.delete()

    def test_own_signals(self, qt):
        class Sender(qt.QObject):
            changed = qt.Signal(str)

        got, sender = [], Sender()
        sender.changed.connect(got.append)
        sender.connect("changed(QString)", got.append)
        sender.changed.emit("a")
        assert got == ["a", "a"]

    def test_a_model_in_python_feeds_a_view(self, qt):
        class Model(qt.QAbstractTableModel):
            def rowCount(self, parent=None):
                return 2

            def columnCount(self, parent=None):
                return 1

            def data(self, index, role=qt.Qt.DisplayRole):
                return f"row {index.row()}" if role == qt.Qt.DisplayRole else None

        model, view = Model(), qt.QTableView()
        view.setModel(model)
        assert view.model().index(1, 0).data() == "row 1"
        view.delete()

    def test_a_base_that_was_not_initialized_says_so(self, qt):
        class Widget(qt.QWidget):
            def __init__(self):
                self.state = 1

        with pytest.raises(RuntimeError, match="has not called that of its Qt class"):
            Widget().show()

    def test_a_mixin_may_be_added(self, qt):
        class Mixin:
            def hello(self):
                return f"I am {self.name}"

        class Widget(qt.QWidget, Mixin):
            def __init__(self):
                super().__init__()
                self.name = "x"

        assert Widget().hello() == "I am x"


class TestWarnings:
    def test_warnings_of_qt_are_errors_of_the_test(self, qt):
        outer = qt.QWidget()
        _first, _second = qt.QVBoxLayout(outer), qt.QVBoxLayout(outer)
        assert any("which already has a layout" in error for error in slot_errors.take())

    def test_swallowed_errors_of_vtk_observers_are_collected(self, qt):
        vtk = pytest.importorskip("vtk")
        sender = vtk.vtkObject()
        sender.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: 1 / 0)
        sender.Modified()
        assert "ZeroDivisionError" in slot_errors.take()[0]
