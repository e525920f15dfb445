"""What depends on the size of a widget follows it."""

from __future__ import annotations

from collections.abc import Callable

import qt


class ResizeFilter(qt.QObject):
    """Calls a function when a widget has got another size, or is shown."""

    def __init__(self, widget: qt.QWidget, onResized: Callable[[], None]) -> None:
        super().__init__()
        self._widget = widget
        self._soon = qt.QTimer()  # once for all the sizes of one new layout
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.connect("timeout()", onResized)
        widget.installEventFilter(self)

    def eventFilter(self, _watched: qt.QObject, event: qt.QEvent) -> bool:
        """Called by Qt; the event is never kept from the widget."""
        if event.type() in (qt.QEvent.Resize, qt.QEvent.Show):
            self._soon.start()
        return False

    def remove(self) -> None:
        """Watch no more."""
        self._soon.stop()
        self._widget.removeEventFilter(self)
