"""Modal dialogs in tests: answered as the test said, or closed and counted as an error. Never a hang.

A modal dialog blocks the code that opened it, and with it the test. So a timer looks for one, also inside the
dialog's own event loop, and does what the test has announced with `expect`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.errors import slot_errors

LOOK_MILLISECONDS = 30
STAYS_OPEN_SECONDS = 3.0
Answer = str | Path | list[Path] | Callable[[QtWidgets.QWidget], None]


@dataclass(frozen=True)
class SeenDialog:
    """One dialog that came up: its title, its texts, and whether the test had announced it."""

    title: str
    text: str
    expected: bool


@dataclass(frozen=True)
class Expected:
    """A dialog that the test has announced; title and text are searched for these parts."""

    answer: Answer
    title: str
    text: str

    def matches(self, title: str, text: str) -> bool:
        return self.title in title and self.text in text


class DialogWatchdog:
    """Answers modal dialogs and menus from `start` to `stop`."""

    def __init__(self) -> None:
        self.seen: list[SeenDialog] = []
        self._expected: list[Expected] = []
        self._open: dict[
            int, tuple[QtWidgets.QWidget, float]
        ] = {}  # address -> dialog, when it has to be gone
        self._timer = QtCore.QTimer()
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._timer.timeout.connect(self._look)

    def expect(self, answer: Answer, title: str = "", text: str = "") -> None:
        """Announce the next dialog with these parts in its title and text.

        answer: text of a button or of a menu's entry; file or folder(s) to choose; or a function that gets
        the raw dialog and has to close it.
        """
        self._expected.append(Expected(answer, title, text))

    def start(self) -> None:
        """Begin to look."""
        self._timer.start()

    def stop(self) -> None:
        """End; what is still open is closed and, like announced dialogs that never came, an error."""
        self._look()
        for dialog, _ in list(self._open.values()):
            if _is_open(dialog):
                self._give_up(dialog, "was still open at the end of the test")
        self._timer.stop()
        for item in self._expected:
            slot_errors.add(f"No dialog came with the title {item.title!r} and the text {item.text!r}.")
        self._expected.clear()
        self._open.clear()

    def _look(self) -> None:
        for address, (dialog, deadline) in list(self._open.items()):
            if not _is_open(dialog):
                del self._open[address]
            elif time.monotonic() > deadline:
                self._open[address] = (dialog, float("inf"))
                _soon(self._give_up, dialog, f"was open for {STAYS_OPEN_SECONDS:.0f} s")
        dialog = _blocking_widget()
        if dialog is not None and shiboken6.getCppPointer(dialog)[0] not in self._open:
            self._open[shiboken6.getCppPointer(dialog)[0]] = (dialog, float("inf"))
            _soon(self._meet, dialog)

    def _meet(self, dialog: QtWidgets.QWidget) -> None:
        """Answer a dialog that is new. A menu without an answer may stay a while: the test may click it."""
        if not _is_open(dialog):
            return
        title, text = describe(dialog)
        found = next((item for item in self._expected if item.matches(title, text)), None)
        address = shiboken6.getCppPointer(dialog)[0]
        self.seen.append(SeenDialog(title, text, found is not None))
        if found is None and not isinstance(dialog, QtWidgets.QMenu):
            self._give_up(dialog, "was not expected")
        elif found is not None:
            self._answer(dialog, found, title)
        if address in self._open:
            self._open[address] = (dialog, time.monotonic() + STAYS_OPEN_SECONDS)

    def _answer(self, dialog: QtWidgets.QWidget, found: Expected, title: str) -> None:
        self._expected.remove(found)
        try:
            give_answer(dialog, found.answer)
        except Exception as error:
            slot_errors.add_exception(f"While the dialog {title!r} was answered:")
            self._give_up(dialog, f"could not be answered: {error}")

    def _give_up(self, dialog: QtWidgets.QWidget, why: str) -> None:
        if not _is_open(dialog):
            return
        title, text = describe(dialog)
        self._open.pop(shiboken6.getCppPointer(dialog)[0], None)
        slot_errors.add(f"A {type(dialog).__name__} {why}. Title: {title!r}. Text: {text!r}")
        if isinstance(dialog, QtWidgets.QDialog):
            dialog.reject()
        if _is_open(dialog):
            dialog.close()


def _blocking_widget() -> QtWidgets.QWidget | None:
    """The modal dialog or the menu that is on top; progress dialogs are modal, but close by themselves."""
    popup = QtWidgets.QApplication.activePopupWidget()
    if isinstance(popup, QtWidgets.QMenu):
        return popup
    modal = QtWidgets.QApplication.activeModalWidget()
    if modal is None or modal.testAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen):
        return None
    return None if isinstance(modal, QtWidgets.QProgressDialog) else modal


def _soon(function: Callable, *arguments: object) -> None:
    """Call in the next turn: a timer does not tick before its slot returns, and an answer may take long."""
    QtCore.QTimer.singleShot(0, lambda: function(*arguments))


def _is_open(dialog: QtWidgets.QWidget) -> bool:
    return shiboken6.isValid(dialog) and dialog.isVisible()


def describe(dialog: QtWidgets.QWidget) -> tuple[str, str]:
    """Title and all the texts a user reads in a dialog; for a menu the names of its entries."""
    if isinstance(dialog, QtWidgets.QMenu):
        return dialog.title(), " | ".join(plain(item.text()) for item in dialog.actions())
    if isinstance(dialog, QtWidgets.QMessageBox):
        texts = [dialog.text(), dialog.informativeText(), dialog.detailedText()]
    else:
        texts = [item.text() for item in dialog.findChildren(QtWidgets.QLabel) if item.isVisible()]
    return dialog.windowTitle(), "\n".join(filter(None, texts))


def plain(text: str) -> str:
    """A text without the mark of its shortcut: '&Yes' is 'Yes'."""
    return re.sub(r"&(.)", r"\1", text)


def give_answer(dialog: QtWidgets.QWidget, answer: Answer) -> None:
    """Do with a dialog what `DialogWatchdog.expect` describes. LookupError where there is no such button."""
    if callable(answer):
        answer(dialog)
    elif isinstance(answer, str):
        _choose_text(dialog, answer)
    else:
        choose_files(dialog, *(answer if isinstance(answer, list) else [answer]))


def _choose_text(dialog: QtWidgets.QWidget, text: str) -> None:
    if isinstance(dialog, QtWidgets.QMenu):
        entries = {plain(item.text()): item for item in dialog.actions() if item.isEnabled()}
        if text in entries:
            dialog.setActiveAction(entries[text])
            # No QTest here: it also sends the release, and complains where the entry has disabled the menu.
            none = QtCore.Qt.KeyboardModifier.NoModifier
            press = QtGui.QKeyEvent(QtCore.QEvent.Type.KeyPress, QtCore.Qt.Key.Key_Return, none)
            QtWidgets.QApplication.sendEvent(dialog, press)
            return
    else:
        buttons = dialog.findChildren(QtWidgets.QAbstractButton)
        entries = {plain(item.text()): item for item in buttons if item.isVisible() and item.isEnabled()}
        if text in entries:
            entries[text].click()
            return
    raise LookupError(f"There is no {text!r}, only {sorted(filter(None, entries))}.")


def choose_files(dialog: QtWidgets.QWidget, *paths: Path) -> None:
    """Type the paths into a file dialog and accept it."""
    line = dialog.findChild(QtWidgets.QLineEdit, "fileNameEdit")
    if line is None:
        raise LookupError(f"A {type(dialog).__name__} takes no files.")
    line.setText(str(paths[0]) if len(paths) == 1 else " ".join(f'"{path}"' for path in paths))
    dialog.accept()


def enter_text(text: str) -> Callable[[QtWidgets.QWidget], None]:
    """An answer for an input dialog: type a text, press OK."""

    def answer(dialog: QtWidgets.QWidget) -> None:
        dialog.setTextValue(text)
        dialog.accept()

    return answer
