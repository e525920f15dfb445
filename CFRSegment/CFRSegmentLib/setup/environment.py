"""What the installer needs of Slicer, as a protocol that tests can stand in for."""

from __future__ import annotations

import importlib
import importlib.util
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol


class Settings(Protocol):
    """QSettings, as far as it is used; values are texts."""

    def value(self, key: str) -> Any: ...
    def setValue(self, key: str, value: str) -> None: ...
    def remove(self, key: str) -> None: ...


class TorchLogic(Protocol):
    """PyTorchUtilsLogic of the PyTorch extension, as far as it is used."""

    def installTorch(self, *, askConfirmation: bool, torchVersionRequirement: str) -> Any: ...


class Environment(Protocol):
    """Slicer's Python and what installs into it."""

    settings: Settings
    sitePackages: Path

    def isTesting(self) -> bool:
        """Whether nothing may be installed because Slicer runs its tests."""

    def isSatisfied(self, requirement: str) -> bool:
        """Whether a requirement is met, from package metadata alone."""

    def isPipBusy(self) -> bool:
        """Whether this or another extension is installing packages right now."""

    def pipInstall(
        self,
        arguments: Sequence[str],
        constraints: Path,
        onLine: Callable[[str], None],
        onEnd: Callable[[int], None],
    ) -> None:
        """Start `pip install`; returns at once. Lines and the exit code come on the main thread."""

    def hasTorchExtension(self) -> bool:
        """Whether the PyTorch extension is installed; it is not imported for that."""

    def torchLogic(self) -> TorchLogic:
        """The logic of the PyTorch extension."""

    def installExtension(self, name: str) -> bool:
        """Get an extension from Slicer's server; it is there after a restart."""

    def later(self, callback: Callable[[], None]) -> None:
        """Call back when the window has shown what was said so far."""


class SlicerEnvironment:
    """The running Slicer. Nothing is imported before it is needed.

    installInTesting: install although Slicer runs in testing mode, for tests of the installation itself.
    """

    def __init__(self, installInTesting: bool = False) -> None:
        self._installInTesting = installInTesting

    @property
    def settings(self) -> Settings:
        """The user's settings, which outlive the application."""
        import slicer

        return slicer.app.userSettings()

    @property
    def sitePackages(self) -> Path:
        """The folder that packages are installed into."""
        return Path(sysconfig.get_path("purelib"))

    def isTesting(self) -> bool:
        import slicer

        return bool(slicer.app.testingEnabled()) and not self._installInTesting

    def isSatisfied(self, requirement: str) -> bool:
        return bool(_packaging().pip_check(requirement))

    def isPipBusy(self) -> bool:
        return bool(_packaging().isPipInstallInProgress())

    def pipInstall(
        self,
        arguments: Sequence[str],
        constraints: Path,
        onLine: Callable[[str], None],
        onEnd: Callable[[int], None],
    ) -> None:
        """Slicer's own helper: another process, its lines read every 100 ms on the main thread."""
        _packaging().pip_install(
            list(arguments),
            constraints=str(constraints),
            blocking=False,
            show_progress=False,
            logCallback=onLine,
            completedCallback=onEnd,
        )

    def hasTorchExtension(self) -> bool:
        return importlib.util.find_spec("PyTorchUtils") is not None

    def torchLogic(self) -> TorchLogic:
        import PyTorchUtils

        return PyTorchUtils.PyTorchUtilsLogic()

    def installExtension(self, name: str) -> bool:
        """Without dialogs: the caller asked already, and shows what came of it."""
        import slicer

        model = slicer.app.extensionsManagerModel()
        if model is None:
            return False
        wasInteractive = model.interactive
        model.interactive = False
        try:
            return bool(model.installExtensionFromServer(name, False))
        finally:
            model.interactive = wasInteractive

    def later(self, callback: Callable[[], None]) -> None:
        import qt

        qt.QTimer.singleShot(100, callback)


def _packaging() -> Any:
    """slicer.packaging, part of Slicer since 5.12; ImportError in older ones."""
    return importlib.import_module("slicer.packaging")
