"""A message as a line of the panel, with an icon and buttons for what can be done about it; no pop-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer

from .scrolling import reveal

Action = tuple[str, Callable[[], Any]]
ICON_SIZE = 16
INFO, WARNING, ERROR = "info", "warning", "error"


class MessageLine:
    """One place for messages in a layout, hidden while there is none. `text` and `level`: what it shows."""

    def __init__(self, layout: qt.QLayout, index: int = -1, name: str = "messageLine") -> None:
        self.text = ""
        self.level = ""
        self._actions: list[qt.QPushButton] = []
        self.frame = qt.QFrame()
        self.frame.objectName = name
        self.frame.setFrameShape(qt.QFrame.StyledPanel)
        self._icon = qt.QLabel()
        self._icon.setAlignment(qt.Qt.AlignTop)
        self._label = qt.QLabel()
        self._label.objectName = name + "Text"
        self._label.wordWrap = True
        self._label.textFormat = qt.Qt.PlainText
        self._label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self._label.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
        self._buttons = qt.QHBoxLayout()
        self._buttons.addStretch(1)
        self._arrange(layout, index)
        self.frame.hide()

    def info(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something that went as it should."""
        self._show(INFO, text, actions)

    def warning(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something to think over."""
        self._show(WARNING, text, actions)

    def error(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say what could not be done, and what to do."""
        self._show(ERROR, text, actions)

    def clear(self) -> None:
        """Show nothing."""
        self._show("", "", ())

    def reveal(self) -> None:
        """Scroll as little as needed to see the message."""
        reveal(self.frame)

    def _arrange(self, layout: qt.QLayout, index: int) -> None:
        grid = qt.QGridLayout(self.frame)
        grid.setContentsMargins(6, 4, 6, 4)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._icon, 0, 0)
        grid.addWidget(self._label, 0, 1)
        grid.addLayout(self._buttons, 1, 0, 1, 2)
        if index < 0:
            layout.addWidget(self.frame)
        else:
            layout.insertWidget(index, self.frame)

    def _show(self, level: str, text: str, actions: Sequence[Action]) -> None:
        self.level, self.text = level, text
        self._label.setText(text)
        self._icon.setPixmap(_icon(level).pixmap(ICON_SIZE, ICON_SIZE))
        for button in self._actions:
            button.hide()
            button.deleteLater()
        self._actions = [self._button(label, function) for label, function in actions]
        self.frame.setVisible(bool(text))

    def _button(self, label: str, function: Callable[[], Any]) -> qt.QPushButton:
        button = qt.QPushButton(label)
        button.objectName = "messageButton"
        button.connect("clicked()", function)
        self._buttons.addWidget(button)
        return button


def _icon(level: str) -> qt.QIcon:
    """The icon that the platform has for a message."""
    style = slicer.app.style()
    kinds = {
        INFO: qt.QStyle.SP_MessageBoxInformation,
        WARNING: qt.QStyle.SP_MessageBoxWarning,
        ERROR: qt.QStyle.SP_MessageBoxCritical,
    }
    return style.standardIcon(kinds[level]) if level in kinds else qt.QIcon()
