"""Calls of Qt in Slicer: arguments, results, enums, dialogs and names. Numbers: the traps of the bed."""

from __future__ import annotations

import pytest

from Testing.bed.errors import slot_errors
from Testing.bed.qt_application import restart_settings
from Testing.bed.waiting import wait_until


@pytest.fixture
def qt(qt_app):
    import qt

    return qt


class TestArguments:
    def test_5_keyword_arguments_are_refused(self, qt):
        for call in (lambda: qt.QLabel(text="a"), lambda: qt.QWidget().resize(w=1, h=2)):
            with pytest.raises(ValueError, match="does not support kwargs"):
                call()

    def test_functions_are_no_arguments(self, qt):
        for call in (
            lambda: qt.QMenu().addAction("Rename", lambda: None),
            lambda: qt.QShortcut(qt.QKeySequence("Ctrl+K"), qt.QWidget(), lambda: None),
        ):
            with pytest.raises(TypeError, match="connect it to a signal"):
                call()

    def test_ints_stand_for_enums_and_flags(self, qt):
        label, item = qt.QLabel(), qt.QTableWidgetItem()
        label.setAlignment(0x84)
        item.setFlags(item.flags() & ~qt.Qt.ItemIsEditable)
        assert label.alignment == qt.Qt.AlignCenter
        assert not item.flags() & qt.Qt.ItemIsEditable and item.flags() & qt.Qt.ItemIsEnabled

    def test_numbers_and_texts_are_converted(self, qt):
        bar, label = qt.QProgressBar(), qt.QLabel()
        bar.setValue(12.7)
        label.setText(5)
        assert bar.value == 12 and label.text == "5"

    def test_21_an_unknown_object_becomes_its_text(self, qt):
        class Widget:
            def __str__(self):
                return "not a parent"

        assert qt.QMenu(Widget()).title == "not a parent"

    def test_arguments_that_fit_nothing_are_a_type_error(self, qt):
        with pytest.raises(TypeError):
            qt.QWidget().resize("wide")


class TestResults:
    def test_13_lists_come_back_as_tuples(self, qt, tmp_path):
        settings = qt.QSettings(str(tmp_path / "a.ini"), qt.QSettings.IniFormat)
        settings.setValue("b", 1)
        widget = qt.QWidget()
        assert settings.allKeys() == ("b",) and widget.children() == ()
        model = qt.QStringListModel()
        model.setStringList(["a", "b"])
        assert model.stringList() == ("a", "b")

    def test_11_a_byte_array_gives_bytes_by_data_only(self, qt):
        data = qt.QByteArray(b"abc")
        assert data.data() == b"abc" and data.size() == 3
        with pytest.raises(TypeError):
            bytes(data)
        with pytest.raises(TypeError):
            len(data)
        assert str(data) == "b'abc'"

    def test_14_file_dialogs_give_the_file_only(self, qt, dialogs, tmp_path):
        path = tmp_path / "a.txt"
        path.touch()
        dialogs.expect(path)
        assert qt.QFileDialog.getOpenFileName(None, "Open", str(tmp_path)) == str(path)
        dialogs.expect("Cancel")
        assert qt.QFileDialog.getSaveFileName(None, "Save", str(tmp_path)) == ""

    def test_14_input_dialogs_give_the_value_only(self, qt, dialogs):
        dialogs.expect("OK")
        assert qt.QInputDialog.getText(None, "Title", "Label", qt.QLineEdit.Normal, "given") == "given"

    def test_28_exec_and_exec_with_an_underscore_are_the_same(self, qt, dialogs):
        for name in ("exec_", "exec"):
            dialogs.expect("OK")
            box = qt.QMessageBox(qt.QMessageBox.Information, "Title", "Text", qt.QMessageBox.Ok)
            assert getattr(box, name)() == qt.QMessageBox.Ok


class TestEnums:
    def test_15_enum_values_are_ints_of_the_class(self, qt):
        assert qt.Qt.Checked == 2 and isinstance(qt.Qt.Checked, int)
        assert qt.QProcess.NotRunning == qt.QProcess.ProcessState.NotRunning == 0
        assert qt.Qt.AlignRight | qt.Qt.AlignTop == 0x22
        assert qt.Qt.Key(65) == qt.Qt.Key_A

    def test_15_enums_of_pyside_have_value_and_name_those_of_slicer_do_not(self, qt):
        for name in ("value", "name"):
            with pytest.raises(AttributeError):
                getattr(qt.Qt.Checked, name)

    def test_15_a_misspelt_enum_raises(self, qt):
        for owner, name in (
            (qt.Qt, "AlignMiddel"),
            (qt.QProcess, "NotRuning"),
            (qt.QProcess.ProcessState, "x"),
        ):
            with pytest.raises(AttributeError):
                getattr(owner, name)

    def test_results_are_ints_too(self, qt):
        assert qt.QProcess().state() == qt.QProcess.NotRunning == qt.QProcess().NotRunning
        assert isinstance(qt.QTableWidgetItem().checkState(), int)


