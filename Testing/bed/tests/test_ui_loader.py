""".ui files: what Slicer passes over in silence is an error here (traps 24 to 26)."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6 import QtCore, QtWidgets

from Testing.bed import pythonqt
from Testing.bed.pythonqt import register, stand_ins
from Testing.bed.ui_loader import UiError

HEAD = '<?xml version="1.0" encoding="UTF-8"?><ui version="4.0"><class>Form</class>'


class bedSceneWidget(QtWidgets.QWidget):
    """A widget with a signal and a slot of a type that Qt does not know, as those for MRML have."""

    sceneChanged = QtCore.Signal(object)
    CPP_SIGNALS = {"sceneChanged(vtkMRMLScene*)": "sceneChanged"}

    def setScene(self, scene):
        self._scene = scene
        self.sceneChanged.emit(scene)

    def scene(self):
        return self._scene


@pytest.fixture
def load(qt_app, tmp_path: Path):
    """Loads the text of a .ui file as slicer.util.loadUI does."""
    import qt

    register(bedSceneWidget)

    def load_text(body: str):
        path = tmp_path / "form.ui"
        path.write_text(HEAD + body + "</ui>", "utf-8")
        file = qt.QFile(str(path))
        file.open(qt.QFile.ReadOnly)
        return qt.QUiLoader().load(file)

    yield load_text
    stand_ins.pop("bedSceneWidget", None)


def widget(kind: str, name: str, *inside: str) -> str:
    """One widget of a .ui file."""
    return f'<widget class="{kind}" name="{name}">{"".join(inside)}</widget>'


def in_column(*widgets: str) -> str:
    """A layout with widgets below each other."""
    items = "".join(f"<item>{item}</item>" for item in widgets)
    return f'<layout class="QVBoxLayout" name="column">{items}</layout>'


def prop(name: str, value: str, extra: str = "") -> str:
    """One property of a widget."""
    return f'<property name="{name}"{extra}>{value}</property>'


def test_widgets_and_layouts_are_made(load):
    text = prop("text", "<string>Grüße</string>")
    form = load(widget("QWidget", "Form", in_column(widget("QPushButton", "applyButton", text))))
    assert form.applyButton.text == "Grüße" and form.name == "Form"


def test_stand_ins_are_made_by_their_class_name(load):
    import ctk

    value = prop("maximum", "<double>255.0</double>") + prop("value", "<double>100.0</double>")
    form = load(widget("QWidget", "Form", in_column(widget("ctkSliderWidget", "slider", value))))
    assert isinstance(form.slider, ctk.ctkSliderWidget) and form.slider.value == 100


@pytest.mark.parametrize("kind", ["ctkSliderWidgte", "qMRMLNoSuchWidget", "QWigdet"])
def test_24_an_unknown_class_is_an_error(load, kind):
    with pytest.raises(UiError, match=kind):
        load(widget("QWidget", "Form", in_column(widget(kind, "broken"))))


def test_24_and_so_is_one_that_the_file_calls_a_custom_widget(load):
    custom = "<customwidgets><customwidget><class>myWidget</class><extends>QWidget</extends>"
    custom += "<header>myWidget.h</header></customwidget></customwidgets>"
    with pytest.raises(UiError, match="myWidget"):
        load(widget("QWidget", "Form", in_column(widget("myWidget", "broken"))) + custom)


def test_a_property_that_the_class_does_not_have_is_an_error(load):
    broken = prop("colapsed", "<bool>true</bool>")
    with pytest.raises(UiError, match="colapsed"):
        load(widget("QWidget", "Form", in_column(widget("ctkCollapsibleButton", "section", broken))))


def test_26_dynamic_properties_are_kept(load):
    dynamic = prop("SlicerParameterName", "<string>threshold</string>", ' stdset="0"')
    form = load(widget("QWidget", "Form", in_column(widget("QLineEdit", "line", dynamic))))
    assert form.line.SlicerParameterName == "threshold"


def test_enums_and_flags_are_set(load):
    import ctk

    edit = widget(
        "ctkPathLineEdit",
        "path",
        prop("filters", "<set>ctkPathLineEdit::Dirs|ctkPathLineEdit::NoDotAndDotDot</set>"),
    )
    section = widget(
        "ctkCollapsibleButton", "section", prop("contentsFrameShape", "<enum>QFrame::Box</enum>")
    )
    label = widget("QLabel", "label", prop("alignment", "<set>Qt::AlignRight|Qt::AlignTop</set>"))
    form = load(widget("QWidget", "Form", in_column(edit, section, label)))
    assert form.path.filters == ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.NoDotAndDotDot
    assert form.section.contentsFrameShape == 1 and form.label.alignment == 0x22


def test_an_unknown_enum_value_is_an_error(load):
    edit = widget("ctkPathLineEdit", "path", prop("filters", "<set>ctkPathLineEdit::Folders</set>"))
    with pytest.raises(UiError, match="Folders"):
        load(widget("QWidget", "Form", in_column(edit)))


@pytest.mark.parametrize(
    "text", ["Qt::AlignmentFlag::AlignRight", "Qt::AlignmentFlag::AlignRight|Qt::AlignTop"]
)
def test_enums_as_only_the_designer_of_qt_6_writes_them_are_an_error(load, text):
    label = widget("QLabel", "label", prop("alignment", f"<set>{text}</set>"))
    with pytest.raises(UiError, match="Qt 5"):
        load(widget("QWidget", "Form", in_column(label)))


class TestConnections:
    def form(self, *connections: tuple[str, str, str, str]) -> str:
        inside = in_column(
            widget("bedSceneWidget", "inner"), widget("QLineEdit", "line"), widget("QLabel", "label")
        )
        tags = ("sender", "signal", "receiver", "slot")
        lines = "".join(
            "<connection>" + "".join(f"<{tag}>{text}</{tag}>" for tag, text in zip(tags, item, strict=True))
            + "</connection>"
            for item in connections
        )  # fmt: skip
        return widget("bedSceneWidget", "Form", inside) + f"<connections>{lines}</connections>"

    def test_25_signals_with_types_of_mrml_are_connected(self, load):
        slot = "setScene(vtkMRMLScene*)"
        form = load(self.form(("Form", "sceneChanged(vtkMRMLScene*)", "inner", slot)))
        scene = object()
        form.setScene(scene)
        assert form.inner.scene() is scene

    def test_signals_of_qt_are_connected(self, load):
        form = load(self.form(("line", "textChanged(QString)", "label", "setText(QString)")))
        form.line.text = "typed"
        assert form.label.text == "typed"

    @pytest.mark.parametrize(
        "connection",
        [
            ("Form", "sceneChangd(vtkMRMLScene*)", "inner", "setScene(vtkMRMLScene*)"),
            ("Form", "sceneChanged(vtkMRMLScene*)", "inner", "setSecne(vtkMRMLScene*)"),
            ("Form", "sceneChanged(vtkMRMLScene*)", "iner", "setScene(vtkMRMLScene*)"),
            ("lien", "textChanged(QString)", "label", "setText(QString)"),
        ],
    )
    def test_25_a_connection_with_a_wrong_name_is_an_error(self, load, connection):
        with pytest.raises(UiError):
            load(self.form(connection))


def test_a_ui_file_may_be_used_more_than_once(load):
    body = widget("QWidget", "Form", in_column(widget("QLabel", "label", prop("text", "<string>a</string>"))))
    first, second = load(body), load(body)
    first.label.text = "b"
    assert second.label.text == "a" and pythonqt.unwrap(first) is not pythonqt.unwrap(second)
