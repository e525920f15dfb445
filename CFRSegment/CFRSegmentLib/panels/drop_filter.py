"""Files and folders that are dropped on a widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import qt

Taker = Callable[[Sequence[Path]], None]


class DropFilter(qt.QObject):
    """Gives dropped files to `take`, while `accepts` says so."""

    def __init__(self, widget: qt.QWidget, take: Taker, accepts: Callable[[], bool]) -> None:
        super().__init__()
        self._take = take
        self._accepts = accepts
        self._widget = widget
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, _watched: qt.QObject, event: qt.QEvent) -> bool:
        """Called by Qt for each event of the widget; True for those that are handled here."""
        if event.type() not in (qt.QEvent.DragEnter, qt.QEvent.DragMove, qt.QEvent.Drop):
            return False
        paths = _paths(event.mimeData())
        if not paths or not self._accepts():
            event.ignore()
            return True
        event.acceptProposedAction()
        if event.type() == qt.QEvent.Drop:
            # after the drop: the program that the files come from waits until this function returns
            qt.QTimer.singleShot(0, lambda: self._take(paths))
        return True

    def remove(self) -> None:
        """Take no more drops."""
        self._widget.removeEventFilter(self)


def _paths(data: qt.QMimeData) -> list[Path]:
    files = [url.toLocalFile() for url in data.urls()] if data.hasUrls() else []
    return [Path(file) for file in files if file]
