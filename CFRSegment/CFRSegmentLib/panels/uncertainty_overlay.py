"""Where the model doubts, as colors over the image of the open case, until that is decided on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from .. import scene
from ..cohort import CohortError, Status
from ..i18n import _
from ..scene import Role
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session

LEGEND_WIDTH, LEGEND_HEIGHT = 96, 18
SHOWN_FROM = 0.1  # as the overlay: less doubt is not colored


class UncertaintyOverlay:
    """Check box, legend and slider. failed(text): the map of the case cannot be shown.

    ui: uncertaintyCheckBox, uncertaintyLegend, uncertaintySlider.
    """

    def __init__(self, session: Session, ui: Any) -> None:
        self.failed = Signal()
        self._session, self._ui = session, ui
        self._shown: tuple[Path, str] | None = None
        self._aside: str | None = None
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.connect("timeout()", self._apply)
        ui.uncertaintyLegend.setPixmap(_legend(LEGEND_WIDTH, LEGEND_HEIGHT))
        ui.uncertaintyCheckBox.connect("toggled(bool)", self._onToggled)
        ui.uncertaintySlider.connect("valueChanged(int)", self._onSlid)

    def refresh(self) -> None:
        """Show the map of the open case, or none, after the views have been set up for it."""
        parameters = self._session.parameters
        if parameters is not None:
            for widget in (self._ui.uncertaintyCheckBox, self._ui.uncertaintySlider):
                widget.blockSignals(True)
            self._ui.uncertaintyCheckBox.checked = parameters.showUncertainty and not self._isAside
            self._ui.uncertaintySlider.value = round(100 * parameters.uncertaintyOpacity)
            for widget in (self._ui.uncertaintyCheckBox, self._ui.uncertaintySlider):
                widget.blockSignals(False)
        self._soon.start()

    def toggle(self) -> None:
        """Show or hide it."""
        self._ui.uncertaintyCheckBox.toggle()

    def setAside(self) -> None:
        """Hide it until another case is open, or the user wants it: it would lie over what is drawn."""
        self._aside = self._session.case.id
        self.refresh()

    @property
    def _isAside(self) -> bool:
        return self._aside is not None and self._aside == self._session.case.id

    def close(self) -> None:
        """The window goes."""
        self._soon.stop()

    def _onToggled(self, isOn: bool) -> None:
        self._aside = None
        if self._session.parameters is not None:
            self._session.parameters.showUncertainty = isOn
        self._soon.start()

    def _onSlid(self, percent: int) -> None:
        if self._session.parameters is not None:
            self._session.parameters.uncertaintyOpacity = percent / 100
        if self._overlay() is not None:
            slicer.util.setSliceViewerLayers(foregroundOpacity=percent / 100)

    def _apply(self) -> None:
        """Make the views as they should be: one map at most, that of an open case that waits for review."""
        case, current = self._session.case, self._session.case.current
        isWaiting = current is not None and current.status is Status.PSEUDO_LABELED and case.isWhole()
        isWaiting = isWaiting and not self._session.inView.isAway
        path = current.uncertaintyMap if isWaiting else None
        self._ui.uncertaintyCheckBox.enabled = path is not None
        isOn = self._ui.uncertaintyCheckBox.checked
        self._ui.uncertaintySlider.enabled = path is not None and isOn
        if path is None or not isOn:
            if self._overlay() is not None:
                scene.hideUncertainty()
            self._shown = None
        else:
            self._show(path, current.id)

    def _show(self, path: Path, caseId: str) -> None:
        opacity, overlay = self._ui.uncertaintySlider.value / 100, self._overlay()
        if overlay is not None and self._shown == (path, caseId):
            slicer.util.setSliceViewerLayers(foreground=overlay, foregroundOpacity=opacity)
            return
        try:
            scene.showUncertainty(path, self._session.case.volumeNode, opacity, caseId)
            self._shown = path, caseId
        except CohortError as error:
            self._shown = None
            self.failed.emit(str(error))

    def _overlay(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        caseId = self._session.case.id
        return scene.caseNode(caseId, Role.UNCERTAINTY) if caseId is not None else None


def _legend(width: int, height: int) -> qt.QPixmap:
    """The colors from the least doubt that is shown to a guess."""
    pixmap = qt.QPixmap(width, height)
    painter = qt.QPainter(pixmap)
    for x in range(width):
        fraction = SHOWN_FROM + (1 - SHOWN_FROM) * x / max(1, width - 1)
        red, green, blue = (round(255 * part) for part in scene.uncertaintyColor(fraction))
        painter.fillRect(x, 0, 1, height, qt.QColor(red, green, blue))
    place, middle = qt.QRect(4, 0, width - 8, height), qt.Qt.AlignVCenter
    painter.setPen(qt.QColor(0, 0, 0))
    painter.drawText(place, middle | qt.Qt.AlignLeft, _("10 %"))
    painter.setPen(qt.QColor(255, 255, 255))
    painter.drawText(place, middle | qt.Qt.AlignRight, _("100 %"))
    painter.end()
    return pixmap
