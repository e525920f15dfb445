"""`slicer.app`: what scripted modules use of Slicer's application object."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.core import SlicerCore
from Testing.bed.io_manager import CoreIOManager
from Testing.bed.modules import qSlicerModuleManager

MAJOR, MINOR, REVISION = 5, 12, "33000"
DOCUMENTATION = "https://slicer.readthedocs.io/en/latest/"


def _fixed(kind: type, value: Any) -> QtCore.Property:
    return QtCore.Property(kind, lambda _self: value)


class qSlicerApplication(QtCore.QObject):
    """Services of the application. It is in testing mode, so dialogs of slicer.util answer themselves."""

    startupCompleted = QtCore.Signal()
    aboutToQuit = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)
    CPP_SIGNALS = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    applicationName = _fixed(str, "Slicer")
    applicationVersion = _fixed(str, f"{MAJOR}.{MINOR}.0")
    mainApplicationName = _fixed(str, "Slicer")
    majorVersion = _fixed(int, MAJOR)
    minorVersion = _fixed(int, MINOR)
    revision = _fixed(str, REVISION)
    repositoryRevision = _fixed(str, REVISION)
    releaseType = _fixed(str, "Stable")
    os = _fixed(str, {"win32": "win", "darwin": "macosx"}.get(sys.platform, "linux"))
    arch = _fixed(str, "amd64")
    platform = _fixed(str, "linux-amd64")
    documentationBaseUrl = _fixed(str, DOCUMENTATION)
    slicerHome = QtCore.Property(str, lambda self: str(self._home))
    temporaryPath = QtCore.Property(
        str, lambda self: self._temporary, lambda self, path: self._set_temporary(path)
    )
    cachePath = QtCore.Property(str, lambda self: str(self._core.folder / "RemoteIO"))
    defaultScenePath = QtCore.Property(str, lambda self: str(self._core.folder))

    def __init__(self, qt_app: QtWidgets.QApplication, core: SlicerCore) -> None:
        super().__init__()
        self._qt = qt_app
        self._core = core
        self._testing = True
        self._home = core.folder / "Slicer"
        self._home.mkdir()
        self._temporary = str(core.folder)
        self._settings = QtCore.QSettings()
        self._revision_settings = QtCore.QSettings(
            self._settings.organizationName(), f"{self._settings.applicationName()}-{REVISION}"
        )
        self._modules = qSlicerModuleManager(self)
        self._io = CoreIOManager(core)
        self._layout_manager: Any = None
        self._main_window: Any = None
        self._pauses = 0
        self.restarts = 0
        events = core.application_logic
        self._tags = [
            events.AddObserver(events.PauseRenderEvent, lambda *_: self.pauseRender()),
            events.AddObserver(events.ResumeRenderEvent, lambda *_: self.resumeRender()),
        ]

    def set_window(self, window: Any, layout_manager: Any) -> None:
        """Give the application its main window."""
        self._main_window, self._layout_manager = window, layout_manager

    def set_testing(self, enabled: bool) -> None:
        """Leave or enter the testing mode."""
        self._testing = enabled

    def testingEnabled(self) -> bool:
        return self._testing

    def applicationLogic(self) -> Any:
        return self._core.application_logic

    def mrmlScene(self) -> Any:
        return self._core.scene

    def moduleManager(self) -> qSlicerModuleManager:
        return self._modules

    def moduleLogic(self, name: str) -> Any:
        return self._core.application_logic.GetModuleLogic(name)

    def layoutManager(self) -> Any:
        return self._layout_manager

    def mainWindow(self) -> Any:
        return self._main_window

    def coreIOManager(self) -> CoreIOManager:
        return self._io

    def ioManager(self) -> CoreIOManager:
        return self._io

    def settings(self) -> QtCore.QSettings:
        return self._settings

    def userSettings(self) -> QtCore.QSettings:
        return self._settings

    def revisionUserSettings(self) -> QtCore.QSettings:
        return self._revision_settings

    def commandOptions(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(noMainWindow=self._main_window is None, testingEnabled=self._testing)

    def coreCommandOptions(self) -> types.SimpleNamespace:
        return self.commandOptions()

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def translate(self, _context: str, text: str) -> str:
        return text

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{DOCUMENTATION}user_guide/modules/{name.lower()}.html"

    def extensionsManagerModel(self) -> None:
        """There is no extensions manager."""

    def errorLogModel(self) -> None:
        """There is no error log window."""

    def openNodeModule(self, _node: Any) -> None:
        """Nodes have no editors here."""

    def _set_temporary(self, path: str) -> None:
        self._temporary = path
        Path(path).mkdir(parents=True, exist_ok=True)
        self._core.application_logic.SetTemporaryPath(path)

    def pauseRender(self) -> None:
        """Views do not render until `resumeRender` was called as often."""
        self._pauses += 1
        for view in self._views():
            view.pauseRender()

    def resumeRender(self) -> None:
        """End one `pauseRender`."""
        if self._pauses:
            self._pauses -= 1
            for view in self._views():
                view.resumeRender()

    def setRenderPaused(self, pause: bool) -> None:
        (self.pauseRender if pause else self.resumeRender)()

    def _views(self) -> list[Any]:
        return self._layout_manager.all_views() if self._layout_manager else []

    def restart(self) -> None:
        """Only counted: tests restart the application with the bed."""
        self.restarts += 1

    def confirmRestart(self, *_reason: str) -> bool:
        self.restarts += 1
        return self._testing

    def processEvents(self, *_flags: Any) -> None:
        self._qt.processEvents()

    def quit(self) -> None:
        self._main_window.close()

    def exit(self, _code: int = 0) -> None:
        self._main_window.close()

    def topLevelWidgets(self) -> list[QtWidgets.QWidget]:
        return self._qt.topLevelWidgets()

    def activeWindow(self) -> QtWidgets.QWidget | None:
        return self._qt.activeWindow()

    def activeModalWidget(self) -> QtWidgets.QWidget | None:
        return self._qt.activeModalWidget()

    def focusWidget(self) -> QtWidgets.QWidget | None:
        return self._qt.focusWidget()

    def palette(self) -> QtGui.QPalette:
        return self._qt.palette()

    def style(self) -> QtWidgets.QStyle:
        return self._qt.style()

    def font(self) -> QtGui.QFont:
        return self._qt.font()

    def clipboard(self) -> QtGui.QClipboard:
        return self._qt.clipboard()

    def keyboardModifiers(self) -> Any:
        return self._qt.keyboardModifiers()

    def setOverrideCursor(self, cursor: Any) -> None:
        self._qt.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        self._qt.restoreOverrideCursor()

    def installEventFilter(self, receiver: QtCore.QObject) -> None:
        self._qt.installEventFilter(receiver)

    def removeEventFilter(self, receiver: QtCore.QObject) -> None:
        self._qt.removeEventFilter(receiver)
