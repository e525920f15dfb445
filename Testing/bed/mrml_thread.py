"""The scene belongs to the main thread: reaching for it, or changing nodes, elsewhere is an error."""

from __future__ import annotations

import sys
import types
from typing import Any

import slicer
import vtk

from Testing.bed.threads import require_main_thread

GUARDED = ("mrmlScene", "app", "modules", "dicomDatabase")


def _guarded(name: str) -> property:
    key = f"_{name}_of_the_bed"

    def read(module: types.ModuleType) -> Any:
        require_main_thread(f"slicer.{name}")
        if key not in module.__dict__:
            raise AttributeError(f"module 'slicer' has no attribute '{name}'")
        return module.__dict__[key]

    def write(module: types.ModuleType, value: Any) -> None:
        module.__dict__[key] = value

    return property(read, write)


class GuardedSlicer(types.ModuleType):
    """The module `slicer`; its scene and application can be reached from the main thread only."""

    mrmlScene = _guarded("mrmlScene")
    app = _guarded("app")
    modules = _guarded("modules")
    dicomDatabase = _guarded("dicomDatabase")


def guard_slicer_module() -> None:
    """Guard the module `slicer` of this process; what was set before stays."""
    module = sys.modules["slicer"]
    if isinstance(module, GuardedSlicer):
        return
    known = {name: module.__dict__.pop(name) for name in GUARDED if name in module.__dict__}
    module.__class__ = GuardedSlicer
    for name, value in known.items():
        setattr(module, name, value)


class NodeGuard:
    """Checks the thread whenever a node comes, goes or is modified."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._tags: dict[str, tuple[Any, int]] = {}
        events = slicer.vtkMRMLScene
        self._scene_tags = [
            scene.AddObserver(events.NodeAddedEvent, _with_node(self._on_added)),
            scene.AddObserver(events.NodeRemovedEvent, _with_node(self._on_removed)),
        ]
        for index in range(scene.GetNumberOfNodes()):
            self._on_added(scene.GetNthNode(index))

    def _on_added(self, node: Any) -> None:
        require_main_thread(f"The scene (added: {node.GetID()})")
        tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, _on_modified)
        self._tags[node.GetID()] = (node, tag)

    def _on_removed(self, node: Any) -> None:
        require_main_thread(f"The scene (removed: {node.GetID()})")
        self._forget(node.GetID())

    def _forget(self, node_id: str) -> None:
        node, tag = self._tags.pop(node_id, (None, 0))
        if node is not None:
            node.RemoveObserver(tag)

    def stop(self) -> None:
        """Check nothing any more."""
        for tag in self._scene_tags:
            self._scene.RemoveObserver(tag)
        for node_id in list(self._tags):
            self._forget(node_id)


def _on_modified(node: Any, _event: str) -> None:
    require_main_thread(f"A node ({node.GetID()})")


def _with_node(callback: Any) -> Any:
    @vtk.calldata_type(vtk.VTK_OBJECT)
    def observer(_caller: Any, _event: str, node: Any) -> None:
        callback(node)

    return observer
