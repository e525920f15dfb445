"""A question that cannot wait for an answer in the panel: a message box with a button for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer


def ask(
    icon: Any, title: str, text: str, more: str, choices: Sequence[tuple[str, Any]], escape: int = -1
) -> int:
    """Which of the `choices` (text and role of each button) was pressed, by its index.

    more: the smaller text. Enter presses the first button, Escape the one with the index `escape`.
    """
    box = qt.QMessageBox(slicer.util.mainWindow())
    box.setIcon(icon)
    box.windowTitle = title
    box.text = text
    box.informativeText = more
    buttons = [box.addButton(label, role) for label, role in choices]
    box.setDefaultButton(buttons[0])
    box.setEscapeButton(buttons[escape])
    box.exec_()
    clicked = box.clickedButton()
    box.deleteLater()
    pressed = [index for index, button in enumerate(buttons) if button == clicked]
    return pressed[0] if pressed else escape % len(buttons)
