"""Which volume the viewer shows."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..scene import isInScene
from .signals import Signal


class ViewedVolume(VTKObservationMixin):
    """The background volume of the first slice view. changed(): another one, or its name."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = Signal()
        self.isWatched = False  # between `start` and `stop`
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.connect("timeout()", self._onSoon)

    @property
    def node(self) -> slicer.vtkMRMLVolumeNode | None:
        """The volume, None where none is shown."""
        return next(iter(self.nodes), None)

    @property
    def nodes(self) -> list[slicer.vtkMRMLVolumeNode]:
        """The background volumes of all slice views."""
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        found = [slicer.mrmlScene.GetNodeByID(item.GetBackgroundVolumeID() or "") for item in composites]
        return [node for node in found if isInScene(node)]

    def start(self) -> None:
        """Look at the views from now on."""
        self.removeObservers()
        self.isWatched = True
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self.addObserver(composite, vtk.vtkCommand.ModifiedEvent, self._onModified)
        for event in (slicer.mrmlScene.NodeAddedEvent, slicer.mrmlScene.NodeRemovedEvent):
            self.addObserver(slicer.mrmlScene, event, self._onModified)
        self._soon.start()

    def stop(self) -> None:
        """Look no more."""
        self._soon.stop()
        self.isWatched = False
        self.removeObservers()

    def _onModified(self, *_arguments: object) -> None:
        self._soon.start()

    def _onSoon(self) -> None:
        self.changed.emit()
