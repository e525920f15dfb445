"""`slicer.app.layoutManager()`: places the views as the layouts of Slicer's layout logic describe."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import vtk
from PySide6 import QtCore, QtWidgets

from Testing.bed.core import SlicerCore
from Testing.bed.views.slice_widget import qMRMLSliceWidget
from Testing.bed.views.threed_widget import qMRMLThreeDWidget

VIEW_CLASSES = {"vtkMRMLSliceNode": qMRMLSliceWidget, "vtkMRMLViewNode": qMRMLThreeDWidget}
DIRECTIONS = {"horizontal": QtCore.Qt.Orientation.Horizontal, "vertical": QtCore.Qt.Orientation.Vertical}


class qSlicerLayoutManager(QtCore.QObject):
    """Views by name, made when a layout first shows them and kept; tables and plots show as empty frames."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self, core: SlicerCore, viewport: QtWidgets.QWidget) -> None:
        super().__init__(viewport)
        self._core = core
        self._viewport = viewport
        QtWidgets.QVBoxLayout(viewport).setContentsMargins(0, 0, 0, 0)
        self._views: dict[tuple[str, str], Any] = {}
        self._root: QtWidgets.QWidget | None = None
        self._shown = ""
        self._node = core.layout_logic.GetLayoutNode()
        self._tag = self._node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._update())

    layout = QtCore.Property(
        int, lambda self: self._node.GetViewArrangement(), lambda self, index: self.setLayout(index)
    )
    threeDViewCount = QtCore.Property(int, lambda self: len(self._of("vtkMRMLViewNode")))
    tableViewCount = QtCore.Property(int, lambda self: 0)
    plotViewCount = QtCore.Property(int, lambda self: 0)

    @QtCore.Slot(int)
    def setLayout(self, index: int) -> None:
        """Show a layout of vtkMRMLLayoutNode, such as SlicerLayoutFourUpView."""
        self._node.SetViewArrangement(index)
        self._update()

    def layoutLogic(self) -> Any:
        return self._core.layout_logic

    def viewport(self) -> QtWidgets.QWidget:
        return self._viewport

    def mrmlSliceLogics(self) -> Any:
        return self._core.application_logic.GetSliceLogics()

    def sliceViewNames(self) -> list[str]:
        return [name for kind, name in self._views if kind == "vtkMRMLSliceNode"]

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        """The slice widget of a name such as Red, or None."""
        return self._views.get(("vtkMRMLSliceNode", name))

    def threeDWidget(self, index: int) -> qMRMLThreeDWidget | None:
        """The 3D widget of an index, or None."""
        widgets = self._of("vtkMRMLViewNode")
        return widgets[index] if 0 <= index < len(widgets) else None

    def tableWidget(self, _index: int) -> None:
        """There are no table views."""

    def plotWidget(self, _index: int) -> None:
        """There are no plot views."""

    @QtCore.Slot()
    def resetSliceViews(self) -> None:
        """Fit every slice view to its background volume."""
        for widget in self._of("vtkMRMLSliceNode"):
            widget.fitSliceToBackground()

    @QtCore.Slot()
    def resetThreeDViews(self) -> None:
        """Center every 3D view on what it shows."""
        for widget in self._of("vtkMRMLViewNode"):
            widget.threeDView().resetFocalPoint()

    def all_views(self) -> list[Any]:
        """All slice and 3D views."""
        return [widget.inner_view() for widget in self._views.values()]

    def _of(self, kind: str) -> list[Any]:
        return [widget for (other, _), widget in self._views.items() if other == kind]

    def _update(self) -> None:
        """Follow the layout node."""
        description = self._node.GetCurrentLayoutDescription()
        if not description or description == self._shown or self._core.scene.IsBatchProcessing():
            return
        self._shown = description
        for widget in self._views.values():
            widget.setParent(self._viewport)
            widget.hide()
        old, self._root = self._root, self._build(ElementTree.fromstring(description))
        self._viewport.layout().addWidget(self._root)
        if old is not None and old not in self._views.values():
            old.deleteLater()
        self._root.show()
        self.layoutChanged.emit(self._node.GetViewArrangement())

    def _build(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        if element.tag == "view":
            return self._view(element)
        children = [
            (item, self._build(child))
            for item in element.findall("item")
            for child in item
            if child.tag in ("layout", "view")
        ]
        kind = element.get("type", "horizontal")
        if kind == "tab":
            tabs = QtWidgets.QTabWidget()
            for item, widget in children:
                tabs.addTab(widget, item.get("name", ""))
            return tabs
        if kind == "grid":
            return _grid(children)
        splitter = QtWidgets.QSplitter(DIRECTIONS[kind])
        for _, widget in children:
            splitter.addWidget(widget)
            widget.show()
        splitter.setSizes([int(item.get("splitSize", "500")) for item, _ in children])
        return splitter

    def _view(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        kind, name = element.get("class", ""), element.get("singletontag", "")
        if kind not in VIEW_CLASSES:
            return QtWidgets.QFrame()
        if (kind, name) not in self._views:
            node = self._core.scene.GetSingletonNode(name, kind)
            self._views[kind, name] = VIEW_CLASSES[kind](self._core.application_logic, node)
        return self._views[kind, name]


def _grid(children: list[tuple[ElementTree.Element, QtWidgets.QWidget]]) -> QtWidgets.QWidget:
    frame = QtWidgets.QFrame()
    grid = QtWidgets.QGridLayout(frame)
    grid.setContentsMargins(0, 0, 0, 0)
    for item, widget in children:
        row, column, rows, columns = (
            int(item.get(key, default))
            for key, default in (("row", "0"), ("column", "0"), ("rowspan", "1"), ("colspan", "1"))
        )
        grid.addWidget(widget, row, column, rows, columns)
        widget.show()
    return frame
