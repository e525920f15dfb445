"""Observers of VTK objects that end with the widget they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk
from PySide6 import QtCore

SCENE_CHANGES = (
    "NodeAddedEvent",
    "NodeRemovedEvent",
    "EndCloseEvent",
    "EndImportEvent",
    "EndBatchProcessEvent",
)


class Observations:
    """All observers of one widget; they are removed when the widget is destroyed."""

    def __init__(self, owner: QtCore.QObject) -> None:
        self._tags: list[tuple[Any, int]] = []
        owner.destroyed.connect(self.clear)

    def add(self, observed: Any, event: Any, callback: Callable[[], None]) -> None:
        """Call `callback`, without arguments, on an event of a VTK object; None is ignored."""
        if observed is not None:
            self._tags.append((observed, observed.AddObserver(event, lambda *_: callback())))

    def add_modified(self, observed: Any, callback: Callable[[], None]) -> None:
        """Call `callback` when a VTK object was modified."""
        self.add(observed, vtk.vtkCommand.ModifiedEvent, callback)

    def add_scene(self, scene: Any, callback: Callable[[], None]) -> None:
        """Call `callback` when nodes came or went, once after a batch."""

        def unless_busy() -> None:
            if not scene.IsBatchProcessing():
                callback()

        for name in SCENE_CHANGES:
            self.add(scene, getattr(scene, name) if scene is not None else 0, unless_busy)

    def clear(self, *_: Any) -> None:
        """Remove all observers."""
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags.clear()
