"""The main window: module panel on the left, module selector above, views on the right, status bar below."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.modules import qSlicerModuleManager

PANEL_WIDTH = 480


class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """The list of modules with a panel."""

    moduleSelected = QtCore.Signal(str)

    def __init__(self, manager: qSlicerModuleManager, parent: QtWidgets.QWidget) -> None:
        super().__init__("Module Selection", parent, objectName="ModuleSelectorToolBar")
        self._manager = manager
        self._selected = ""
        self._box = QtWidgets.QComboBox(objectName="ModulesComboBox", minimumWidth=220)
        self._box.textActivated.connect(lambda _: self.selectModule(self._box.currentData()))
        self.addWidget(QtWidgets.QLabel(" Modules: "))
        self.addWidget(self._box)
        self.setMovable(False)

    selectedModule = QtCore.Property(str, lambda self: self._selected)

    def add_module(self, name: str, title: str) -> None:
        """Offer a module."""
        if self._box.findData(name) < 0:
            self._box.addItem(title, name)

    def remove_module(self, name: str) -> None:
        """Offer a module no more."""
        self._box.removeItem(self._box.findData(name))
        if self._selected == name:
            self._selected = ""

    @QtCore.Slot(str)
    def selectModule(self, name: str) -> None:
        """Show the panel of a module; unknown names are ignored."""
        if self._manager.module(name) is None or name == self._selected:
            return
        self._selected = name
        self._box.setCurrentIndex(self._box.findData(name))
        self.moduleSelected.emit(name)


class qSlicerModulePanel(QtWidgets.QWidget):
    """The panel of the selected module below its help; the panels of other modules are kept, hidden."""

    helpAndAcknowledgmentVisible = QtCore.Property(
        bool, lambda self: self._help.isVisible(), lambda self, visible: self._help.setVisible(visible)
    )

    def __init__(self, manager: qSlicerModuleManager, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, objectName="ModulePanel")
        self._manager = manager
        self._current = ""
        self._pages: dict[str, QtWidgets.QScrollArea] = {}
        self._help = QtWidgets.QLabel(objectName="HelpLabel", wordWrap=True, visible=False)
        self._stack = QtWidgets.QStackedWidget()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._help)
        layout.addWidget(self._stack, 1)

    def _widget(self, name: str) -> QtWidgets.QWidget | None:
        module = self._manager.module(name)
        return module.widgetRepresentation() if module else None

    @QtCore.Slot(str)
    def setModule(self, name: str) -> None:
        """Leave the module that is shown and enter another one; an empty name leaves only."""
        if name == self._current:
            return
        left = self._widget(self._current)
        if left is not None:
            left.exit()
        self._current = name
        widget = self._widget(name)
        if widget is None:
            return
        if name not in self._pages:
            area = QtWidgets.QScrollArea(widgetResizable=True, frameShape=QtWidgets.QFrame.Shape.NoFrame)
            area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded)
            area.setWidget(widget)
            self._pages[name] = area
            self._stack.addWidget(area)
        self._stack.setCurrentWidget(self._pages[name])
        widget.enter()

    def remove_module(self, name: str) -> None:
        """Forget the panel of a module that is unloaded."""
        if name == self._current:
            self.setModule("")
        page = self._pages.pop(name, None)
        if page is not None:
            page.takeWidget()
            self._stack.removeWidget(page)
            page.deleteLater()


class qSlicerMainWindow(QtWidgets.QMainWindow):
    """Slicer's main window, as far as modules see it."""

    initialWindowShown = QtCore.Signal()
    closed = QtCore.Signal()

    def __init__(self, manager: qSlicerModuleManager) -> None:
        super().__init__(objectName="qSlicerMainWindow")
        self.setWindowTitle("3D Slicer test bed")
        self._panel = qSlicerModulePanel(manager)
        dock = QtWidgets.QDockWidget("Module Panel", self, objectName="PanelDockWidget")
        dock.setFeatures(QtWidgets.QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setWidget(self._panel)
        self.addDockWidget(QtCore.Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        self.resizeDocks([dock], [PANEL_WIDTH], QtCore.Qt.Orientation.Horizontal)
        self._selector = qSlicerModuleSelectorToolBar(manager, self)
        self._selector.moduleSelected.connect(self._panel.setModule)
        self.addToolBar(self._selector)
        viewport = QtWidgets.QFrame(objectName="CentralWidgetLayoutFrame")
        self.setCentralWidget(viewport)
        self.statusBar().showMessage("")

    def moduleSelector(self) -> qSlicerModuleSelectorToolBar:
        return self._selector

    def module_panel(self) -> qSlicerModulePanel:
        """The panel that shows the modules."""
        return self._panel

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Event filters of modules see the event before; if they let it pass, the application closes."""
        super().closeEvent(event)
        if event.isAccepted():
            self.closed.emit()


def show_window(window: QtWidgets.QWidget, width: int, height: int) -> None:
    """Show a window at the top left corner of the screen, no larger than the screen."""
    available = window.screen().availableGeometry()
    window.setGeometry(0, 0, min(width, available.width()), min(height, available.height()))
    window.show()
