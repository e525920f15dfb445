"""What a user does: clicks, drags, wheel and keys, as real X events that Qt cannot tell from a person's.

xdotool sends them to the test's own display; where there is none, QTest sends them to the widget. Before a
click the target must be what lies under the pointer, so a test cannot press what a user could not reach.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import WaitError, process_events, wait_until

ARRIVAL_SECONDS = 5.0
LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN = 1, 2, 3, 4, 5
QT_BUTTONS = {
    LEFT: QtCore.Qt.MouseButton.LeftButton,
    MIDDLE: QtCore.Qt.MouseButton.MiddleButton,
    RIGHT: QtCore.Qt.MouseButton.RightButton,
}
EVENT = QtCore.QEvent.Type
NATIVE = QtCore.Qt.WidgetAttribute.WA_NativeWindow
# A press that opens a list or a menu lets the release go to that; so a click counts by its press.
ARRIVED = {
    "click": {EVENT.MouseButtonPress, EVENT.MouseButtonDblClick},
    "release": {EVENT.MouseButtonRelease},
    "wheel": {EVENT.Wheel},
    "key": {EVENT.KeyRelease},
}
Position = tuple[int, int] | None


class NotReachableError(AssertionError):
    """A user could not do that: hidden, disabled, or covered by something else."""


class User:
    """Hands on mouse and keyboard. Widgets may be raw or proxies; positions are (x, y) within the widget."""

    def __init__(self) -> None:
        # PySide spoils the handle of a window when nobody refers to the widget of that window any more.
        self._kept: dict[int, QtWidgets.QWidget] = {}
        self.is_real = QtWidgets.QApplication.platformName() == "xcb" and bool(shutil.which("xdotool"))

    def click(self, widget: Any, at: Position = None, button: int = LEFT, count: int = 1) -> None:
        """Click, at the middle unless `at` is given; `count` 2 is a double click."""
        raw = unwrap(widget)
        point = self._reach(raw, at)
        if self.is_real:
            repeat = ["--repeat", str(count), "--delay", "30"]
            self._send(
                raw, "click", count, ["mousemove", *_global(raw, point), "click", *repeat, str(button)]
            )
        elif count == 2:
            QtTest.QTest.mouseDClick(raw, QT_BUTTONS[button], pos=point)
        else:
            QtTest.QTest.mouseClick(raw, QT_BUTTONS[button], pos=point)
        process_events()

    def drag(self, widget: Any, points: Iterable[tuple[int, int]], button: int = LEFT) -> None:
        """Press at the first point, move over the others, release at the last."""
        raw = unwrap(widget)
        path = [QtCore.QPoint(*point) for point in points]
        self._reach(raw, (path[0].x(), path[0].y()))
        if not self.is_real:
            _drag_by_events(raw, path, QT_BUTTONS[button])
            return
        _xdotool("mousemove", *_global(raw, path[0]), "mousedown", str(button))
        process_events(0.02)
        for point in path[1:]:
            _xdotool("mousemove", *_global(raw, point))
            process_events(0.02)
        self._send(raw, "release", 1, ["mouseup", str(button)])
        process_events()

    def wheel(self, widget: Any, steps: int, at: Position = None) -> None:
        """Turn the wheel: positive steps away from the user."""
        raw = unwrap(widget)
        point = self._reach(raw, at)
        if not self.is_real:
            _wheel_by_event(raw, point, steps)
            return
        button = WHEEL_UP if steps > 0 else WHEEL_DOWN
        repeat = ["--repeat", str(abs(steps)), "--delay", "20", str(button)]
        self._send(raw, "wheel", 1, ["mousemove", *_global(raw, point), "click", *repeat])
        process_events()

    def key(self, keys: str, widget: Any = None) -> None:
        """Press a key or a combination, as 'a', 'Return', 'ctrl+s' (names of X); in `widget`, if given."""
        target = self._focus(widget)
        if self.is_real:
            self._send(target, "key", 1, ["key", "--clearmodifiers", keys], must_arrive=False)
        else:
            QtTest.QTest.keySequence(target, QtGui.QKeySequence(keys))
        process_events()

    def type_text(self, text: str, widget: Any = None, replace: bool = False) -> None:
        """Type a text; `replace` selects all that is there before."""
        target = self._focus(widget)
        if replace:
            self.key("ctrl+a", widget)
        if self.is_real and text.isascii():
            self._send(target, "key", len(text), ["type", "--delay", "5", text])
        else:  # the keyboard of X lacks these keys; input methods deliver such texts whole
            composed = QtGui.QInputMethodEvent()
            composed.setCommitString(text)
            QtWidgets.QApplication.sendEvent(QtWidgets.QApplication.focusWidget() or target, composed)
        process_events()

    def choose(self, combo_box: Any, text: str) -> None:
        """Open a combo box with a click and take the entry of that text by keys."""
        raw = unwrap(combo_box)
        index = raw.findText(text)
        if index < 0:
            entries = [raw.itemText(row) for row in range(raw.count())]
            raise NotReachableError(f"The combo box {raw.objectName()!r} has no {text!r}, only {entries}.")
        self.click(raw)
        wait_until(lambda: raw.view().isVisible(), "the list of the combo box")
        view = raw.view()
        view.scrollTo(raw.model().index(index, raw.modelColumn()))
        self.click_item(view, raw.model().index(index, raw.modelColumn()))
        wait_until(lambda: not view.isVisible(), "the end of the list of the combo box")

    def click_item(self, view: Any, index: Any, button: int = LEFT, count: int = 1) -> None:
        """Click on an item of a list, tree or table, given as model index."""
        raw, place = unwrap(view), unwrap(index)
        raw.scrollTo(place)
        process_events()
        middle = raw.visualRect(place).center()
        self.click(raw.viewport(), (middle.x(), middle.y()), button, count)

    def click_cell(self, table: Any, row: int, column: int, button: int = LEFT, count: int = 1) -> None:
        """Click on a cell of a table."""
        raw = unwrap(table)
        self.click_item(raw, raw.model().index(row, column, raw.rootIndex()), button, count)

    def move(self, widget: Any, at: Position = None) -> None:
        """Move the pointer over a widget."""
        raw = unwrap(widget)
        point = self._reach(raw, at)
        if self.is_real:
            _xdotool("mousemove", *_global(raw, point))
        else:
            QtTest.QTest.mouseMove(raw, point)
        process_events(0.05)

    def move_away(self) -> None:
        """Move the pointer into the corner of the screen, so that nothing is lit and no tool tip opens."""
        if self.is_real:
            _xdotool("mousemove", "0", "0")
        process_events(0.05)

    def _reach(self, raw: QtWidgets.QWidget, at: Position) -> QtCore.QPoint:
        """Scroll to a widget and make sure that a user could click there."""
        name = f"{type(raw).__name__} {raw.objectName()!r}"
        if not raw.isEnabled():
            raise NotReachableError(f"{name} is disabled.")
        _scroll_to(raw)
        if not raw.isVisible():
            raise NotReachableError(f"{name} is not visible.")
        point = QtCore.QPoint(*at) if at else raw.rect().center()
        if self.is_real:
            wait_until(lambda: self._is_exposed(raw), f"{name} on the screen")
            hit = QtWidgets.QApplication.widgetAt(raw.mapToGlobal(point))
            if hit is None or not (hit is raw or raw.isAncestorOf(hit)):
                other = f"{type(hit).__name__} {hit.objectName()!r}" if hit else "nothing"
                raise NotReachableError(f"At {point.toTuple()} of {name} a user would hit {other}.")
        return point

    def _focus(self, widget: Any) -> QtWidgets.QWidget:
        """Give the focus to a widget, if one is given, in a window that takes keys."""
        raw = unwrap(widget)
        application = QtWidgets.QApplication
        target = raw or application.focusWidget() or application.activeWindow()
        if target is None:
            raise NotReachableError("No window takes keys.")
        if self.is_real and application.activePopupWidget() is None:
            target.window().activateWindow()
            wait_until(lambda: target.window().isActiveWindow(), "a window that takes keys")
        if raw is not None:
            raw.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)
        return target

    def _send(
        self, raw: QtWidgets.QWidget, kind: str, count: int, command: list[str], must_arrive: bool = True
    ) -> None:
        """Send X events and wait until Qt has got as many of that kind."""
        # keys come to the window that has the focus of X, never to a native widget inside it
        handle = self._handle(raw.window() if kind == "key" else raw)
        arrivals = _Arrivals(handle, ARRIVED[kind])
        _xdotool(*command)
        try:
            wait_until(lambda: arrivals.count >= count, f"a {kind} on {raw.objectName()!r}", ARRIVAL_SECONDS)
        except WaitError:
            if must_arrive:
                raise
        finally:
            arrivals.stop()

    def _handle(self, raw: QtWidgets.QWidget) -> QtGui.QWindow | None:
        """The window of X that gets the events of a widget."""
        widget: QtWidgets.QWidget | None = raw
        while widget is not None and not widget.isWindow() and not widget.testAttribute(NATIVE):
            widget = widget.parentWidget()
        widget = widget or raw.window()
        self._kept[shiboken6.getCppPointer(widget)[0]] = widget
        return widget.windowHandle()

    def _is_exposed(self, raw: QtWidgets.QWidget) -> bool:
        handle = self._handle(raw)
        return handle is not None and handle.isExposed()


class _Arrivals(QtCore.QObject):
    """Counts events that come to a window from outside."""

    def __init__(self, window: QtGui.QWindow, kinds: set[QtCore.QEvent.Type]) -> None:
        super().__init__()
        self.count, self._kinds, self._window = 0, kinds, window
        window.installEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if event.type() in self._kinds:
            self.count += 1
        return False

    def stop(self) -> None:
        if shiboken6.isValid(self._window):  # the event may have closed and deleted it
            self._window.removeEventFilter(self)


def _xdotool(*arguments: str) -> None:
    subprocess.run(["xdotool", *arguments], check=True, timeout=20, capture_output=True)


def _global(raw: QtWidgets.QWidget, point: QtCore.QPoint) -> list[str]:
    place = raw.mapToGlobal(point)
    return [str(place.x()), str(place.y())]


def _scroll_to(raw: QtWidgets.QWidget) -> None:
    """Scroll all areas around a widget so that it is seen, as a user would before the click."""
    widget = raw.parentWidget()
    while widget is not None:
        if isinstance(widget, QtWidgets.QScrollArea):
            widget.ensureWidgetVisible(raw)
        widget = widget.parentWidget()
    process_events()


def _drag_by_events(raw: QtWidgets.QWidget, path: list[QtCore.QPoint], button: QtCore.Qt.MouseButton) -> None:
    QtTest.QTest.mousePress(raw, button, pos=path[0])
    for point in path[1:]:
        QtTest.QTest.mouseMove(raw, point)
    QtTest.QTest.mouseRelease(raw, button, pos=path[-1])
    process_events()


def _wheel_by_event(raw: QtWidgets.QWidget, point: QtCore.QPoint, steps: int) -> None:
    place = QtCore.QPointF(point)
    event = QtGui.QWheelEvent(
        place,
        QtCore.QPointF(raw.mapToGlobal(point)),
        QtCore.QPoint(),
        QtCore.QPoint(0, 120 * steps),
        QtCore.Qt.MouseButton.NoButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QtWidgets.QApplication.sendEvent(raw, event)
    process_events()
