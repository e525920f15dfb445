"""Leads mouse events of the slice views to the active effect, before the views see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from Testing.bed.errors import slot_errors

EVENTS = (
    "LeftButtonPressEvent",
    "LeftButtonReleaseEvent",
    "MouseMoveEvent",
    "MouseWheelForwardEvent",
    "MouseWheelBackwardEvent",
    "EnterEvent",
    "LeaveEvent",
)
BEFORE_THE_VIEW = 1.0


class ViewEvents:
    """Observers of all slice views of the layout manager."""

    def __init__(self, handler: Callable[[str, Any, Any], bool]) -> None:
        """handler(event, interactor, slice widget): True where the view must not see the event."""
        self._handler = handler
        self._tags: list[tuple[Any, int]] = []

    def start(self, layout_manager: Any) -> None:
        """Observe every slice view there is now."""
        self.stop()
        for name in layout_manager.sliceViewNames():
            widget = layout_manager.sliceWidget(name)
            for event in EVENTS:
                self._observe(widget, event)

    def _observe(self, widget: Any, event: str) -> None:
        interactor = widget.sliceView().interactor()

        def on_event(*_: Any) -> None:
            try:
                if self._handler(event, interactor, widget):
                    interactor.GetCommand(tag).SetAbortFlag(1)
            except Exception:
                slot_errors.add_exception(f"In the Segment Editor, on {event}:")

        tag = interactor.AddObserver(event, on_event, BEFORE_THE_VIEW)
        self._tags.append((interactor, tag))

    def stop(self) -> None:
        """Observe nothing any more."""
        for interactor, tag in self._tags:
            interactor.RemoveObserver(tag)
        self._tags.clear()
