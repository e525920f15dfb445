"""Whether the viewer shows the open case: nobody must decide on, or draw into, what is not in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from ..i18n import _
from ..scene import isInScene
from .message_line import MessageLine
from .signals import Signal
from .viewed_volume import ViewedVolume

if TYPE_CHECKING:
    import qt

    from .session import Session


class CaseInView:
    """Looks at the slice views between `start` and `stop`. changed(): the case came into view or left it.

    While only other volumes are shown, as after Add Data, the segmentation of the case is hidden, so that it
    does not lie over an image to which it does not belong.
    """

    def __init__(self, session: Session) -> None:
        self.changed = Signal()
        self._session = session
        self._viewed = ViewedVolume()
        self._viewed.changed.connect(self._update)
        self._hidden: slicer.vtkMRMLSegmentationNode | None = None
        self._wasAway = False

    @property
    def other(self) -> slicer.vtkMRMLVolumeNode | None:
        """The volume that is shown in place of the open case; None where that is in view, or none open."""
        case, shown = self._session.case, self._viewed.nodes
        if not self.isWatched or not case.isWhole() or case.volumeNode in shown:
            return None
        return shown[0] if shown else None

    @property
    def isWatched(self) -> bool:
        """Whether the views are looked at."""
        return self._viewed.isWatched

    @property
    def isAway(self) -> bool:
        """Whether another volume is shown in place of the open case."""
        return self.other is not None

    def start(self) -> None:
        """Look at the views from now on; again after a scene was closed or loaded."""
        self._viewed.start()

    def stop(self) -> None:
        """Look no more."""
        self._viewed.stop()

    def _update(self) -> None:
        node, isAway = self._session.case.segmentationNode, self.isAway
        if isAway and node.GetDisplayVisibility():
            node.SetDisplayVisibility(False)
            self._hidden = node
        elif not isAway:
            if self._hidden is node and isInScene(node):
                node.SetDisplayVisibility(True)
            self._hidden = None
        if isAway or isAway != self._wasAway:  # away: it may be another volume than before
            self._wasAway = isAway
            self.changed.emit()


class AwayLine:
    """Says in a panel that another volume is in view, with the way back."""

    def __init__(self, session: Session, layout: qt.QLayout, index: int, name: str) -> None:
        self._session = session
        self._line = MessageLine(layout, index, name)

    def refresh(self) -> None:
        """Show it, or nothing."""
        case, other = self._session.case, self._session.inView.other
        if other is None or case.current is None:
            self._line.clear()
            return
        text = _("{volume} is in the viewer, not {case}, whose segmentation is hidden meanwhile.")
        text = text.format(volume=other.GetName(), case=case.current.title)
        self._line.warning(text, [(_("Show {case}").format(case=case.current.title), case.show)])
