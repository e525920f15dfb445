"""Mouse, wheel and keys arrive as a person's would, and only where a person could reach."""

from __future__ import annotations

import pytest

from Testing.bed.waiting import wait_until


@pytest.fixture
def form(qt_app):
    """A window with a button, a line, a combo box, a spin box and a table, as module code makes it."""
    import qt

    window = qt.QWidget()
    layout = qt.QFormLayout(window)
    for name, widget in {
        "button": qt.QPushButton("Press"),
        "line": qt.QLineEdit(),
        "combo": qt.QComboBox(),
        "spin": qt.QSpinBox(),
        "table": qt.QTableWidget(3, 2),
    }.items():
        widget.name = name
        layout.addRow(name, widget)
    window.combo.addItems(["one", "two", "three"])
    window.resize(400, 400)
    window.show()
    yield window
    window.delete()


def test_a_click_presses_the_button(user, form):
    pressed = []
    form.button.connect("clicked(bool)", lambda checked: pressed.append(checked))
    user.click(form.button)
    assert pressed == [False] and user.is_real


def test_a_double_click_is_two_clicks(user, form):
    cells = []
    form.table.connect("cellDoubleClicked(int,int)", lambda row, column: cells.append((row, column)))
    user.click_cell(form.table, 1, 1, count=2)
    assert cells == [(1, 1)]


def test_text_is_typed(user, form):
    user.type_text("Abc 12_x", form.line)
    assert form.line.text == "Abc 12_x"
    user.type_text("Käse", form.line, replace=True)
    assert form.line.text == "Käse"


def test_an_entry_of_a_combo_box_is_chosen(user, form):
    chosen = []
    form.combo.connect("currentIndexChanged(int)", chosen.append)
    user.choose(form.combo, "three")
    assert form.combo.currentText == "three" and chosen == [2]


def test_the_wheel_turns_a_spin_box(user, form):
    user.click(form.spin, at=(10, 10))
    user.wheel(form.spin, 3)
    assert form.spin.value == 3


def test_a_key_reaches_a_shortcut(user, form):
    import qt

    pressed = []
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+K"), form)
    shortcut.connect("activated()", lambda: pressed.append(1))
    user.key("ctrl+k", form)
    wait_until(lambda: pressed, "the shortcut")


def test_a_drag_moves_over_all_points(user, form):
    import qt

    class Pad(qt.QWidget):
        def __init__(self):
            super().__init__()
            self.places = []

        def mousePressEvent(self, event):
            self.places.append(("press", event.pos().x()))

        def mouseMoveEvent(self, event):
            self.places.append(("move", event.pos().x()))

        def mouseReleaseEvent(self, event):
            self.places.append(("release", event.pos().x()))

    pad = Pad()
    pad.resize(200, 200)
    pad.show()
    user.drag(pad, [(10, 10), (50, 20), (90, 30)])
    assert pad.places[0] == ("press", 10) and pad.places[-1] == ("release", 90)
    assert ("move", 50) in pad.places
    pad.delete()