class TestTimersAndSettings:
    def test_20_single_shot_takes_a_time_and_a_callable_only(self, qt):
        called = []
        qt.QTimer.singleShot(0, lambda: called.append(1))
        wait_until(lambda: called, "the timer")
        with pytest.raises(TypeError):
            qt.QTimer.singleShot(0, qt.QObject(), lambda: None)

    def test_17_settings_come_back_as_texts_after_a_restart(self, qt, settings_folder):
        settings = qt.QSettings()
        for key, value in {"on": True, "many": 5, "list": ["one"]}.items():
            settings.setValue(key, value)
        restart_settings(settings_folder, settings_folder.with_name("after the restart"))
        read = qt.QSettings()
        assert read.value("on") == "true" and read.value("many") == "5"
        assert read.value("missing", "default") == "default"
        assert read.value("list") in ("one", ("one",))

    def test_settings_of_one_test_are_not_those_of_the_next(self, qt):
        assert qt.QSettings().value("on") is None


class TestNames:
    @pytest.mark.parametrize("name", ["QThread", "QRunnable", "QThreadPool", "QFutureWatcher"])
    def test_32_threads_of_qt_raise(self, qt, name):
        with pytest.raises(AttributeError, match="QProcess"):
            getattr(qt, name)

    def test_32_and_so_does_moving_an_object_to_another_thread(self, qt):
        with pytest.raises(AttributeError, match="hangs Slicer"):
            qt.QObject().moveToThread(None)

    @pytest.mark.parametrize("name", ["QTextCodec", "QSignalMapper", "QDesktopWidget", "QRegExp"])
    def test_16_names_that_only_qt_5_has_raise(self, qt, name):
        with pytest.raises(AttributeError, match="Qt 6"):
            getattr(qt, name)

    @pytest.mark.parametrize("name", ["QPermission", "QEventPoint", "QKeyCombination"])
    def test_16_classes_that_only_qt_6_has_raise(self, qt, name):
        with pytest.raises(AttributeError, match=r"Qt 5\.15"):
            getattr(qt, name)

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("QProcess", "startCommand"),
            ("QCheckBox", "checkStateChanged"),
            ("QComboBox", "setLabelDrawingMode"),
            ("QColor", "fromString"),
            ("QShortcut", "setKeys"),
            ("QFont", "setVariableAxis"),
        ],
    )
    def test_16_members_that_only_qt_6_has_raise(self, qt, kind, name):
        with pytest.raises(AttributeError, match="Qt 6"):
            getattr(getattr(qt, kind), name)

    def test_16_the_place_of_a_mouse_event_has_a_name_that_both_have(self, qt):
        places = (qt.QPointF(1, 2), qt.QPointF(3, 4))
        event = qt.QMouseEvent(qt.QEvent.MouseMove, *places, qt.Qt.NoButton, qt.Qt.NoButton, qt.Qt.NoModifier)
        assert event.pos() == qt.QPoint(1, 2)
        with pytest.raises(AttributeError, match="Qt 6"):
            event.position()

    def test_an_unknown_name_raises(self, qt):
        with pytest.raises(AttributeError, match="QWigdet"):
            _ = qt.QWigdet


class TestThreads:
    def test_22_qt_from_another_thread_raises_and_is_kept(self, qt):
        import threading

        label, raised = qt.QLabel("a"), []

        def work():
            for use in (lambda: label.text, lambda: label.setText("b"), qt.QLabel):
                try:
                    use()
                except RuntimeError as error:
                    raised.append(str(error))

        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
        assert len(raised) == 3 and all("worker" in text for text in raised)
        assert len(slot_errors.take()) == 3 and label.text == "a"

    def test_22_a_function_fetched_before_is_checked_when_called(self, qt):
        import threading

        label = qt.QLabel("a")
        set_text, raised = label.setText, []

        def work():
            try:
                set_text("b")
            except RuntimeError as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert raised and slot_errors.take() and label.text == "a"
