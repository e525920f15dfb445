"""Clicks in menus and message boxes, as answers for the watchdog of dialogs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtWidgets

from Testing.bed.watchdog import plain
from Testing.gui.window import Window


def entry(window: Window, text: str) -> Callable[[QtWidgets.QMenu], None]:
    """An answer for a menu: a click on this entry."""

    def answer(menu: QtWidgets.QMenu) -> None:
        action = next(item for item in menu.actions() if plain(item.text()) == text)
        place = menu.actionGeometry(action).center()
        window.user.click(menu, at=(place.x(), place.y()))

    return answer


def press(window: Window, dialog: QtWidgets.QDialog, text: str) -> None:
    """Click on a button of a dialog."""
    buttons = dialog.findChildren(QtWidgets.QAbstractButton)
    window.user.click(next(item for item in buttons if plain(item.text()) == text))
