"""Combo boxes, check boxes and buttons of CTK."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.ctk.stored import stored, text_and_parent

Property, Signal = QtCore.Property, QtCore.Signal
CHECK_ROLE = QtCore.Qt.ItemDataRole.CheckStateRole
CHECKED = QtCore.Qt.CheckState.Checked
UNCHECKED = QtCore.Qt.CheckState.Unchecked
NO_ICON = QtGui.QIcon()


class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for 'nothing chosen', and a say in what the wheel does."""

    NeverScroll, AlwaysScroll, ScrollWithFocus, ScrollWithNoVScrollBar = range(4)

    returnRelease = Signal()
    defaultIcon = stored(QtGui.QIcon, NO_ICON)
    forceDefault = stored(bool, False, QtWidgets.QWidget.update)
    elideMode = stored(int, 3, QtWidgets.QWidget.update)
    scrollWheelEffect = stored(int, AlwaysScroll)
    defaultText = Property(
        str,
        QtWidgets.QComboBox.placeholderText,
        lambda self, text: self.setPlaceholderText(text),
    )

    def setCurrentUserDataAsString(self, text: str) -> None:
        """Slot of CTK: choose the entry whose data are this text."""
        self.setCurrentIndex(self.findData(text))

    currentUserDataAsString = Property(
        str, lambda self: str(self.currentData() or ""), setCurrentUserDataAsString
    )

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        """Turn to other entries, or leave the wheel to the scroll area around."""
        effect = self.scrollWheelEffect
        if effect == self.AlwaysScroll or (effect == self.ScrollWithFocus and self.hasFocus()):
            super().wheelEvent(event)
        elif effect == self.ScrollWithNoVScrollBar and not _is_in_scrolled_area(self):
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        if event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter):
            self.returnRelease.emit()
        super().keyReleaseEvent(event)


def _is_in_scrolled_area(widget: QtWidgets.QWidget) -> bool:
    around = widget.parentWidget()
    while around is not None:
        if isinstance(around, QtWidgets.QAbstractScrollArea) and around.verticalScrollBar().isVisible():
            return True
        around = around.parentWidget()
    return False


