"""The section Apply: a model, one click for the volume in the viewer, or several cases at once."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import qt

from .. import scene
from ..cohort import CohortError
from ..i18n import _
from .batch_box import BatchBox
from .message_line import MessageLine
from .model_box import ModelBox
from .scrolling import reveal
from .ui_files import loadPanelUi
from .viewed_volume import ViewedVolume
from .volume_segmenter import Segmented, VolumeSegmenter, millilitersText

if TYPE_CHECKING:
    from .session import Session


class ApplyPanel:
    """Over `session`, in `parent`, whose layout is vertical."""

    def __init__(self, parent: qt.QWidget, session: Session) -> None:
        self._parent, self._session = parent, session

    def setup(self) -> None:
        """Make the widgets and connect everything."""
        self.ui = ui = loadPanelUi("ApplyPanel", self._parent)
        layout = ui.applyLayout
        self.message = MessageLine(layout, layout.indexOf(ui.segmentingRow) + 1, "applyMessage")
        self._models = ModelBox(self._session, ui, self.message)
        self._segmenter = VolumeSegmenter(self._session)
        self._batch = BatchBox(self._session, ui)
        self._viewed = ViewedVolume()
        ui.segmentButton.connect("clicked()", self._segment)
        ui.segmentingCancelButton.connect("clicked()", self._segmenter.cancel)
        ui.applyInstallButton.connect("clicked()", self._session.requestSetup)
        self._parent.connect("contentsCollapsed(bool)", self._onFolded)
        for signal, listener in self._listeners():
            signal.connect(listener)
        self.refresh()

    def refresh(self) -> None:
        """Show what the session holds."""
        self._models.refresh()
        self._refreshState()

    def enter(self) -> None:
        """The module is shown: the volume in the viewer is looked at."""
        self._viewed.start()
        self._refreshState()

    def exit(self) -> None:
        """Another module is shown; what is being segmented goes on."""
        self._viewed.stop()

    def cleanup(self) -> None:
        """The window goes, and with it what was being segmented."""
        for signal, listener in self._listeners():
            signal.disconnect(listener)
        self._viewed.stop()
        for part in (self._models, self._segmenter, self._batch):
            part.close()

    def _listeners(self) -> tuple[tuple[Any, Any], ...]:
        session, segmenter = self._session, self._segmenter
        return (
            (session.cohortChanged, self._onCohort),
            (session.casesChanged, self._refreshState),
            (session.parametersChanged, self.refresh),
            (session.modelsChanged, self.refresh),
            (session.setupFinished, self._refreshState),
            (self._models.changed, self._refreshState),
            (self._viewed.changed, self._refreshState),
            (segmenter.progressed, self._onProgress),
            (segmenter.finished, self._onSegmented),
            (segmenter.failed, self._onFailed),
            (segmenter.canceled, self._onCanceled),
        )

    def _segment(self) -> None:
        node, model = self._viewed.node, self._models.model
        if node is None or model is None:
            return
        self.message.clear()
        parameters = self._session.parameters
        try:
            self._segmenter.start(node, model, parameters.device if parameters is not None else "auto")
        except CohortError as error:
            self.message.error(str(error))
        self.ui.segmentingBar.setRange(0, 0)
        self._refreshState()
        reveal(self.ui.segmentButton, self.ui.segmentingRow)

    def _onProgress(self, done: int, of: int) -> None:
        self.ui.segmentingBar.setRange(0, of)
        self.ui.segmentingBar.setValue(done)

    def _onSegmented(self, found: Segmented) -> None:
        text = _("{volume} segmented in {seconds} s: {volumes}.")
        seconds, volumes = f"{found.seconds:.0f}", millilitersText(found.milliliters)
        text = text.format(volume=found.volumeName, seconds=seconds, volumes=volumes)
        if not any(value for _name, value in found.milliliters):
            self.message.warning(_("{text} The model found nothing in it.").format(text=text))
        else:
            self.message.info(text)
        self._refreshState()

    def _onFailed(self, text: str) -> None:
        self.message.error(text)
        self._refreshState()

    def _onCanceled(self) -> None:
        self.message.info(_("Canceled; nothing was added to the scene."))
        self._refreshState()

    def _onFolded(self, isFolded: bool) -> None:
        if not isFolded:
            qt.QTimer.singleShot(0, self._refreshState)

    def _onCohort(self) -> None:
        self._batch.forget()
        self.message.clear()
        self.refresh()

    def _refreshState(self, *_arguments: object) -> None:
        """What can be segmented, with what, and why not."""
        ui, node, isRunning = self.ui, self._viewed.node, self._segmenter.isRunning
        ui.viewedLabel.text = (
            _("Volume in the viewer: {name}").format(name=f"<b>{html.escape(node.GetName())}</b>")
            if node is not None
            else _("No volume in the viewer.")
        )
        engineReason = self._engineReason()
        reason = engineReason or self._volumeReason()
        ui.segmentButton.enabled = not reason and not isRunning and not self._batch.isRunning
        ui.segmentButton.toolTip = reason or _("Segments the volume in the viewer.")
        ui.segmentingRow.setVisible(isRunning)
        ui.applyInstallButton.setVisible(bool(self._session.installer.missing()))
        busy = _("Another volume is being segmented.") if isRunning else ""
        self._batch.refresh(self._models.model, engineReason or busy)

    def _engineReason(self) -> str:
        """Why nothing can be segmented at all; empty where it can."""
        model = self._models.model
        if model is None:
            return _("There is no model yet: train one, or import one.")
        if model.problem is not None:
            return str(model.problem)
        if self._session.installer.missing():
            return _("Packages are missing: press Install.")
        try:
            self._session.requireEngine()
        except CohortError as error:
            return str(error)
        return ""

    def _volumeReason(self) -> str:
        """Why the volume in the viewer cannot be segmented; empty where it can."""
        node = self._viewed.node
        if node is None:
            return _("Load a volume and show it in the viewer.")
        problem = scene.volumeProblem(node)
        return "" if problem is None else str(problem)
