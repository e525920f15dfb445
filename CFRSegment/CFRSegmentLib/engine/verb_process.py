"""A short task of the engine (devices, estimate, suggest, collect, predict ...) beside the viewer."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from CFRTrain.runs.errors import EXIT_CODES

from ..i18n import _
from .line_reader import LineReader
from .location import engineCommand, engineEnvironment, separateProcess
from .problems import Problem
from .process_tree import killTrees

GRACE_SECONDS = 5.0
CHUNK = 1 << 17
STOPPED = 130
TAIL = 2000


class VerbProcess:
    """One verb in a child process that ends with the viewer. Poll it from a timer; nothing here blocks.

    Messages are dicts with `type`: progress (stage, step, of, seconds_left), case, device, estimate, model,
    weights, warning, error (code, text, remedy), finished (status: done, stopped, failed).
    """

    def __init__(
        self,
        python: Path | str,
        environment: Mapping[str, str],
        verb: str,
        *arguments: Path | str,
        listed: Any = None,
        files: Mapping[str, Any] | None = None,
    ) -> None:
        """listed: what goes into a JSON file named with --list; a command line has a limit.

        files: JSON files by name in the temporary folder in which it works, "." for its arguments.
        """
        self.messages: list[dict[str, Any]] = []
        self._python, self._environment = python, engineEnvironment(environment)
        self._arguments, self._listed, self._files = (verb, *arguments), listed, dict(files or {})
        self._folder: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._reader: LineReader | None = None
        self._code: int | None = None
        self._canceled: float | None = None
        self._errors = ""

    def start(self) -> None:
        """Begins it. Raises OSError where Python cannot be started."""
        self._folder = folder = Path(tempfile.mkdtemp(prefix="CFRSegment-"))
        self._reader = LineReader(folder / "messages.jsonl")
        arguments = [*self._arguments, "--background", "--stop-file", folder / "stop"]
        if self._listed is not None:
            self._files["list.json"] = self._listed
            arguments += ["--list", folder / "list.json"]
        for name, content in self._files.items():
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
        with open(folder / "messages.jsonl", "wb") as output, open(folder / "errors.txt", "wb") as errors:
            self._child = subprocess.Popen(
                engineCommand(self._python, *arguments), cwd=folder, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors, **separateProcess(),
            )  # fmt: skip

    def poll(self) -> tuple[dict[str, Any], ...]:
        """The messages that are new since the last call, in order; they are kept in `messages`, too."""
        if self._child is None or self._reader is None or self._code is not None:
            return ()
        code = self._child.poll()  # before reading: what is written by then is all there will be
        new = self._reader.read(CHUNK)
        self.messages += new
        if code is not None and self._reader.caughtUp:
            self._end(code)
        elif self._canceled is not None and time.monotonic() - self._canceled > GRACE_SECONDS:
            killTrees([self._child.pid])
        return tuple(new)

    @property
    def isRunning(self) -> bool:
        """Whether the process lives. False only when `poll` has given every message."""
        return self._child is not None and self._code is None

    @property
    def exitCode(self) -> int | None:
        """The exit code (see CFRTrain.runs.errors.EXIT_CODES), None while it runs."""
        return self._code

    @property
    def problem(self) -> Problem | None:
        """What ended it, in words; None while it runs, after success and after `cancel`.

        Volumes that failed, one by one, while the task went on are no problem of the task.
        """
        if not self._code or self._canceled is not None or self._code == STOPPED:
            return None
        for message in reversed(self.messages):
            if message.get("type") == "error":
                return Problem(
                    str(message.get("code", "")), str(message.get("text", "")), str(message.get("remedy", ""))
                )
        if any(message.get("type") == "finished" for message in self.messages):
            return None
        return self._silentEnd()

    def cancel(self) -> None:
        """Asks it to stop; its tree is killed if it has not after a grace time (checked in `poll`)."""
        if self._folder is not None and self.isRunning and self._canceled is None:
            self._canceled = time.monotonic()
            (self._folder / "stop").touch()

    def close(self) -> None:
        """Kills what is left and removes the temporary files."""
        if self._child is not None and self._code is None:
            self._canceled = self._canceled or time.monotonic()
            killTrees([self._child.pid])
            self._end(self._child.wait())

    def _end(self, code: int) -> None:
        """Keeps the last words and removes the files."""
        self._code = code
        if self._folder is not None:
            try:
                self._errors = (self._folder / "errors.txt").read_bytes()[-TAIL:].decode("utf-8", "replace")
            except OSError:
                self._errors = ""
            shutil.rmtree(self._folder, ignore_errors=True)

    def _silentEnd(self) -> Problem:
        """The problem of a process that ended without a word of its own."""
        code = self._code or 0
        if code < 0:
            text = _("The engine was terminated (signal {number}).").format(number=-code)
            return Problem("terminated", text, _("Close other programs, then try again."))
        reason = EXIT_CODES.get(code) or _("exit code {code}").format(code=code)
        last = (self._errors.strip().splitlines() or [""])[-1]
        text = _("The engine failed: {reason}. {last}").format(reason=reason, last=last).strip()
        return Problem("engine_failed", text, _("Check the installation of the engine, then try again."))
