"""ctkFittedTextBrowser, ctkSearchBox and ctkMessageBox: texts to read, to search and to answer."""

from __future__ import annotations

import html
import re

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.ctk.stored import stored

Property = QtCore.Property
MORE, LESS = "more", "less"
BREAK = "<br>"
TAG = re.compile(r"</?[a-zA-Z][^>]*>")


class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text as high as it needs to be. Of a collapsible text only the first line is seen until a click."""

    disableMouseScroll = stored(bool, True)
    collapsed = stored(bool, True, lambda self: self._show())
    showDetailsText = stored(str, "Show details...", lambda self: self._show())
    hideDetailsText = stored(str, "Hide details.", lambda self: self._show())

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole: str | None = None
        self._is_html = False
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self.textChanged.connect(self.updateGeometry)
        self.anchorClicked.connect(self._on_link)

    def setCollapsibleText(self, text: str) -> None:
        """Slot of CTK: HTML or plain, as the text looks."""
        self._set_whole(text, bool(TAG.search(text)))

    def setCollapsibleHtml(self, text: str) -> None:
        """Slot of CTK."""
        self._set_whole(text, True)

    def setCollapsiblePlainText(self, text: str) -> None:
        """Slot of CTK."""
        self._set_whole(text, False)

    def collapsibleText(self) -> str:
        """Invokable of CTK: the whole text."""
        return self._whole or ""

    def _set_whole(self, text: str, is_html: bool) -> None:
        self._whole, self._is_html = text, is_html
        self._show()

    def _show(self) -> None:
        if self._whole is None:
            return
        text = self._whole if self._is_html else html.escape(self._whole).replace("\n", BREAK)
        first, _, rest = text.partition(BREAK)
        if rest and self.collapsed:
            text = f'{first}&hellip; <a href="#{MORE}">{self.showDetailsText}</a>'
        elif rest:
            text = f'{first}{rest} <a href="#{LESS}">{self.hideDetailsText}</a>'
        self.setHtml(text)

    def _on_link(self, link: QtCore.QUrl) -> None:
        if not link.path() and link.fragment() in (MORE, LESS):
            self.collapsed = link.fragment() == LESS

    def heightForWidth(self, width: int) -> int:
        """Height of the whole text at that width, without scroll bar."""
        frame = 2 * self.frameWidth()
        document = self.document().clone()
        document.setTextWidth(width - frame)
        line = self.fontMetrics().lineSpacing()
        return max(round(document.size().height()), line) + frame

    def minimumSizeHint(self) -> QtCore.QSize:
        width = self.width()
        return QtCore.QSize(width, self.heightForWidth(width)) if width else super().minimumSizeHint()

    def sizeHint(self) -> QtCore.QSize:
        return self.minimumSizeHint()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().height() != self.heightForWidth(event.size().width()):
            self.updateGeometry()

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        """Scroll, or leave the wheel to the scroll area around."""
        if self.disableMouseScroll:
            event.ignore()
        else:
            super().wheelEvent(event)


class ctkSearchBox(QtWidgets.QLineEdit):
    """A line to search with; has a button that clears it."""

    showSearchIcon = stored(bool, False)
    searchIcon = stored(QtGui.QIcon, QtGui.QIcon())
    clearIcon = stored(QtGui.QIcon, QtGui.QIcon())

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Search...")
        self.setClearButtonEnabled(True)


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message with 'Don't show this message again'; the answer is then kept in the settings."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self._key = ""
        self._again = QtWidgets.QCheckBox("Don't show this message again", self)
        self._again.hide()
        self.finished.connect(self._on_finished)

    def setDontShowAgain(self, hidden: bool) -> None:
        """Slot of CTK."""
        self._again.setChecked(hidden)

    def _set_key(self, key: str) -> None:
        if key != self._key:
            self._key = key
            self._again.setChecked(self._kept_answer() is not None)
            self._set_visible(bool(key))

    def _set_visible(self, visible: bool) -> None:
        self._again.setVisible(visible)
        if visible:
            self.setCheckBox(self._again)

    def _kept_answer(self) -> int | None:
        kept = QtCore.QSettings().value(self._key) if self._key else None
        number = int(kept) if kept is not None else -1
        return None if number < 0 else number

    def _on_finished(self, result: int) -> None:
        accepting = self.buttonRole(self.clickedButton()) == self.ButtonRole.AcceptRole
        if self._key and self.clickedButton() and accepting:
            answer = int(self.standardButton(self.clickedButton()).value)
            QtCore.QSettings().setValue(self._key, answer if self._again.isChecked() else -1)

    def setVisible(self, visible: bool) -> None:
        """A message that is not to be shown again answers itself."""
        kept = self._kept_answer() if visible and self._again.isChecked() else None
        button = self.button(self.StandardButton(kept)) if kept is not None else None
        if button is not None:  # Qt ends exec() only of a dialog that counts as visible
            self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen, True)
            QtCore.QTimer.singleShot(0, button.click)
        super().setVisible(visible)

    dontShowAgain = Property(bool, lambda self: self._again.isChecked(), setDontShowAgain)
    dontShowAgainSettingsKey = Property(str, lambda self: self._key, _set_key)
    dontShowAgainVisible = Property(bool, lambda self: not self._again.isHidden(), _set_visible)
