"""Watches a segmentation for edits of its voxels and for new names, colors and terms of its segments."""

from __future__ import annotations

from collections.abc import Callable

import slicer

Listener = Callable[[], None]


class EditObserver:
    """Calls `onVoxels` when voxels or segments change, `onLooks` when a segment is renamed or colored."""

    def __init__(self, onVoxels: Listener, onLooks: Listener) -> None:
        self._onLooks = onLooks
        self._onVoxels = onVoxels
        self._segmentation: slicer.vtkSegmentation | None = None
        self._tags: list[int] = []

    def start(self, segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
        """Watch this one, and no other."""
        self.stop()
        kind = slicer.vtkSegmentation
        self._segmentation = segmentationNode.GetSegmentation()
        voxelEvents = (kind.SourceRepresentationModified, kind.SegmentAdded, kind.SegmentRemoved)
        self._tags = [self._segmentation.AddObserver(event, self._onVoxelEvent) for event in voxelEvents]
        self._tags.append(self._segmentation.AddObserver(kind.SegmentModified, self._onLookEvent))

    def stop(self) -> None:
        """Watch nothing."""
        if self._segmentation is not None:
            for tag in self._tags:
                self._segmentation.RemoveObserver(tag)
        self._segmentation, self._tags = None, []

    def _onVoxelEvent(self, *_arguments: object) -> None:
        self._onVoxels()

    def _onLookEvent(self, *_arguments: object) -> None:
        self._onLooks()
