"""ctkPathLineEdit and ctkDirectoryButton: choose a file or a folder."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.ctk.stored import parent_of, stored

MAX_HISTORY = 5
PERMISSION_CHECKS = {0x10: "isReadable", 0x20: "isWritable", 0x40: "isExecutable"}


class ctkPathLineEdit(QtWidgets.QWidget):
    """A line with a path, a list of earlier ones, and a button that opens a file dialog."""

    Dirs, Files, Drives, NoSymLinks, AllEntries = 0x001, 0x002, 0x004, 0x008, 0x007
    Readable, Writable, Executable = 0x010, 0x020, 0x040
    Modified, Hidden, System, AllDirs, CaseSensitive = 0x080, 0x100, 0x200, 0x400, 0x800
    NoDotAndDotDot, NoDot, NoDotDot, NoFilter = 0x1000, 0x2000, 0x4000, -1
    ShowDirsOnly, DontResolveSymlinks, DontConfirmOverwrite, DontUseSheet = 0x01, 0x02, 0x04, 0x08
    DontUseNativeDialog, ReadOnly, HideNameFilterDetails = 0x10, 0x20, 0x40
    AdjustToContents, AdjustToContentsOnFirstShow, AdjustToMinimumContentsLength = 0, 1, 2

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)
    label = stored(str, "")
    settingKey = stored(str, "", lambda self: self.retrieveHistory())
    sizeAdjustPolicy = stored(int, 0)
    minimumContentsLength = stored(int, 0)
    options = stored(int, 0)
    nameFilters = stored("QStringList", [])
    filters = stored(int, AllEntries)

    def __init__(self, *arguments: object) -> None:
        super().__init__(parent_of(arguments))
        self._valid = False
        self._list = QtWidgets.QComboBox()
        self._list.setEditable(True)
        self._list.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        self._browse = QtWidgets.QToolButton()
        self._browse.setText("...")
        self._browse.clicked.connect(self.browse)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._browse)
        self.setFocusProxy(self._list)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._list.lineEdit().textChanged.connect(self._on_text)
        if arguments and isinstance(arguments[0], str):
            self.label, self.nameFilters, *rest = arguments
            self.filters = next((item for item in rest if isinstance(item, int)), self.AllEntries)

    def setCurrentPath(self, path: str) -> None:
        """Slot of CTK."""
        self._list.lineEdit().setText(path)

    currentPath = QtCore.Property(str, lambda self: self._list.lineEdit().text(), setCurrentPath, user=True)
    showBrowseButton = QtCore.Property(
        bool, lambda self: not self._browse.isHidden(), lambda self, shown: self._browse.setVisible(shown)
    )

    def _set_history_button(self, shown: bool) -> None:
        """Without the list CTK shows a plain line; here the arrow of the list is not drawn."""
        self._history = shown
        self._list.setStyleSheet("" if shown else "QComboBox::drop-down { width: 0px; border: none; }")

    showHistoryButton = QtCore.Property(
        bool, lambda self: self.__dict__.get("_history", True), _set_history_button
    )

    def comboBox(self) -> QtWidgets.QComboBox | None:
        """Invokable of CTK: the list, None without history button."""
        return self._list if self.showHistoryButton else None

    def browse(self) -> None:
        """Slot of CTK: open the dialog that fits the filters."""
        start, names = self.currentPath, ";;".join(self.nameFilters)
        dialog = QtWidgets.QFileDialog
        if not self.filters & self.Files:
            path = dialog.getExistingDirectory(self, "Select a directory...", start)
        elif self.filters & self.Writable:
            path, _ = dialog.getSaveFileName(self, "Select a file to save ", start, names)
        else:
            path, _ = dialog.getOpenFileName(self, "Open a file", start, names)
        if path:
            self.setCurrentPath(path)

    def retrieveHistory(self) -> None:
        """Slot of CTK: fill the list from the settings; without a path the latest one is taken."""
        path = self.currentPath
        known = _as_list(QtCore.QSettings().value(self._history_key()))
        self._list.clear()
        self._list.addItems(known[:MAX_HISTORY])
        if path:
            self.setCurrentPath(path)

    def addCurrentPathToHistory(self) -> None:
        """Slot of CTK: remember the path, the newest first."""
        path = self.currentPath
        if not path or not self.showHistoryButton:
            return
        settings = QtCore.QSettings()
        known = [item for item in _as_list(settings.value(self._history_key())) if item != path]
        settings.setValue(self._history_key(), [path, *known])
        self.retrieveHistory()

    def _history_key(self) -> str:
        return f"ctkPathLineEdit/{self.settingKey or self.objectName()}"

    def _on_text(self, text: str) -> None:
        self.currentPathChanged.emit(text)
        valid = self._is_valid(text)
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)

    def _is_valid(self, text: str) -> bool:
        info = QtCore.QFileInfo(text)
        if not info.exists() or (info.isFile() and not self.filters & self.Files):
            return False
        if info.isDir() and not self.filters & (self.Dirs | self.AllDirs):
            return False
        wanted = [name for flag, name in PERMISSION_CHECKS.items() if self.filters & flag]
        return all(getattr(info, name)() for name in wanted)


class ctkDirectoryButton(QtWidgets.QWidget):
    """A button with the name of a folder; a click opens a dialog for another one."""

    ShowDirsOnly, DontResolveSymlinks, DontConfirmOverwrite, DontUseSheet = 0x01, 0x02, 0x04, 0x08
    DontUseNativeDialog, ReadOnly, HideNameFilterDetails = 0x10, 0x20, 0x40

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)
    caption = stored(str, "")
    acceptMode = stored(int, 0)
    elideMode = stored(int, 0)
    options = stored(int, ShowDirsOnly)
    text = stored(str, "", lambda self: self._show())

    def __init__(self, *arguments: object) -> None:
        super().__init__(parent_of(arguments))
        self._directory = ""
        self._button = QtWidgets.QPushButton()
        icon = QtWidgets.QStyle.StandardPixmap.SP_DirIcon
        self._button.setIcon(self.style().standardIcon(icon))
        self._button.clicked.connect(self.browse)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._set_directory(next((item for item in arguments if isinstance(item, str)), "."))

    def _set_directory(self, directory: str) -> None:
        path = str(Path(directory).absolute())
        if path != self._directory:
            self._directory = path
            self._show()
            self.directoryChanged.emit(path)

    def _show(self) -> None:
        self._button.setText(self.text or Path(self._directory).name)
        self._button.setToolTip(self._directory)

    directory = QtCore.Property(str, lambda self: self._directory, _set_directory, notify=directoryChanged)
    icon = QtCore.Property(
        QtGui.QIcon, lambda self: self._button.icon(), lambda self, icon: self._button.setIcon(icon)
    )

    def browse(self) -> str:
        """Slot of CTK: ask for a folder."""
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self._directory)
        if chosen:
            self._set_directory(chosen)
            self.directorySelected.emit(chosen)
        return self._directory


def _as_list(value: object) -> list[str]:
    """A list from QSettings: one that had a single entry comes back from an INI file as text."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else list(value)
