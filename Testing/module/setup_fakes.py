"""A Slicer for the installer: packages are names in a set, pip is a list of calls that the test ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path


class FakeSettings(dict):
    """QSettings in memory."""

    def value(self, key):
        return self.get(key)

    def setValue(self, key, value):
        assert isinstance(value, str)
        self[key] = value

    def remove(self, key):
        self.pop(key, None)


class FakeTorchLogic:
    """The PyTorch extension: notes what it was asked for."""

    def __init__(self, environment: FakeEnvironment) -> None:
        self.environment = environment

    def installTorch(self, *, askConfirmation, torchVersionRequirement):
        self.environment.calls.append(("torch", askConfirmation, torchVersionRequirement))
        if self.environment.torchError:
            raise self.environment.torchError
        if self.environment.torchArrives:
            self.environment.installed.add("torch")


class FakeEnvironment:
    """Satisfied are the names in `installed`; `end(code)` ends the run of pip."""

    def __init__(self, folder: Path, installed: Sequence[str] = ()) -> None:
        self.settings = FakeSettings()
        self.sitePackages = folder
        self.installed = set(installed)
        self.calls: list[tuple] = []
        self.constraints = ""
        self.testing = self.busy = False
        self.extension = self.torchArrives = self.serverWorks = True
        self.torchError: Exception | None = None
        self.startError: Exception | None = None
        self.onLine: Callable[[str], None] | None = None
        self.onEnd: Callable[[int], None] | None = None
        self.waiting: list[Callable[[], None]] = []

    def isTesting(self):
        return self.testing

    def isSatisfied(self, requirement):
        return re.match(r"[\w.-]+", requirement).group() in self.installed

    def isPipBusy(self):
        return self.busy

    def pipInstall(self, arguments, constraints, onLine, onEnd):
        if self.startError:
            raise self.startError
        self.calls.append(("pip", list(arguments)))
        self.constraints = Path(constraints).read_text("utf-8")
        self.onLine, self.onEnd = onLine, onEnd

    def hasTorchExtension(self):
        return self.extension

    def torchLogic(self):
        assert self.extension
        return FakeTorchLogic(self)

    def installExtension(self, name):
        self.calls.append(("extension", name))
        return self.serverWorks

    def later(self, callback):
        self.waiting.append(callback)

    def run_waiting(self):
        """What Slicer's event loop does."""
        while self.waiting:
            self.waiting.pop(0)()

    def end(self, code: int = 0, lines: Sequence[str] = ()):
        """pip prints its lines and ends; after success everything it was asked for is there."""
        for line in lines:
            self.onLine(line)
        if code == 0:
            names = [one for one in self.calls[-1][1] if not one.startswith("-")]
            self.installed |= {re.match(r"[\w.-]+", one).group() for one in names}
        self.onEnd(code)