class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box whose mark may be an icon."""

    indicatorIcon = stored(QtGui.QIcon, NO_ICON, QtWidgets.QWidget.update)
    indicatorIconSize = stored(QtCore.QSize, QtCore.QSize(), QtWidgets.QWidget.update)


class ctkCheckableComboBox(QtWidgets.QComboBox):
    """A combo box whose entries have check marks; its text names the checked ones."""

    checkedIndexesChanged = Signal()
    returnRelease = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.model().rowsInserted.connect(self._make_checkable)
        self.model().dataChanged.connect(self._on_data)
        self.view().pressed.connect(self._toggle)

    def _make_checkable(self, parent: QtCore.QModelIndex, first: int, last: int) -> None:
        for row in range(first, last + 1):
            item = self.model().item(row)
            item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
            item.setData(UNCHECKED, CHECK_ROLE)

    def _on_data(self, first: QtCore.QModelIndex, last: QtCore.QModelIndex, roles: list[int]) -> None:
        if not roles or int(CHECK_ROLE) in [int(role) for role in roles]:
            self.update()
            self.checkedIndexesChanged.emit()

    def _toggle(self, index: QtCore.QModelIndex) -> None:
        checked = self.checkState(index) == CHECKED
        self.setCheckState(index, UNCHECKED if checked else CHECKED)

    def _indexes(self) -> list[QtCore.QModelIndex]:
        return [self.model().index(row, 0) for row in range(self.count())]

    def checkedIndexes(self) -> list[QtCore.QModelIndex]:
        """Invokable of CTK: model indexes of the checked entries."""
        return [index for index in self._indexes() if self.checkState(index) == CHECKED]

    def allChecked(self) -> bool:
        """Invokable of CTK."""
        return len(self.checkedIndexes()) == self.count()

    def noneChecked(self) -> bool:
        """Invokable of CTK."""
        return not self.checkedIndexes()

    def checkState(self, index: QtCore.QModelIndex) -> QtCore.Qt.CheckState:
        """Invokable of CTK."""
        return QtCore.Qt.CheckState(index.data(CHECK_ROLE) or 0)

    def setCheckState(self, index: QtCore.QModelIndex, state: QtCore.Qt.CheckState) -> None:
        """Invokable of CTK."""
        self.model().setData(index, QtCore.Qt.CheckState(state), CHECK_ROLE)

    def checkableModel(self) -> QtCore.QAbstractItemModel:
        """Invokable of CTK."""
        return self.model()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Like a combo box, but with the names of all checked entries."""
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = ", ".join(index.data() for index in self.checkedIndexes())
        painter.drawComplexControl(QtWidgets.QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()  # at once: a thread that looks at stacks may keep this frame alive


class ctkMenuButton(QtWidgets.QPushButton):
    """A button with a menu at its side."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*text_and_parent(arguments))


class ctkPushButton(QtWidgets.QPushButton):
    """A push button with a say in the places of text and icon."""

    buttonTextAlignment = stored(int, 0x84)
    iconAlignment = stored(int, 0x81)
    elideMode = stored(int, 3)

    def __init__(self, *arguments: object) -> None:
        super().__init__(*text_and_parent(arguments))


class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check mark in it; here the mark is the state of the button."""

    checkBoxToggled = Signal(bool)
    checkStateChanged = Signal(int)
    indicatorAlignment = stored(int, 0x81)
    checkBoxControlsButton = stored(bool, True)
    checkBoxControlsButtonToggleState = stored(bool, True)
    checkBoxUserCheckable = stored(bool, True)
    checkState = stored(int, 0, lambda self: self._on_state())

    def _on_state(self) -> None:
        checked = self.checkState == CHECKED.value
        if self.checkBoxControlsButton:
            self.setCheckable(self.checkBoxControlsButtonToggleState and checked)
            self.setChecked(checked and self.checkBoxControlsButtonToggleState)
        self.checkStateChanged.emit(self.checkState)
        self.checkBoxToggled.emit(checked)


class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button in a color; a click asks for another one."""

    ShowAlphaChannel, NoButtons, DontUseNativeDialog, UseCTKColorDialog = 0x1, 0x2, 0x4, 0xC

    colorChanged = Signal(QtGui.QColor)
    colorNameChanged = Signal(str)
    dialogOptions = stored(int, 0)

    def __init__(self, *arguments: object) -> None:
        text, parent = text_and_parent([item for item in arguments if not isinstance(item, QtGui.QColor)])
        super().__init__(text, parent)
        colors = [item for item in arguments if isinstance(item, QtGui.QColor)]
        self._color, self._name, self._shows_name = QtGui.QColor("black"), "", True
        self.clicked.connect(self.changeColor)
        self.setColor(colors[0] if colors else self._color)
        self._show()

    def setColor(self, color: QtGui.QColor) -> None:
        """Slot of CTK."""
        if color != self._color:
            self._color = QtGui.QColor(color)
            self._show()
            self.colorChanged.emit(self._color)

    def setDisplayColorName(self, shown: bool) -> None:
        """Slot of CTK."""
        self._shows_name = shown
        self._show()

    def changeColor(self) -> None:
        """Slot of CTK: ask for a color."""
        chosen = QtWidgets.QColorDialog.getColor(self._color, self)
        if chosen.isValid():
            self.setColor(chosen)

    def _set_name(self, name: str) -> None:
        if name != self._name:
            self._name = name
            self._show()
            self.colorNameChanged.emit(name)

    def _show(self) -> None:
        square = QtGui.QPixmap(self.iconSize())
        square.fill(self._color)
        self.setIcon(QtGui.QIcon(square))
        if self._shows_name:
            self.setText(self._name or self._color.name())

    color = Property(QtGui.QColor, lambda self: self._color, setColor, notify=colorChanged, user=True)
    colorName = Property(str, lambda self: self._name, _set_name, notify=colorNameChanged)
    displayColorName = Property(bool, lambda self: self._shows_name, setDisplayColorName)
