"""A sitting: the application in a process of its own, from its start to its end, by whatever that comes.

    python -m Testing.gui.sitting MODULE:FUNCTION FOLDER [--screenshots FOLDER] [--display :N]

The function gets a `Desk` and does what a user does. FOLDER stays from one sitting to the next: it holds the
home and the settings of that user, and what the function keeps there. So closing Slicer and opening it again,
and `kill -9`, are what they are for a user: the end of a process and the start of another one.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from Testing.python_slicer import path_with_python_slicer

if TYPE_CHECKING:
    from Testing.gui.window import Window

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "CFRSegment" / "CFRSegment.py"
LAST_CHARACTERS = 6000
XDG_FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")


@dataclass(frozen=True)
class Desk:
    """What a function of a sitting works with. shot(name): a screenshot of the whole screen."""

    window: Window
    folder: Path
    shot: Callable[[str], None]


def start(
    function: str, folder: Path, screenshots: Path | None = None, display: str = "", output: int | None = None
) -> subprocess.Popen:
    """Start a sitting and leave it alone; `output`: where it writes, by default where this process does."""
    command = [sys.executable, "-m", "Testing.gui.sitting", function, str(folder)]
    command += ["--screenshots", str(screenshots)] if screenshots else []
    command += ["--display", display] if display else []
    variables = os.environ | _own_home(folder) | {"PATH": path_with_python_slicer(folder / "bin")}
    variables["PYTHONPATH"] = str(REPOSITORY)
    return subprocess.Popen(command, cwd=REPOSITORY, env=variables, stdout=output, stderr=subprocess.STDOUT)


def sit(
    function: str, folder: Path, seconds: float, screenshots: Path | None = None, display: str = ""
) -> None:
    """Run a sitting to its end. Raises AssertionError with its last lines when it failed or hung."""
    log = folder / f"{function.rpartition(':')[2]}.log"
    folder.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = start(function, folder, screenshots, display, output.fileno())
        try:
            code: int | str = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = f"no end after {seconds:.0f} s"
    if code:
        last = log.read_text(errors="replace")[-LAST_CHARACTERS:]
        raise AssertionError(f"The sitting {function} failed ({code}):\n{last}")


def _own_home(folder: Path) -> dict[str, str]:
    """Settings, caches and documents of the person who runs the tests stay as they are."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(home)} | {name: str(home / name.lower()) for name in XDG_FOLDERS}


@contextmanager
def _desk(options: argparse.Namespace) -> Iterator[Desk]:
    """The application with the module open, dialogs shown as to a user; closed at the end."""
    from Testing.bed import startBed
    from Testing.bed.display import VirtualDisplay
    from Testing.bed.errors import collected_exceptions
    from Testing.bed.screenshots import screenshot
    from Testing.bed.user_input import User
    from Testing.bed.watchdog import DialogWatchdog
    from Testing.gui.window import Window

    with ExitStack() as stack:
        display = options.display or stack.enter_context(VirtualDisplay()).name
        stack.enter_context(collected_exceptions())
        bed = startBed(display, options.folder / "settings")
        bed.app.set_testing(False)
        dialogs = DialogWatchdog()
        dialogs.start()
        user = User()

        def shot(name: str) -> None:
            user.move_away()
            screenshot((options.screenshots or options.folder / "screenshots") / f"{name}.png")

        yield Desk(Window(bed, bed.loadModule(MODULE), user, dialogs), options.folder, shot)
        bed.close(ask=False)
        dialogs.stop()


def run(options: argparse.Namespace) -> int:
    """Do what the function says; 1 where it or anything in the window failed."""
    from Testing.bed.errors import slot_errors

    module, _, name = options.function.partition(":")
    function: Callable[[Desk], None] = getattr(importlib.import_module(module), name)
    try:
        with _desk(options) as desk:
            try:
                function(desk)
            except BaseException:
                desk.shot("failure")
                raise
    except BaseException:
        traceback.print_exc()
        return 1
    return 1 if slot_errors else 0  # they were written when they came


def parse(arguments: list[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m Testing.gui.sitting", description=__doc__)
    parser.add_argument("function", help="as Testing.gui.story:label_and_train")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--screenshots", type=Path, help="default: FOLDER/screenshots")
    parser.add_argument("--display", default="", help="X display (default: one of its own)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    from Testing.bed import leave

    leave(run(parse(sys.argv[1:])))
