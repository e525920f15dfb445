"""Subject hierarchy items for nodes and segments, which Slicer's Qt plugins would make."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

# Classes for which one of Slicer's subject hierarchy plugins makes items (their subclasses as well).
SHOWN_CLASSES = (
    "vtkMRMLScalarVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLModelNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLTransformNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
)
VIRTUAL_BRANCH = slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyVirtualBranchAttributeName()
SEGMENT_ID = slicer.vtkMRMLSegmentationNode.GetSegmentIDAttributeName()
SEGMENT_EVENTS = (
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SegmentsOrderModified,
)


class SubjectHierarchyKeeper:
    """Keeps one subject hierarchy node in the scene, with an item for each data node and each segment."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._tags: list[int] = []
        self._segmentations: dict[str, list[tuple[Any, int]]] = {}
        events = slicer.vtkMRMLScene
        self._observe(events.NodeAddedEvent, _with_node(self._on_node_added))
        self._observe(events.NodeAboutToBeRemovedEvent, _with_node(self._on_node_about_to_be_removed))
        self._observe(events.NodeRemovedEvent, _with_node(self._on_node_removed))
        for event in (events.EndImportEvent, events.EndCloseEvent, events.EndBatchProcessEvent):
            self._observe(event, lambda *_: self.update())
        self.update()

    def _observe(self, event: int, callback: Any) -> None:
        self._tags.append(self._scene.AddObserver(event, callback))

    def stop(self) -> None:
        """Observe nothing any more."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        for node_id in list(self._segmentations):
            self._forget_segmentation(node_id)

    def update(self) -> None:
        """Merge imported hierarchies, remove items whose node is gone, add what is missing."""
        if self._scene.IsImporting() or self._scene.IsBatchProcessing():
            return
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        self._remove_orphans(hierarchy)
        for index in range(self._scene.GetNumberOfNodes()):
            self._add(self._scene.GetNthNode(index))

    def _remove_orphans(self, hierarchy: Any) -> None:
        items = vtk.vtkIdList()
        hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
        for index in range(items.GetNumberOfIds()):
            item = items.GetId(index)
            folder = hierarchy.GetItemLevel(item) or hierarchy.HasItemAttribute(item, VIRTUAL_BRANCH)
            if not folder and hierarchy.GetItemDataNode(item) is None:
                hierarchy.RemoveItem(item, False, False)

    def _on_node_added(self, node: Any) -> None:
        if node.IsA("vtkMRMLSubjectHierarchyNode"):
            slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        elif not self._scene.IsImporting():
            self._add(node)

    def _add(self, node: Any) -> None:
        if node is None or node.GetHideFromEditors() or not any(node.IsA(name) for name in SHOWN_CLASSES):
            return
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)
        if hierarchy is None:
            return
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        if node.IsA("vtkMRMLSegmentationNode"):
            self._watch_segments(node)

    def _on_node_about_to_be_removed(self, node: Any) -> None:
        self._forget_segmentation(node.GetID())
        if self._scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)
        item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
        if item:
            for segment in _segment_items(hierarchy, item).values():
                hierarchy.RemoveItem(segment, False, False)
            hierarchy.RemoveItem(item, False, False)

    def _on_node_removed(self, node: Any) -> None:
        if node.IsA("vtkMRMLSubjectHierarchyNode") and not self._scene.IsClosing():
            self.update()

    def _watch_segments(self, node: Any) -> None:
        """One item below the segmentation's item for each segment, as long as the node is in the scene."""
        if node.GetID() not in self._segmentations:
            tags = [(node, node.AddObserver(event, self._on_segments)) for event in SEGMENT_EVENTS]
            self._segmentations[node.GetID()] = tags
        self._on_segments(node, "")

    def _forget_segmentation(self, node_id: str) -> None:
        for node, tag in self._segmentations.pop(node_id, []):
            node.RemoveObserver(tag)

    def _on_segments(self, node: Any, _event: str) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)
        parent = hierarchy.GetItemByDataNode(node) if hierarchy else 0
        segmentation = node.GetSegmentation()
        if not parent or segmentation is None or self._scene.IsImporting():
            return
        known = _segment_items(hierarchy, parent)
        wanted = list(segmentation.GetSegmentIDs())
        for segment_id in known.keys() - set(wanted):
            hierarchy.RemoveItem(known[segment_id], False, False)
        for position, segment_id in enumerate(wanted):
            name = segmentation.GetSegment(segment_id).GetName() or ""
            if segment_id in known:
                if hierarchy.GetItemName(known[segment_id]) != name:
                    hierarchy.SetItemName(known[segment_id], name)
                continue
            item = hierarchy.CreateHierarchyItem(parent, name, VIRTUAL_BRANCH, position)
            hierarchy.SetItemAttribute(item, SEGMENT_ID, segment_id)
            hierarchy.SetItemOwnerPluginName(item, "Segments")


def _segment_items(hierarchy: Any, parent: int) -> dict[str, int]:
    """Items of segments below an item, by segment id."""
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(parent, items, False)
    children = [items.GetId(index) for index in range(items.GetNumberOfIds())]
    pairs = [(hierarchy.GetItemAttribute(item, SEGMENT_ID), item) for item in children]
    return {segment_id: item for segment_id, item in pairs if segment_id}


def _with_node(callback: Any) -> Any:
    """An observer that receives the node of a scene event."""

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def observer(_caller: Any, _event: str, node: Any) -> None:
        callback(node)

    return observer
