"""A screen nobody sees, for real windows, clicks and screenshots: Xvfb on a free display number."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from types import TracebackType

SCREEN = "1600x1000x24"
START_SECONDS = 20.0


class DisplayError(RuntimeError):
    """There is no Xvfb, or it does not start."""


def missing_programs() -> tuple[str, ...]:
    """What a display with real clicks needs and this machine lacks."""
    return tuple(name for name in ("Xvfb", "xdotool") if shutil.which(name) is None)


class VirtualDisplay:
    """One Xvfb; the number is the first free one, `name` is its value for DISPLAY (as ':1').

    It ends by `stop`, or when the last program that has shown something on it is gone.
    """

    def __init__(self, screen: str = SCREEN) -> None:
        self._screen = screen
        self._process: subprocess.Popen | None = None
        self.name = ""

    @property
    def pid(self) -> int | None:
        """Process id of Xvfb while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> str:
        """Start Xvfb and wait until it takes connections; returns `name`. Raises `DisplayError`."""
        if shutil.which("Xvfb") is None:
            raise DisplayError("Xvfb is not installed (package xvfb).")
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", self._screen, "+extension", "GLX"]
        # -terminate: it ends with its last client, so a test run that was killed leaves no server behind.
        command += ["-nolisten", "tcp", "-terminate"]
        try:
            self._process = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
        finally:
            os.close(writing)
        try:
            number = _read_line(reading, START_SECONDS)
        finally:
            os.close(reading)
        if not number:
            self.stop()
            raise DisplayError(f"Xvfb has not started within {START_SECONDS:.0f} s.")
        self.name = f":{number}"
        return self.name

    def stop(self) -> None:
        """End Xvfb, if it runs."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process = None

    def __enter__(self) -> VirtualDisplay:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()


def _read_line(descriptor: int, seconds: float) -> str:
    """What is written up to the end of a line; empty where nothing comes in time."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], seconds)
        piece = os.read(descriptor, 64) if ready else b""
        if not piece:
            return ""
        text += piece
    return text.decode().strip()
