"""One key per decision, while the module is shown and no text is typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import qt
import slicer

# Draw closes its outline with A, and takes its last point back with X.
KEYS_OF_TOOLS = {"Draw": ("A", "X")}


class ReviewKeys:
    """Keys of the main window. In a text field a letter is a letter: Qt gives it to the field first.

    None of them is used by Slicer's views or its Segment Editor, but for those of a tool in use, see `lend`.
    R, the first letter of Reject, resets the zoom of a slice view, so it must not be one.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        """actions: what each key does."""
        self._actions = dict(actions)
        self._shortcuts: list[qt.QShortcut] = []
        self._lent: Sequence[str] = ()

    def add(self, key: str, action: Callable[[], None]) -> None:
        """One more key, from the next `take` on."""
        self._actions[key] = action

    def take(self) -> None:
        """The keys work from now on."""
        window = slicer.util.mainWindow()
        if window is None or self._shortcuts:
            return
        for key, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.autoRepeat = False
            shortcut.connect("activated()", action)
            self._shortcuts.append(shortcut)
        self._enable()

    def release(self) -> None:
        """The keys are free for others."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []

    def lend(self, tool: str) -> None:
        """While this tool of the Segment Editor is in use, keys that it needs decide nothing; "" for none."""
        self._lent = KEYS_OF_TOOLS.get(tool, ())
        self._enable()

    def _enable(self) -> None:
        for key, shortcut in zip(self._actions, self._shortcuts, strict=False):
            shortcut.setEnabled(key not in self._lent)
