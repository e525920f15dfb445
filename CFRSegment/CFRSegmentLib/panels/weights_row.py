"""SAM's weights: none, or an official file, downloaded after the license was shown, or taken from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from ..cohort import CohortError
from ..engine import (
    VerbProcess,
    WeightsEntry,
    bytesText,
    downloadWeights,
    installWeights,
    licenseText,
    removeWeights,
    weightsEntries,
)
from ..i18n import _
from .engine_task import EngineTask
from .message_line import MessageLine
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session

FILES = "*.pth *.safetensors"


class WeightsRow:
    """The widgets of the choice; `model` is "" for none, vit_b, vit_l or vit_h. changed(): it, or its file.

    ui: samComboBox, samDownloadButton, samFileButton, samRemoveButton, samProgress, samProgressBar,
    samCancelButton.
    """

    def __init__(self, session: Session, ui: Any) -> None:
        self.changed = Signal()
        self._session, self._ui = session, ui
        self._model = ""
        self._isLocked = False
        self._asked: WeightsEntry | None = None
        self._task = EngineTask()
        self._task.progressed.connect(self._onProgress)
        self._task.finished.connect(self._onFinished)
        self.message = MessageLine(ui.samLayout, name="samMessage")
        ui.samComboBox.connect("activated(int)", self._onChosen)
        ui.samDownloadButton.connect("clicked()", self._showLicense)
        ui.samFileButton.connect("clicked()", self._chooseFile)
        ui.samRemoveButton.connect("clicked()", self._askRemoval)
        ui.samCancelButton.connect("clicked()", self._task.cancel)
        self._fill()

    @property
    def model(self) -> str:
        """The chosen model."""
        return self._model

    @property
    def file(self) -> Path | None:
        """The file of the chosen model; None without a model. It may not be there yet."""
        found = self._entry()
        return None if found is None else found.file or self._session.weightsFolder / found.fileName

    @property
    def isBusy(self) -> bool:
        """Whether a file is being downloaded or verified."""
        return self._task.isRunning

    def show(self, model: str) -> None:
        """Show a choice that was stored."""
        self._model = model
        self._fill()

    def lock(self, isLocked: bool) -> None:
        """Nothing is chosen or deleted while a training is under way; a download goes on."""
        self._isLocked = isLocked
        self._fill()

    def close(self) -> None:
        """End what is under way; a download goes on the next time."""
        self._task.close()

    def _entry(self) -> WeightsEntry | None:
        return next(
            (item for item in weightsEntries(self._session.weightsFolder) if item.model == self._model), None
        )

    def _fill(self) -> None:
        """The entries with what is there of them, and the buttons that fit the chosen one."""
        box, entries = self._ui.samComboBox, weightsEntries(self._session.weightsFolder)
        box.clear()
        box.addItem(_("None: labels come from registration"), "")
        for item in entries:
            state = _("ready") if item.file else bytesText(item.sizeBytes)
            box.addItem(_("{title} ({state})").format(title=item.title, state=state), item.model)
        models = ["", *[item.model for item in entries]]
        box.setCurrentIndex(models.index(self._model) if self._model in models else 0)
        chosen = self._entry()
        isFree, isAbsent = not self.isBusy and not self._isLocked, chosen is not None and chosen.file is None
        self._ui.samDownloadButton.setVisible(isAbsent and isFree)
        self._ui.samFileButton.setVisible(isAbsent and isFree)
        self._ui.samRemoveButton.setVisible(chosen is not None and not isAbsent and isFree)
        self._ui.samProgress.setVisible(self.isBusy)
        box.enabled = isFree

    def _onChosen(self, index: int) -> None:
        self._model = str(self._ui.samComboBox.itemData(index))
        self.message.clear()
        self._fill()
        self.changed.emit()

    def _showLicense(self) -> None:
        """What a person agrees to, with the button that does."""
        self._asked = self._entry()
        if self._asked is None:
            return
        size, free = bytesText(self._asked.sizeBytes), self._session.weightsFolder
        text = _("{license} Size: {size}, folder: {folder}")
        text = text.format(license=licenseText(), size=size, folder=free)
        actions = ((_("Agree and download"), self._download), (_("Cancel"), self.message.clear))
        self.message.info(text, actions)

    def _download(self) -> None:
        if self._asked is not None:
            model, folder = self._asked.model, self._session.weightsFolder
            self._begin(lambda python, variables: downloadWeights(python, variables, model, folder))

    def _chooseFile(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            slicer.util.mainWindow(), _("SAM weights file"), "", _("Weights ({files})").format(files=FILES)
        )
        if path:
            folder = self._session.weightsFolder
            self._begin(lambda python, variables: installWeights(python, variables, Path(path), folder))

    def _begin(self, make: Callable[[Path, dict[str, str]], VerbProcess]) -> None:
        self.message.clear()
        if self._session.installer.missing():
            self._session.requestSetup()
            return
        try:
            self._session.weightsFolder.mkdir(parents=True, exist_ok=True)
            process = make(self._session.requireEngine(), self._session.variables())
        except (CohortError, OSError) as error:
            self.message.error(str(error))
            return
        self._ui.samProgressBar.setRange(0, 0)
        self._task.start(process)
        self._fill()

    def _onProgress(self, message: dict[str, Any]) -> None:
        done, of = int(message.get("step") or 0), int(message.get("of") or 0)
        bar = self._ui.samProgressBar
        bar.setRange(0, 1000 if of else 0)
        bar.setValue(round(1000 * done / of) if of else 0)
        bar.setFormat(_("{done} of {of}").format(done=bytesText(done), of=bytesText(of)))

    def _onFinished(self) -> None:
        problem = self._task.problem
        if problem is not None:
            self.message.error(str(problem))
        elif self._task.wasCanceled:
            self.message.info(_("Canceled. The next download goes on from what is there."))
        else:
            found = [item.get("model") for item in self._task.messages if item.get("type") == "weights"]
            self._model = str(found[-1]) if found and found[-1] else self._model
            self.message.info(_("The weights are there, and their checksum is right."))
        self._fill()
        self.changed.emit()

    def _askRemoval(self) -> None:
        chosen = self._entry()
        if chosen is not None:
            text = _("Delete {title} from this computer? It can be downloaded again.").format(
                title=chosen.title
            )
            self.message.warning(text, ((_("Delete"), self._remove), (_("Keep"), self.message.clear)))

    def _remove(self) -> None:
        self.message.clear()
        try:
            removeWeights(self._session.weightsFolder, self._model)
        except OSError as error:
            self.message.error(_("The file cannot be deleted: {reason}.").format(reason=error.strerror))
        self._fill()
        self.changed.emit()
