"""What depends on the size of a widget follows it."""

from __future__ import annotations

from collections.abc import Callable

import qt


class ResizeFilter(qt.QObject):
    """Calls a function when a widget has got another size, or is shown."""

    def __init__(self, widget: qt.QWidget, onResized: Callable[[], None]) -> None:
        super().__init__()
        self._widget, self._onResized = widget, onResized
        widget.installEventFilter(self)

    def eventFilter(self, _watched: qt.QObject, event: qt.QEvent) -> bool:
        """Called by Qt; the event is never kept from the widget."""
        if event.type() in (qt.QEvent.Resize, qt.QEvent.Show):
            qt.QTimer.singleShot(0, self._onResized)
        return False

    def remove(self) -> None:
        """Watch no more."""
        self._widget.removeEventFilter(self)
