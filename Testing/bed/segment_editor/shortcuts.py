"""The Segment Editor's keys, the same as in Slicer."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtGui, QtWidgets

# Key, and the name of the action with its argument.
KEYS: list[tuple[str, str, int]] = [
    *[(str(index % 10), "effect", index) for index in range(1, 11)],
    ("Escape", "effect", 0),
    ("Space", "effect", -1),
    ("Z", "undo", 0),
    ("Ctrl+Z", "undo", 0),
    ("Y", "redo", 0),
    ("Ctrl+Shift+Z", "redo", 0),
    *[(key, "segment", -1) for key in ("Q", "/", ",", ">")],
    *[(key, "segment", 1) for key in ("W", "*", ".", "<")],
    ("I", "mask", 0),
]


class Shortcuts:
    """Keys that are installed on a widget, by default the main window."""

    def __init__(self, actions: dict[str, Callable[[int], None]]) -> None:
        self._actions = actions
        self._installed: list[QtGui.QShortcut] = []

    def install(self, parent: QtWidgets.QWidget) -> None:
        """Install all keys, those of an earlier call are removed."""
        self.uninstall()
        for key, action, argument in KEYS:
            shortcut = QtGui.QShortcut(QtGui.QKeySequence(key), parent)
            shortcut.activated.connect(
                lambda action=action, argument=argument: self._actions[action](argument)
            )
            self._installed.append(shortcut)

    def uninstall(self) -> None:
        """Remove all keys."""
        for shortcut in self._installed:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._installed.clear()
