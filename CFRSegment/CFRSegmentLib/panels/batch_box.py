"""Segmenting several cases of the cohort: the list, the progress, and what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
import slicer

from .. import scene
from ..cohort import Case, CohortError
from ..engine import ModelEntry
from ..i18n import _
from ..scene import Role
from .batch_list import BatchList
from .batch_segmenter import BatchResult, BatchSegmenter, resultsFolder
from .message_line import MessageLine
from .model_looks import classesOf

if TYPE_CHECKING:
    from .session import Session


class BatchBox:
    """ui: batchBox and the widgets in it. `model` is the one to use, `reason` why nothing can be begun."""

    def __init__(self, session: Session, ui: Any) -> None:
        self._session, self._ui = session, ui
        self._model: ModelEntry | None = None
        self._reason = ""
        self._shownModel: ModelEntry | None = None  # the model of the results that are shown
        self._segmenter = BatchSegmenter(session)
        self._list = BatchList(ui.batchView)
        self.message = MessageLine(ui.batchLayout, name="batchMessage")
        self._list.changed.connect(self._showButtons)
        self._list.opened.connect(self._showResult)
        self._segmenter.done.connect(self._onDone)
        self._segmenter.progressed.connect(self._showProgress)
        self._segmenter.finished.connect(self._onFinished)
        ui.batchBox.connect("contentsCollapsed(bool)", self._fillSoon)
        ui.batchAllButton.connect("clicked()", self._checkAll)
        ui.batchNoneButton.connect("clicked()", self._checkNone)
        ui.batchButton.connect("clicked()", self._start)
        ui.batchCancelButton.connect("clicked()", self._segmenter.cancel)
        ui.batchFolderButton.connect("clicked()", self._openFolder)
        self._showProgress()

    @property
    def isRunning(self) -> bool:
        """Whether cases are being segmented."""
        return self._segmenter.isRunning

    def refresh(self, model: ModelEntry | None, reason: str) -> None:
        """Show the cases of the cohort; nothing can be begun for the `reason`, if there is one."""
        self._model, self._reason = model, reason
        cohort = self._session.cohort
        self._ui.batchBox.setVisible(cohort is not None)
        self._fill()
        self._showButtons()

    def _fill(self, *_arguments: object) -> None:
        """The list is filled when it is seen: a thousand cases take their time."""
        cohort = self._session.cohort
        if cohort is None:
            self._list.fill([])
        elif self._ui.batchView.isVisible():
            self._list.fill([case for case in cohort.cases() if case.image is not None])

    def _fillSoon(self, isFolded: bool) -> None:
        if not isFolded:
            qt.QTimer.singleShot(0, self._fill)

    def forget(self) -> None:
        """Another cohort is open."""
        self._segmenter.cancel()
        self._list.fill([])
        self.message.clear()

    def close(self) -> None:
        """The window goes."""
        self._segmenter.close()

    def _checkAll(self) -> None:
        self._list.checkAll(True)

    def _checkNone(self) -> None:
        self._list.checkAll(False)

    def _start(self) -> None:
        cohort, model = self._session.cohort, self._model
        if cohort is None or model is None:
            return
        cases = [cohort.case(caseId) for caseId in self._list.checkedIds()]
        self.message.clear()
        for case in cohort.cases():
            self._list.showResult(case.id, None)
        try:
            self._segmenter.start(cases, model, _deviceOf(self._session))
        except CohortError as error:
            self.message.error(str(error))
        self._shownModel = model
        self._showButtons()
        self._showProgress()

    def _onDone(self, result: BatchResult) -> None:
        self._list.showResult(result.caseId, result)
        self._showProgress()

    def _onFinished(self, problem: str) -> None:
        results = self._segmenter.results.values()
        done = sum(result.file is not None for result in results)
        failed = [result for result in results if result.file is None]
        text = _("{done} segmented, {failed} failed.").format(done=done, failed=len(failed))
        reasons = [f"{self._titleOf(result.caseId)}: {result.problem}" for result in failed[:3]]
        if problem:
            self.message.error("\n".join([problem, text]))
        elif self._segmenter.wasCanceled:
            self.message.info(_("Canceled. {summary}").format(summary=text))
        elif failed:
            self.message.warning("\n".join([text, *reasons]))
        else:
            self.message.info(text)
        self._showButtons()
        self._showProgress()

    def _titleOf(self, caseId: str) -> str:
        cohort = self._session.cohort
        found = [case.title for case in cohort.cases() if case.id == caseId] if cohort is not None else []
        return found[0] if found else caseId

    def _showButtons(self) -> None:
        ui, count = self._ui, len(self._list.checkedIds())
        ui.batchButton.text = (
            _("Segment 1 case") if count == 1 else _("Segment {count} cases").format(count=count)
        )
        isFree = not self.isRunning and not self._reason
        ui.batchButton.enabled = isFree and count > 0
        ui.batchButton.toolTip = self._reason or _(
            "Segments the ticked cases one after the other; one that fails does not stop the others."
        )
        folder = self._folder()
        ui.batchFolderButton.enabled = folder is not None and folder.is_dir()

    def _showProgress(self) -> None:
        ui, segmenter = self._ui, self._segmenter
        ui.batchRow.setVisible(segmenter.isRunning)
        ui.batchBar.setRange(0, 1000)
        ui.batchBar.setValue(int(1000 * segmenter.fraction))
        text = _("{done} of {of}").format(done=len(segmenter.results), of=segmenter.count)
        ui.batchBar.setFormat(text)

    def _folder(self) -> Any:
        cohort = self._session.cohort
        return resultsFolder(cohort.folder, self._model) if cohort is not None and self._model else None

    def _openFolder(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._folder())))

    def _showResult(self, caseId: str) -> None:
        """Show a case with the segmentation that was made of it."""
        cohort, result = self._session.cohort, self._segmenter.results.get(caseId)
        if cohort is None or result is None or result.file is None or self._shownModel is None:
            return
        try:
            self._load(cohort.case(caseId), result)
        except CohortError as error:
            self.message.error(str(error))

    def _load(self, case: Case, result: BatchResult) -> None:
        if not self._session.case.open(case.id):
            return
        before = scene.caseNode(case.id, Role.RESULT)
        title = _("{volume} segmentation").format(volume=case.title)
        model, volume = self._shownModel, self._session.case.volumeNode
        node = scene.importResult(result.file, volume, classesOf(model), title, model.name, case.id)
        if before is not None:
            slicer.mrmlScene.RemoveNode(before)
        scene.showSegmentation(node)


def _deviceOf(session: Session) -> str:
    return session.parameters.device if session.parameters is not None else "auto"
