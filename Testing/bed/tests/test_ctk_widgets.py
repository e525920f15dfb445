"""The stand-ins of CTK behave, as far as modules use them, like CTK's own widgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from Testing.bed import pythonqt
from Testing.bed.waiting import process_events


@pytest.fixture
def ctk(qt_app):
    import ctk

    return ctk


@pytest.fixture
def qt(ctk):
    import qt

    return qt


@pytest.fixture
def shown(qt):
    """Shows widgets below each other in a window."""
    window = qt.QWidget()
    layout = qt.QVBoxLayout(window)

    def show(*widgets):
        for widget in widgets:
            layout.addWidget(widget)
        window.resize(400, 300)
        window.show()
        process_events(0.05)
        return widgets[0]

    yield show
    window.delete()


def signals_of(widget, *signatures):
    """What a widget sends from now on: (signature, arguments)."""
    sent = []

    def keep(name):
        return lambda *values: sent.append((name, *values))

    for signature in signatures:
        widget.connect(signature, keep(signature.split("(")[0]))
    return sent


class TestEveryStandIn:
    def test_each_is_made_and_shown(self, qt, ctk, shown):
        from Testing.bed.ctk import STAND_INS

        for stand_in in STAND_INS:
            made = getattr(ctk, stand_in.__name__)()
            assert made.className() == stand_in.__name__
            if isinstance(made, qt.QWidget) and not isinstance(made, qt.QDialog):
                shown(made)

    def test_each_keeps_what_its_properties_are_set_to(self, qt, ctk):
        from Testing.bed.ctk import STAND_INS

        for stand_in in STAND_INS:
            made = pythonqt.unwrap(getattr(ctk, stand_in.__name__)())
            meta = made.metaObject()
            own = [meta.property(index) for index in range(meta.propertyOffset(), meta.propertyCount())]
            for item in own:
                value = item.read(made)
                if item.isWritable() and isinstance(value, bool | str):
                    new = (not value) if isinstance(value, bool) else value + "x"
                    assert item.write(made, new), f"{stand_in.__name__}.{item.name()}"


class TestCollapsibleButton:
    def section(self, qt, ctk, collapsed_first=False):
        section = ctk.ctkCollapsibleButton("Cohort")
        if collapsed_first:
            section.collapsed = True
        layout = qt.QVBoxLayout(section)
        for name in ("first", "second"):
            label = qt.QLabel(name)
            label.name = name
            layout.addWidget(label)
        return section

    def test_it_shows_and_hides_its_contents(self, qt, ctk, shown):
        section = self.section(qt, ctk)
        sent = signals_of(section, "contentsCollapsed(bool)", "toggled(bool)")
        shown(section)
        assert section.first.visible and section.checked
        section.collapsed = True
        process_events()
        assert not section.first.visible and not section.checked and section.height < 60
        section.checked = True
        process_events()
        assert section.first.visible and not section.collapsed
        assert sent.count(("contentsCollapsed", True)) == sent.count(("contentsCollapsed", False)) == 1

    def test_collapsed_before_there_are_children_it_hides_them_too(self, qt, ctk, shown):
        section = shown(self.section(qt, ctk, collapsed_first=True), qt.QLabel("below"))
        assert not section.first.visible and not section.second.visible and section.height < 60
        section.collapsed = False
        process_events()
        assert section.first.visible and section.second.visible

    def test_collapsed_by_a_ui_file_it_hides_what_follows(self, qt, ctk, shown, tmp_path: Path):
        path = tmp_path / "form.ui"
        path.write_text(
            '<ui version="4.0"><class>F</class><widget class="QWidget" name="F"><layout class="QVBoxLayout" '
            'name="l"><item><widget class="ctkCollapsibleButton" name="section"><property name="collapsed">'
            '<bool>true</bool></property><layout class="QVBoxLayout" name="m"><item><widget class="QLabel" '
            'name="inside"/></item></layout></widget></item></layout></widget></ui>',
            "utf-8",
        )
        file = qt.QFile(str(path))
        file.open(qt.QFile.ReadOnly)
        form = shown(qt.QUiLoader().load(file))
        section = form.section
        assert section.collapsed and not section.inside.visible
        section.collapsed = False
        process_events()
        assert section.inside.visible

    def test_what_a_module_hides_stays_hidden_and_what_it_shows_waits(self, qt, ctk, shown):
        section = shown(self.section(qt, ctk))
        section.first.visible = False
        section.collapsed = True
        section.second.setVisible(True)
        process_events()
        assert not section.second.visible
        section.collapsed = False
        process_events()
        assert section.second.visible and not section.first.visible
        section.first.visible = True
        assert section.first.visible

    def test_a_click_on_the_header_folds_it(self, user, qt, ctk, shown):
        section = shown(self.section(qt, ctk))
        user.click(section, at=(30, 8))
        assert section.collapsed
        user.click(section, at=(30, 8))
        assert not section.collapsed
        user.click(section, at=(30, section.height - 5))
        assert not section.collapsed

    def test_the_group_box_folds_too(self, qt, ctk, shown):
        box = ctk.ctkCollapsibleGroupBox("Advanced")
        qt.QVBoxLayout(box).addWidget(label := qt.QLabel("inside"))
        shown(box)
        box.collapsed = True
        process_events()
        assert not label.visible and not box.checked
        box.checked = True
        process_events()
        assert label.visible and not box.collapsed


class TestNumbers:
    def test_the_slider_widget_keeps_slider_and_box_together(self, ctk, shown):
        slider = shown(ctk.ctkSliderWidget())
        slider.minimum, slider.maximum, slider.decimals = -1.0, 1.0, 3
        sent = signals_of(slider, "valueChanged(double)")
        slider.value = 0.125
        slider.setValue(0.125)
        assert slider.value == 0.125 and sent == [("valueChanged", 0.125)]
        slider.value = 7
        assert slider.value == 1.0

    def test_without_tracking_only_the_end_of_sliding_counts(self, user, ctk, shown):
        slider = shown(ctk.ctkSliderWidget())
        slider.tracking = False
        sent = signals_of(slider, "valueChanged(double)", "valueIsChanging(double)")
        raw = pythonqt.unwrap(slider)
        middle = raw._slider.height() // 2
        user.drag(raw._slider, [(5, middle), (60, middle), (120, middle)])
        names = [name for name, _ in sent]
        assert names.count("valueChanged") == 1 and names.count("valueIsChanging") >= 2
        assert names[-1] == "valueChanged" and slider.value > 10

    def test_a_value_can_be_typed(self, user, ctk, shown):
        slider = shown(ctk.ctkSliderWidget())
        user.type_text("42", pythonqt.unwrap(slider)._box, replace=True)
        user.key("Return")
        assert slider.value == 42

    def test_the_double_slider_counts_in_fractions(self, ctk, shown):
        slider = shown(ctk.ctkDoubleSlider())
        slider.minimum, slider.maximum = 0.0, 1.0
        sent = signals_of(slider, "valueChanged(double)")
        slider.value = 0.5
        assert slider.value == 0.5 and sent == [("valueChanged", 0.5)]

    def test_the_spin_box_sends_number_and_text(self, ctk, shown):
        box = shown(ctk.ctkDoubleSpinBox())
        sent = signals_of(box, "valueChanged(double)", "valueChanged(QString)")
        box.suffix = " mm"
        box.value = 2.5
        assert ("valueChanged", 2.5) in sent and box.cleanText == "2.50"

    def test_the_range_widget_keeps_its_values_in_order_and_within_its_limits(self, ctk, shown):
        widget = shown(ctk.ctkRangeWidget())
        sent = signals_of(widget, "valuesChanged(double,double)", "minimumValueChanged(double)")
        widget.setRange(0, 200)
        widget.setValues(50, 300)
        assert (widget.minimumValue, widget.maximumValue) == (50, 200)
        widget.maximumValue = 20
        assert (widget.minimumValue, widget.maximumValue) == (20, 20)
        assert sent[-1] == ("valuesChanged", 20, 20)


class TestPaths:
    def test_a_path_is_set_and_told(self, ctk, shown, tmp_path):
        edit = shown(ctk.ctkPathLineEdit())
        sent = signals_of(edit, "currentPathChanged(QString)", "validInputChanged(bool)")
        edit.currentPath = str(tmp_path)
        edit.setCurrentPath(str(tmp_path / "missing"))
        assert edit.currentPath == str(tmp_path / "missing")
        assert sent[0] == ("currentPathChanged", str(tmp_path)) and ("validInputChanged", True) in sent
        assert sent[-1] == ("validInputChanged", False)

    @pytest.mark.parametrize("kind", ["folder", "file", "new file"])
    def test_the_button_opens_the_dialog_that_fits(self, user, ctk, shown, dialogs, tmp_path, kind):
        edit = shown(ctk.ctkPathLineEdit())
        path = tmp_path / "é 海"
        if kind == "folder":
            edit.filters = ctk.ctkPathLineEdit.Dirs
            path.mkdir()
        elif kind == "file":
            edit.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Readable
            path.touch()
        else:
            edit.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Writable
        dialogs.expect(path)
        user.click(pythonqt.unwrap(edit)._browse)
        assert edit.currentPath == str(path)

    def test_the_history_is_kept_in_the_settings(self, qt, ctk, shown, tmp_path):
        first = shown(ctk.ctkPathLineEdit())
        first.settingKey = "cohort"
        for name in ("a", "b", "a"):
            first.currentPath = str(tmp_path / name)
            first.addCurrentPathToHistory()
        assert qt.QSettings().value("ctkPathLineEdit/cohort") == (str(tmp_path / "a"), str(tmp_path / "b"))
        second = ctk.ctkPathLineEdit()
        second.settingKey = "cohort"
        assert second.currentPath == str(tmp_path / "a") and second.comboBox().count == 2

    def test_the_directory_button(self, user, ctk, shown, dialogs, tmp_path):
        button = shown(ctk.ctkDirectoryButton())
        sent = signals_of(button, "directoryChanged(QString)", "directorySelected(QString)")
        dialogs.expect(tmp_path)
        user.click(pythonqt.unwrap(button)._button)
        assert button.directory == str(tmp_path)
        assert sent == [("directoryChanged", str(tmp_path)), ("directorySelected", str(tmp_path))]


class TestChoices:
    def test_entries_are_checked_with_clicks(self, user, ctk, shown):
        box = ctk.ctkCheckableComboBox()
        box.addItems(["one", "two", "three"])
        shown(box)
        sent = signals_of(box, "checkedIndexesChanged()")
        assert box.noneChecked()
        box.setCheckState(box.model().index(1, 0), 2)
        assert [index.data() for index in box.checkedIndexes()] == ["two"] and sent
        user.click(box)
        user.click_item(box.view(), box.model().index(0, 0))
        assert [index.data() for index in box.checkedIndexes()] == ["one", "two"]
        box.hidePopup()

    def test_a_combo_box_shows_a_text_where_nothing_is_chosen(self, ctk, shown):
        box = ctk.ctkComboBox()
        box.addItem("one", "data")
        box.defaultText = "Choose"
        box.currentIndex = -1
        shown(box)
        assert box.defaultText == "Choose" and box.currentText == ""
        box.setCurrentUserDataAsString("data")
        assert box.currentText == "one" and box.currentUserDataAsString == "data"

    def test_the_wheel_over_a_combo_box_can_be_switched_off(self, user, ctk, shown):
        box = ctk.ctkComboBox()
        box.addItems(["one", "two", "three"])
        box.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
        shown(box)
        user.wheel(box, -1)
        assert box.currentText == "one"
        box.scrollWheelEffect = ctk.ctkComboBox.AlwaysScroll
        user.wheel(box, -1)
        assert box.currentText == "two"

    def test_a_color_is_picked(self, user, qt, ctk, shown, dialogs):
        button = shown(ctk.ctkColorPickerButton())
        sent = signals_of(button, "colorChanged(QColor)")
        button.color = qt.QColor(255, 0, 0)

        def choose_green(dialog):
            dialog.setCurrentColor(pythonqt.unwrap(qt.QColor(0, 255, 0)))
            dialog.accept()

        dialogs.expect(choose_green)
        user.click(button)
        assert button.color == qt.QColor(0, 255, 0) and len(sent) == 2


class TestTexts:
    def test_a_collapsible_text_shows_its_first_line_until_it_is_opened(self, ctk, shown):
        browser = shown(ctk.ctkFittedTextBrowser())
        browser.setCollapsibleText("First line\nSecond line\nThird line")
        assert "First line" in browser.plainText and "Second line" not in browser.plainText
        browser.collapsed = False
        assert "Third line" in browser.plainText
        assert browser.collapsibleText() == "First line\nSecond line\nThird line"

    def test_a_text_is_as_high_as_it_needs(self, ctk, shown):
        browser = shown(ctk.ctkFittedTextBrowser())
        browser.setPlainText("short")
        process_events()
        low = browser.sizeHint.height()
        browser.setPlainText("\n".join("abcdefgh"))
        process_events()
        assert browser.sizeHint.height() > 3 * low

    def test_a_message_is_not_shown_again(self, qt, ctk, dialogs):
        def ask():
            box = ctk.ctkMessageBox()
            box.text = "Go on?"
            box.setStandardButtons(qt.QMessageBox.Ok | qt.QMessageBox.Cancel)
            box.dontShowAgainSettingsKey = "Bed/GoOn"
            return box, box.exec_

        box, run = ask()
        box.dontShowAgain = True
        dialogs.expect("OK", text="Go on?")
        assert run() == qt.QMessageBox.Ok
        _, run = ask()
        assert run() == qt.QMessageBox.Ok and len(dialogs.seen) == 1

    def test_a_search_box_tells_what_is_typed(self, user, ctk, shown):
        box = shown(ctk.ctkSearchBox())
        sent = signals_of(box, "textChanged(QString)")
        user.type_text("ab", box)
        assert sent == [("textChanged", "a"), ("textChanged", "ab")]


def test_a_flow_layout_breaks_its_rows(qt, ctk):
    window = qt.QWidget()
    layout = ctk.ctkFlowLayout(window)
    buttons = [qt.QPushButton(f"Button {number}") for number in range(6)]
    for button in buttons:
        layout.addWidget(button)
    window.resize(220, 300)
    window.show()
    process_events(0.05)
    rows = {button.y for button in buttons}
    assert layout.count() == 6 and len(rows) >= 3
    window.delete()
