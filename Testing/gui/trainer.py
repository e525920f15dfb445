"""What a user does in the section Train, and what is seen there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until

START_SECONDS = 240.0  # an engine starts in 3 s, on a machine that does much else in a minute or two


class Trainer:
    """The section Train of a window; no engine that it starts outlives the test."""

    def __init__(
        self, window: Any, small_cohort: Callable[..., Path], request: pytest.FixtureRequest
    ) -> None:
        self.window, self.user, self.make = window, window.user, small_cohort
        self.folder: Path | None = None
        self._engine = self.control.engine
        request.addfinalizer(self.end)

    @property
    def panel(self) -> Any:
        return self.window.panel("train")

    @property
    def ui(self) -> Any:
        return self.panel.ui

    @property
    def control(self) -> Any:
        return self.panel.control

    @property
    def state(self) -> Any:
        return self.control.state

    def open(self, folder: Path | None = None, **cohort: int) -> None:
        """Open a cohort, unfold the section, wait until the devices are known."""
        self.folder = folder or self.make(**cohort)
        session = self.window.session
        session.parameters.preset, session.parameters.threads = "preview", 1
        session.openCohort(self.folder)
        self.show()

    def show(self) -> None:
        for name in ("cohort", "annotate", "review", "apply"):
            self.window.widget.sections.section(name).collapsed = True
        self.window.session.showSection("train")
        wait_until(lambda: self.panel._choices.devices.devices, "the devices", START_SECONDS)
        process_events(0.2)

    def start(self) -> None:
        """Press Train; wait until the engine works."""
        wait_until(lambda: self.ui.trainButton.enabled, "the button Train")
        self.user.click(self.ui.trainButton)
        wait_until(lambda: self.control.isActive, "a running training", START_SECONDS)

    def start_and_end(self) -> None:
        """Press Train; wait until the engine has come and gone."""
        wait_until(lambda: self.ui.trainButton.enabled, "the button Train")
        self.user.click(self.ui.trainButton)
        wait_until(lambda: self.control.run is not None and self.state is not None, "a run", START_SECONDS)
        wait_until(lambda: not self.control.isActive, "the end", 30)
        process_events(0.5)

    def wait_for_step(self, step: int) -> None:
        """Wait until the re-training has come so far."""
        wait_until(lambda: self.state.stageIndex == 3 and self.state.step >= step, f"step {step}", 120)

    def wait_for_end(self) -> str:
        """Wait until nothing runs any more; gives the status of the run."""
        wait_until(lambda: not self.control.isActive and not self.control.isTakingOver, "the end", 180)
        process_events(0.5)
        return self.state.status.value

    def message(self) -> str:
        """What is said about the start."""
        return self.window.text(self.panel._message)

    def run_message(self) -> str:
        """What is said about the run."""
        return self.window.text(self.panel._view.message)

    def place(self, widget: Any) -> int:
        """How far down on the screen a widget is, in pixels."""
        raw = unwrap(widget)
        return raw.mapToGlobal(raw.rect().topLeft()).y()

    def press(self, panel_message: Any, text: str) -> None:
        """Press a button beside a message."""
        buttons = [button for button in panel_message._actions if button.text == text]
        assert buttons, [button.text for button in panel_message._actions]
        self.user.click(buttons[0])

    def pids(self) -> list[int]:
        """The processes of the run: the one that watches, and the engine."""
        notes = [self.control.run / name for name in ("process.json", "lock")]
        wait_until(lambda: all(note.exists() for note in notes), "the processes", 30)
        return [json.loads(note.read_text())["pid"] for note in notes]

    @contextmanager
    def held(self) -> Iterator[list[int]]:
        """The engine lives and stands still meanwhile, so that no test depends on how long a training takes.

        Gives its processes, as `pids`.
        """
        pids = self.pids()
        os.kill(pids[1], signal.SIGSTOP)
        try:
            yield pids
        finally:
            if is_alive(pids[1]):
                os.kill(pids[1], signal.SIGCONT)

    def end(self) -> None:
        """No engine outlives the test."""
        for run in self.folder.glob("runs/run_*") if self.folder else ():
            self._engine.killTree(run)


def is_alive(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
