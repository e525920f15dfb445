"""Scrolling of the panel that holds the sections: what a person acts on is in view, and nothing jumps.

All of it happens after the layout was made anew; only then it is known where things are and how tall all is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

MARGIN = 10
SETTLED_MILLISECONDS = 150


def showTop(widget: qt.QWidget) -> None:
    """Scroll so that the widget begins at the upper edge."""
    area = _areaOf(widget)
    if area is not None:
        _whenSettled(widget, lambda: _bar(area).setValue(max(_top(widget, area) - MARGIN, 0)))


def reveal(first: qt.QWidget, last: qt.QWidget | None = None) -> None:
    """Scroll as little as needed to see everything from `first` down to `last`, which is below it.

    Nothing moves where all of it is in view; what is taller than the panel is shown from its upper edge on.
    """
    area = _areaOf(first)
    if area is not None:
        _whenSettled(first, lambda: _reveal(area, first, last or first))


def keepInPlace(first: qt.QWidget, last: qt.QWidget) -> None:
    """Call before something above may grow or shrink: the widgets stay where they are on the screen.

    What of them is out of view comes into view.
    """
    area = _areaOf(first)
    if area is None or not first.isVisible():
        return
    before = _top(first, area) - _bar(area).value

    def settle() -> None:
        _bar(area).setValue(_top(first, area) - before)
        _reveal(area, first, last)

    _whenSettled(first, settle)


def isInView(widget: qt.QWidget) -> bool:
    """Whether all of the widget can be seen now."""
    area = _areaOf(widget)
    if area is None or not widget.isVisible():
        return False
    top, seen = _top(widget, area), _bar(area).value
    return seen <= top and top + widget.height <= seen + area.viewport().height


def _reveal(area: qt.QScrollArea, first: qt.QWidget, last: qt.QWidget) -> None:
    seen, height = _bar(area).value, area.viewport().height
    last = last if last.isVisible() else first
    top, bottom = _top(first, area) - MARGIN, _top(last, area) + last.height + MARGIN
    if top < seen or bottom - top > height:
        _bar(area).setValue(max(top, 0))
    elif bottom > seen + height:
        _bar(area).setValue(bottom - height)


def _whenSettled(widget: qt.QWidget, action: Callable[[], None]) -> None:
    """Do it at the next turn of the event loop, and once more when late changes of the layout are through."""
    for delay in (0, SETTLED_MILLISECONDS):
        timer = qt.QTimer(widget)  # goes with the widget, should the window be closed meanwhile
        timer.setSingleShot(True)
        timer.connect("timeout()", lambda timer=timer: _act(timer, widget, action))
        timer.start(delay)


def _act(timer: qt.QTimer, widget: qt.QWidget, action: Callable[[], None]) -> None:
    timer.deleteLater()
    if widget.isVisible():
        action()


def _areaOf(widget: qt.QWidget) -> Any:
    """The scroll area around the widget; None where there is none."""
    found = widget.parent()
    while found is not None and not isinstance(found, qt.QScrollArea):
        found = found.parent()
    return found


def _bar(area: qt.QScrollArea) -> qt.QScrollBar:
    return area.verticalScrollBar()


def _top(widget: qt.QWidget, area: qt.QScrollArea) -> int:
    """Where the widget begins in the scrolled contents."""
    return widget.mapTo(area.widget(), qt.QPoint(0, 0)).y()
