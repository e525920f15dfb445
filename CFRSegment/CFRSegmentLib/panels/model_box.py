"""The choice of the model, with import, export and deletion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from CFRTrain.runs.errors import CFRError

from ..engine import ModelEntry, ModelStore
from ..i18n import _
from .message_line import MessageLine
from .model_looks import modelHtml
from .signals import Signal
from .step_task import Steps, StepTask

if TYPE_CHECKING:
    from .session import Session

SUFFIX = ".cfrmodel"


class ModelBox:
    """The models of the open cohort, and those imported while none was open. changed(): another choice.

    ui: modelComboBox, manageButton, modelLabel.
    """

    def __init__(self, session: Session, ui: Any, message: MessageLine) -> None:
        self.changed = Signal()
        self._session, self._ui, self._message = session, ui, message
        self._models: tuple[ModelEntry, ...] = ()
        self._task = StepTask()
        self._task.finished.connect(self._onWorked)
        self._onDone: Callable[[Any], str] = str
        self._makeMenu()
        ui.modelComboBox.connect("activated(int)", self._onChosen)

    @property
    def model(self) -> ModelEntry | None:
        """The chosen model, None where there is none; it may have a problem."""
        index = self._ui.modelComboBox.currentIndex
        return self._models[index] if 0 <= index < len(self._models) else None

    def refresh(self) -> None:
        """Look at the folders again; the choice stays where it can."""
        wanted = self._session.parameters.model if self._session.parameters is not None else ""
        self._models = tuple(model for store in self._stores() for model in store.models())
        box = self._ui.modelComboBox
        box.clear()
        for model in self._models:
            box.addItem(model.name, model.path.name)
        names = [model.path.name for model in self._models]
        box.setCurrentIndex(names.index(wanted) if wanted in names else min(0, len(names) - 1))
        self._showModel()

    def close(self) -> None:
        """Give up what is under way; nothing half is left behind."""
        self._task.close()

    def _stores(self) -> list[ModelStore]:
        """Where models are: in the cohort, and in a folder of this person."""
        cohort = self._session.cohort
        own = [ModelStore(cohort.modelsFolder)] if cohort is not None else []
        return [*own, ModelStore(self._session.weightsFolder.parent / "models")]

    def _target(self) -> ModelStore:
        """Where an imported model goes."""
        cohort, stores = self._session.cohort, self._stores()
        return stores[0] if cohort is not None and not cohort.readOnly else stores[-1]

    def _makeMenu(self) -> None:
        self._menu = qt.QMenu(self._ui.manageButton)
        self._import = self._menu.addAction(_("Import..."))
        self._export = self._menu.addAction(_("Export..."))
        self._delete = self._menu.addAction(_("Delete..."))
        self._import.connect("triggered()", self._chooseImport)
        self._export.connect("triggered()", self._chooseExport)
        self._delete.connect("triggered()", self._askDeletion)
        self._ui.manageButton.setMenu(self._menu)

    def _showModel(self) -> None:
        model = self.model
        self._ui.modelComboBox.enabled = bool(self._models)
        self._ui.modelLabel.text = (
            _("No model yet. A training makes one, or import one from a file.")
            if model is None
            else modelHtml(model)
        )
        self._export.setEnabled(model is not None and model.problem is None)
        self._delete.setEnabled(model is not None)
        self.changed.emit()

    def _onChosen(self, _index: int) -> None:
        if self._session.parameters is not None and self.model is not None:
            self._session.parameters.model = self.model.path.name
        self._showModel()

    def _chooseImport(self) -> None:
        filters = _("Models ({pattern})").format(pattern="*" + SUFFIX)
        window = slicer.util.mainWindow()
        path = qt.QFileDialog.getOpenFileName(window, _("Import a model"), "", filters)
        if path:
            self._work(self._target().importing(Path(path)), self._imported)

    def _imported(self, model: ModelEntry) -> str:
        if self._session.parameters is not None:
            self._session.parameters.model = model.path.name
        return _("{model} is imported; its content is as it was made.").format(model=model.name)

    def _chooseExport(self) -> None:
        model = self.model
        if model is None:
            return
        filters = _("Models ({pattern})").format(pattern="*" + SUFFIX)
        window = slicer.util.mainWindow()
        path = qt.QFileDialog.getSaveFileName(window, _("Export the model"), model.path.name, filters)
        if path:
            target = Path(path if path.endswith(SUFFIX) else path + SUFFIX)
            steps = self._storeOf(model).exporting(model, target)
            self._work(steps, lambda _nothing: _("Exported to {file}.").format(file=target.name))

    def _askDeletion(self) -> None:
        model = self.model
        if model is not None:
            text = _("Delete the model {model}? Export it first if you may need it again.")
            actions = ((_("Delete"), lambda: self._remove(model)), (_("Keep"), self._message.clear))
            self._message.warning(text.format(model=model.name), actions)

    def _remove(self, model: ModelEntry) -> None:
        self._message.clear()
        try:
            self._storeOf(model).remove(model)
        except OSError as error:
            text = _("The model cannot be deleted: {reason}.")
            self._message.error(text.format(reason=error.strerror or error))
        self.refresh()

    def _storeOf(self, model: ModelEntry) -> ModelStore:
        return ModelStore(model.path.parent)

    def _work(self, steps: Steps, done: Callable[[Any], str]) -> None:
        """Do it while the window goes on; `done` gives the words for its result."""
        if self._task.isRunning:
            return
        self._onDone = done
        self._message.info(_("Verifying the model..."))
        self._task.start(steps)

    def _onWorked(self) -> None:
        error = self._task.error
        if isinstance(error, CFRError):
            self._message.error(str(error))
        elif isinstance(error, OSError):
            text = _("The file cannot be written: {reason}. Choose another folder.")
            self._message.error(text.format(reason=error.strerror or error))
        elif error is not None:
            raise error
        else:
            text = self._onDone(self._task.result)
            self.refresh()
            self._message.info(text)
