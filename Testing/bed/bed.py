"""The bed: starts what stands in for Slicer, loads modules, closes and opens the application again."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from Testing.bed import ctk, pythonqt
from Testing.bed.application import qSlicerApplication
from Testing.bed.core import SlicerCore
from Testing.bed.dicom_database import ctkDICOMDatabase
from Testing.bed.main_window import qSlicerMainWindow, show_window
from Testing.bed.modules import qSlicerLoadableModule
from Testing.bed.mrml_thread import NodeGuard, guard_slicer_module
from Testing.bed.python_modules import install_python_modules
from Testing.bed.qt_application import qt_application, restart_settings
from Testing.bed.registration import register_stand_ins
from Testing.bed.scripted_loader import forget_python_modules, qSlicerScriptedLoadableModule
from Testing.bed.subject_hierarchy import SubjectHierarchyKeeper
from Testing.bed.views.layout_manager import qSlicerLayoutManager
from Testing.bed.vtk_messages import log_vtk_messages

T = TypeVar("T")
WIDTH, HEIGHT = 1500, 950


class Bed:
    """One running application at a time; `close` and `open` are what quitting and starting Slicer are."""

    def __init__(self, application: QtWidgets.QApplication, settings: Path, source: Path | None) -> None:
        self._qt = application
        self._settings = settings
        self._source = source
        self._paths: list[Path] = []
        self.isOpen, self._started = False, False
        self.open()

    def open(self) -> None:
        """Start the application: scene, logics, slicer.app, main window with views. Settings are kept."""
        log_vtk_messages()
        guard_slicer_module()
        self.core = SlicerCore()
        register_stand_ins()
        self.app = qSlicerApplication(self._qt, self.core)
        slicer.app = pythonqt.wrap(self.app)
        for name, logic in self.core.logics.items():
            self.app.moduleManager().add_module(name, qSlicerLoadableModule(name, logic))
        install_python_modules(self._source)
        self.dicomDatabase = ctkDICOMDatabase()
        slicer.dicomDatabase = pythonqt.wrap(self.dicomDatabase)
        self._guard = NodeGuard(self.core.scene)
        self._hierarchy = SubjectHierarchyKeeper(self.core.scene)
        self._open_window()
        self.isOpen = True
        self._started = False
        self.processEvents()

    def _open_window(self) -> None:
        self.window = qSlicerMainWindow(self.app.moduleManager())
        self.layoutManager = qSlicerLayoutManager(self.core, self.window.centralWidget())
        self.app.set_window(self.window, self.layoutManager)
        self.layoutManager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self.window.closed.connect(self._on_window_closed)
        show_window(self.window, WIDTH, HEIGHT)

    def loadModule(self, path: Path | str, show: bool = True) -> Any:
        """Load a scripted module from its .py file and, by default, open it; returns its widget instance.

        The first module is there when the application says that its start is completed, as in Slicer.
        """
        path = Path(path).resolve()
        module = qSlicerScriptedLoadableModule(path)
        self.app.moduleManager().add_module(path.stem, module)
        module.load_file()
        self._paths.append(path)
        self.app.moduleManager().moduleLoaded.emit(path.stem)
        if not self._started:
            self._started = True
            self.app.startupCompleted.emit()
        if not show:
            return None
        self.window.moduleSelector().add_module(path.stem, module.title)
        self.selectModule(path.stem)
        return self.moduleWidget(path.stem)

    def selectModule(self, name: str) -> None:
        """Open a module's panel; the module that was open is left."""
        self.window.moduleSelector().selectModule(name)
        self.processEvents()

    def moduleWidget(self, name: str) -> Any:
        """The instance of a module's widget class."""
        representation = self.app.moduleManager().module(name).widgetRepresentation()
        return None if representation is None else representation.self()

    def resetScene(self) -> None:
        """Close the scene, as File > Close Scene does."""
        self.core.scene.Clear(0)
        self.processEvents()

    def close(self, ask: bool = True) -> bool:
        """Close the main window, which quits; False where a module refused. Without `ask`, none can."""
        if self.isOpen and ask:
            self.window.close()
        elif self.isOpen:
            self._on_window_closed()
        return not self.isOpen

    def restart(self) -> None:
        """Quit, start again and load the same modules; what was not saved is lost."""
        paths = list(self._paths)
        self.close(ask=False)
        fresh = Path(tempfile.mkdtemp(prefix="slicer-bed-settings-"))
        restart_settings(self._settings, fresh)
        self._settings = fresh
        self.open()
        for path in paths:
            self.loadModule(path)

    def _on_window_closed(self) -> None:
        """What Slicer does when it quits: leave the module, tell everybody, unload, end the scene."""
        self.isOpen = False
        self.window.module_panel().setModule("")
        self.app.aboutToQuit.emit()
        for path in self._paths:
            self.app.moduleManager().unload_module(path.stem)
        self._hierarchy.stop()
        self._guard.stop()
        for view in self.layoutManager.all_views():
            view.release_window()
        self.core.retire()
        for path in self._paths:
            forget_python_modules(path)
        self._paths.clear()
        self.app.set_window(None, None)
        self.window.deleteLater()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function from the event loop, as Slicer calls module code; returns or raises what it does.

        slicer.util calls deleteLater before exec: from outside, its boxes are gone at once.
        """
        outcome: list[Any] = []
        loop = QtCore.QEventLoop()

        def run() -> None:
            try:
                outcome.append((function(), None))
            except BaseException as error:
                outcome.append((None, error))
            loop.quit()

        QtCore.QTimer.singleShot(0, run)
        loop.exec()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    def processEvents(self, milliseconds: int = 0) -> None:
        """Let events be processed, for at least the given time."""
        self._qt.processEvents()
        if milliseconds:
            loop = QtCore.QEventLoop()
            QtCore.QTimer.singleShot(milliseconds, loop.quit)
            loop.exec()


def startBed(
    display: str | None = None, settings: Path | None = None, slicerSource: Path | str | None = None
) -> Bed:
    """Start the application in this process.

    display: X display, as ':1'; None for that of the environment.
    settings: folder of the settings; None for a new one.
    slicerSource: a checkout of Slicer, whose pure-Python files then replace the stand-ins of the bed.
    """
    settings = settings or Path(tempfile.mkdtemp(prefix="slicer-bed-settings-"))
    application = qt_application(display or os.environ.get("DISPLAY"), settings)
    ctk.install()
    return Bed(application, settings, Path(slicerSource) if slicerSource else None)


def leave(code: int = 0) -> None:
    """End the process at once: MRML, VTK and Qt take each other down in the wrong order otherwise."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
