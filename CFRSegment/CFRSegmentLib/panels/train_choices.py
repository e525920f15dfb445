"""The choices before a training: shown from the scene's parameters, written there, given as TrainSettings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt

from ..engine import TrainSettings
from ..i18n import _
from .device_box import DeviceBox
from .method_entries import Entries, methodEntries
from .signals import Signal
from .weights_row import WeightsRow

if TYPE_CHECKING:
    from .session import Session


def presetEntries() -> Entries:
    """Value, title and purpose of each preset."""
    return (
        ("preview", _("Preview"), _("A first look in minutes: shows whether the volumes are understood.")),
        ("standard", _("Standard"), _("For use. Minutes on a GPU, up to an hour on a CPU.")),
        ("paper", _("Paper"), _("The published settings, with SAM weights. Hours, on a GPU only.")),
    )


def modalityEntries() -> Entries:
    """Value, title and explanation of each kind of images."""
    return (
        ("MR", _("MR"), _("Intensities are normalized per volume.")),
        ("CT", _("CT"), _("CT numbers are used within a window.")),
    )


class TrainChoices:
    """The widgets of the settings. changed(): one of them, by the user."""

    def __init__(self, session: Session, ui: Any) -> None:
        self.changed = Signal()
        self._session, self._ui = session, ui
        self._isShowing = False
        self._running: TrainSettings | None = None
        self._isLocked = False
        self.devices = DeviceBox(session, ui.deviceComboBox, ui.refreshDevicesButton)
        self.weights = WeightsRow(session, ui)
        self._boxes = (
            (ui.presetComboBox, "preset", presetEntries()),
            (ui.methodComboBox, "method", methodEntries()),
            (ui.modalityComboBox, "modality", modalityEntries()),
        )
        for box, _name, entries in self._boxes:
            for value, title, explanation in entries:
                box.addItem(title, value)
                box.setItemData(box.count - 1, explanation, qt.Qt.ToolTipRole)
            box.connect("activated(int)", self._onChanged)
        for spinBox in (ui.seedSpinBox, ui.threadsSpinBox):
            spinBox.connect("valueChanged(int)", self._onChanged)
        self.devices.changed.connect(self._onChanged)
        self.weights.changed.connect(self._onChanged)

    def show(self) -> None:
        """Show what the scene holds, or what the training under way was told."""
        shown = self._running or self._session.parameters
        if shown is None:
            return
        self._isShowing = True
        for box, name, entries in self._boxes:
            values = [value for value, _title, _text in entries]
            stored = getattr(shown, name)
            box.setCurrentIndex(values.index(stored) if stored in values else 0)
        self._ui.seedSpinBox.value = shown.seed
        self._ui.threadsSpinBox.value = shown.threads
        self.devices.show(shown.device)
        self.weights.show(shown.samModel)
        self._isShowing = False
        self._showHint()

    def settings(self) -> TrainSettings:
        """The choices as the engine takes them."""
        preset, model = self._value(self._ui.presetComboBox), self.weights.model
        return TrainSettings(
            preset=preset,
            device=self.devices.wanted,
            labeler=labelerOf(preset, model),
            samModel=model,
            weights=self.weights.file,
            method=self._value(self._ui.methodComboBox),
            modality=self._value(self._ui.modalityComboBox),
            seed=self._ui.seedSpinBox.value,
            threads=self._ui.threadsSpinBox.value,
        )

    def lock(self, isLocked: bool, running: TrainSettings | None = None) -> None:
        """While a training is under way nothing is chosen, and its own settings are shown, where known."""
        running = running if isLocked else None
        if (isLocked, running) == (self._isLocked, self._running):
            return
        self._isLocked, self._running = isLocked, running
        ui = self._ui
        for widget in (
            ui.presetComboBox, ui.deviceRow, ui.modalityComboBox, ui.methodComboBox, ui.seedSpinBox,
            ui.threadsSpinBox,
        ):  # fmt: skip
            widget.enabled = not isLocked
        self.weights.lock(isLocked)
        self.show()

    def close(self) -> None:
        """End what is under way."""
        self.devices.close()
        self.weights.close()

    def _onChanged(self, *_arguments: object) -> None:
        if self._isShowing:
            return
        parameters, settings = self._session.parameters, self.settings()
        if parameters is not None and not self._isLocked:  # of a running one nothing is taken over
            parameters.preset, parameters.method = settings.preset, settings.method
            parameters.modality, parameters.device = settings.modality, settings.device
            parameters.labeler, parameters.samModel = settings.labeler, settings.samModel
            parameters.seed, parameters.threads = settings.seed, settings.threads
        self._showHint()
        self.changed.emit()

    def _showHint(self) -> None:
        chosen = self._value(self._ui.presetComboBox)
        self._ui.presetHint.text = next(text for value, _title, text in presetEntries() if value == chosen)

    @staticmethod
    def _value(box: qt.QComboBox) -> str:
        return str(box.itemData(box.currentIndex) or "")


def labelerOf(preset: str, model: str) -> str:
    """What makes the first labels: SAM alone as published, registration and SAM together otherwise.

    Without SAM it is what the preset says, and registration for the preset Paper, which says SAM.
    """
    if not model:
        return "atlas" if preset == "paper" else ""
    return "sam" if preset == "paper" else "fusion_sam"
