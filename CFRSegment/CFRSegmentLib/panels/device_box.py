"""The choice of the device: what the engine has found, with free memory, and what keeps a GPU from use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt

from ..cohort import CohortError
from ..engine import Device, bytesText, chosenDevice, devicesFrom, listDevices
from ..i18n import _
from .engine_task import EngineTask
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session

AUTO = "auto"


class DeviceBox:
    """Fills a combo box with the devices. changed(): the choice, or what is known of the devices.

    The devices are asked for by `look`, never on its own: it starts a process that imports torch.
    """

    def __init__(self, session: Session, box: qt.QComboBox, button: qt.QToolButton) -> None:
        self.changed = Signal()
        self.devices: tuple[Device, ...] = ()
        self._session, self._box, self._button = session, box, button
        self._task = EngineTask()
        self._task.finished.connect(self._onListed)
        self._wanted = AUTO
        self._hasLooked = False
        self._box.connect("activated(int)", self._onChosen)
        self._button.connect("clicked()", self.look)
        self._fill()

    @property
    def isLooking(self) -> bool:
        """Whether the engine is trying the devices now."""
        return self._task.isRunning

    @property
    def wanted(self) -> str:
        """The choice, as in TrainSettings.device."""
        return self._wanted

    @property
    def device(self) -> Device | None:
        """The device that a training would use, None while unknown."""
        return chosenDevice(self.devices, self._wanted)

    def show(self, wanted: str) -> None:
        """Show a choice that was stored."""
        self._wanted = wanted or AUTO
        self._fill()

    def look(self) -> None:
        """Ask the engine for the devices and their free memory, unless packages are missing."""
        if self._task.isRunning or self._session.installer.missing():
            return
        try:
            python = self._session.requireEngine()
        except CohortError:  # the reasons in the panel say so
            return
        self._hasLooked = True
        self._task.start(listDevices(python, self._session.variables()))
        self._fill()
        self.changed.emit()

    def lookOnce(self) -> None:
        """Look, unless that was tried before."""
        if not self._hasLooked:
            self.look()

    def close(self) -> None:
        """End what is under way."""
        self._task.close()

    def _onListed(self) -> None:
        if self._task.problem is None and not self._task.wasCanceled:
            self.devices = devicesFrom(self._task.messages)
        self._fill()
        self.changed.emit()

    def _onChosen(self, index: int) -> None:
        self._wanted = str(self._box.itemData(index))
        self.changed.emit()

    def _fill(self) -> None:
        """One entry per device that can be used, and one that leaves the choice to the program."""
        entries = [(AUTO, self._automaticText())]
        entries += [(device.id, deviceText(device)) for device in self.devices if device.usable]
        if self._wanted not in [device for device, _text in entries]:
            entries.append((self._wanted, _("{device} (not found)").format(device=self._wanted)))
        self._box.clear()
        for device, text in entries:
            self._box.addItem(text, device)
            self._box.setItemData(self._box.count - 1, text, qt.Qt.ToolTipRole)
        self._box.setCurrentIndex([device for device, _text in entries].index(self._wanted))
        self._button.enabled = not self.isLooking

    def _automaticText(self) -> str:
        if self.isLooking:
            return _("Automatic (looking…)")
        found: Any = chosenDevice(self.devices, AUTO)
        if found is None:
            return _("Automatic")
        return _("Automatic: {device}").format(device=deviceText(found))


def deviceText(device: Device) -> str:
    """A device in a few words: its name, and the memory that is free."""
    name = device.name if device.isGpu else _("CPU")
    if device.freeBytes is None:
        return name
    return _("{name}, {free} free").format(name=name, free=bytesText(device.freeBytes))
