"""parameterNodeWrapper: the bed's stand-in, or Slicer's own files where they are given (--slicer-source)."""

import enum
from pathlib import Path
from typing import Annotated

import pytest


class Method(enum.Enum):
    """Two methods with readable labels."""

    FIRST = 1
    SECOND = 2

    def label(self) -> str:
        return self.name.title()


@pytest.fixture
def node(bed):
    """A scripted module node in the scene."""
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


@pytest.fixture
def wrapper_class(bed):
    """A wrapper with parameters of every kind."""
    import slicer
    from slicer.parameterNodeWrapper import (
        Choice,
        Default,
        Minimum,
        WithinRange,
        parameterNodeWrapper,
        parameterPack,
    )

    @parameterPack
    class Size:
        width: float = 1.0
        method: Method = Method.SECOND

    @parameterNodeWrapper
    class Parameters:
        text: str = "a"
        count: Annotated[int, WithinRange(0, 10)] = 3
        share: float
        active: bool = True
        method: Method
        folder: Path = Path("a b/é")
        volume: slicer.vtkMRMLScalarVolumeNode
        names: list[str]
        pair: tuple[int, str] = (1, "q")
        colors: dict[str, int]
        limit: int | None
        size: Size
        choice: Annotated[str, Choice(["a", "b"]), Default("b")]
        step: Annotated[float, Minimum(0.5), Default(generator=lambda: 2.0)]

    return Parameters


DEFAULT_TEXTS = {
    "text": "a",
    "count": "3",
    "share": "0",
    "active": "True",
    "method": "FIRST",
    "folder": "a b/é",
    "volume": "",
    "names.len": "0",
    "pair.0": "1",
    "pair.1": "q",
    "colors.len": "0",
    "limit.1": "True",
    "size.width": "1.0",
    "size.method": "SECOND",
    "choice": "b",
    "step": "2.0",
}


def texts(node) -> dict[str, str]:
    """All parameters as they are kept."""
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_defaults_are_written_in_slicers_format(node, wrapper_class):
    values = wrapper_class(node)
    assert texts(node) == DEFAULT_TEXTS
    assert (values.count, values.method, values.folder) == (3, Method.FIRST, Path("a b/é"))
    assert values.volume is None and values.limit is None and values.default("step").value == 2.0


def test_values_are_read_back_by_another_wrapper(node, wrapper_class):
    import slicer

    values = wrapper_class(node)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    values.volume, values.limit, values.method = volume, 4, Method.SECOND
    values.names = ["a", "b"]
    values.names.append("c")
    values.colors["red"] = 1
    values.size.width = 5.0
    other = wrapper_class(node)
    assert other.volume is volume and other.limit == 4 and other.method is Method.SECOND
    assert other.names == ["a", "b", "c"] and other.colors == {"red": 1} and other.size.width == 5.0
    assert node.GetNodeReferenceID("volume") == volume.GetID()
    assert texts(node) | {"limit.0": "4", "names.2": "c", "colors.0.0": "red"} == texts(node)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 11),
        ("count", "3"),
        ("text", None),
        ("method", "FIRST"),
        ("choice", "c"),
        ("step", 0.1),
        ("pair", (1, "q", 2)),
        ("names", [1]),
        ("limit", "x"),
    ],
)
def test_wrong_values_are_refused_and_change_nothing(node, wrapper_class, name, value):
    values = wrapper_class(node)
    before = texts(node)
    with pytest.raises((ValueError, TypeError)):
        setattr(values, name, value)
    assert texts(node) == before


def test_a_change_is_one_event_and_no_change_is_none(node, wrapper_class):
    import vtk

    values = wrapper_class(node)
    events = []
    values.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: events.append(1))
    values.names = ["a", "b", "c"]
    assert len(events) == 1
    values.count = 7
    values.count = 7
    assert len(events) == 2


def test_values_follow_what_others_write_into_the_node(node, wrapper_class):
    values, others = wrapper_class(node), wrapper_class(node)
    others.count, others.names = 9, ["x"]
    assert values.count == 9 and values.names == ["x"]
    node.SetParameter("text", "written by hand")
    assert values.text == "written by hand"


def test_names_are_checked_and_dotted_names_lead_into_packs(node, wrapper_class):
    values = wrapper_class(node)
    values.setValue("size.width", 3.0)
    assert values.getValue("size.width") == 3.0 and values.size.width == 3.0
    assert values.dataType("size.method") is Method
    assert values.isCached("count") and values.isCached("names")
    with pytest.raises(ValueError, match="nothing"):
        values.getValue("nothing")


def test_a_node_that_leaves_the_scene_leaves_the_parameter(node, wrapper_class):
    import slicer

    values = wrapper_class(node)
    values.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.mrmlScene.RemoveNode(values.volume)
    assert values.volume is None


@pytest.fixture
def form(bed):
    """Widgets named for parameters, as in a .ui file."""
    import ctk
    import qt
    import slicer

    window = slicer.qMRMLWidget()
    layout = qt.QVBoxLayout(window)
    widgets = {
        "text": qt.QLineEdit(),
        "count": qt.QSpinBox(),
        "active": qt.QCheckBox(),
        "method": qt.QComboBox(),
        "folder": ctk.ctkPathLineEdit(),
        "volume": slicer.qMRMLNodeComboBox(),
        "choice": qt.QComboBox(),
        "step": qt.QDoubleSpinBox(),
    }
    for name, widget in widgets.items():
        widget.setProperty("SlicerParameterName", name)
        layout.addWidget(widget)
    widgets["volume"].setMRMLScene(slicer.mrmlScene)
    yield window, widgets
    window.delete()


def test_widgets_show_parameters_and_change_them(node, wrapper_class, form):
    import slicer

    values = wrapper_class(node)
    window, widgets = form
    tag = values.connectGui(window)
    assert widgets["text"].text == "a" and widgets["method"].currentText == "First"
    assert (widgets["count"].minimum, widgets["count"].maximum) == (0, 10)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    widgets["text"].text, widgets["count"].value, widgets["active"].checked = "b", 5, False
    widgets["method"].currentIndex, widgets["choice"].currentIndex = 1, 0
    widgets["folder"].currentPath = "c d"
    widgets["volume"].setCurrentNode(volume)
    assert (values.text, values.count, values.active, values.choice) == ("b", 5, False, "a")
    assert (values.method, values.folder, values.volume) == (Method.SECOND, Path("c d"), volume)
    values.count, values.method = 2, Method.FIRST
    assert widgets["count"].value == 2 and widgets["method"].currentIndex == 0
    values.disconnectGui(tag)
    widgets["count"].value = 9
    values.text = "alone"
    assert values.count == 2 and widgets["text"].text == "b"


def test_some_widgets_need_limits(node, bed):
    import qt
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Unlimited:
        count: int

    with pytest.raises(RuntimeError):
        Unlimited(node).connectParametersToGui({"count": qt.QSlider()})


def test_two_wrappers_share_a_node_with_prefixes(node, wrapper_class):
    first, second = wrapper_class(node, "one."), wrapper_class(node, "two.")
    first.count = 1
    assert second.count == 3 and node.GetParameter("one.count") == "1"
