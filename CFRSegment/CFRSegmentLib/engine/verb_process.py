"""A short task of the engine (devices, estimate, weights, collect, predict, inspect) beside the viewer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .problems import Problem


class VerbProcess:
    """One verb in a child process that ends with the viewer. Poll it from a timer; nothing here blocks.

    Messages are dicts with `type`: progress (stage, step, of, seconds_left), case, device, estimate, model,
    weights, warning, error (code, text, remedy), finished (status: done, stopped, failed).
    """

    def __init__(
        self, python: Path | str, environment: Mapping[str, str], verb: str, *arguments: Path | str
    ) -> None:
        self.messages: list[dict[str, Any]] = []

    def start(self) -> None:
        """Begins it. Raises OSError where Python cannot be started."""
        raise NotImplementedError

    def poll(self) -> tuple[dict[str, Any], ...]:
        """The messages that are new since the last call, in order; they are kept in `messages`, too."""
        raise NotImplementedError

    @property
    def isRunning(self) -> bool:
        """Whether the process lives. False only when `poll` has given every message."""
        raise NotImplementedError

    @property
    def exitCode(self) -> int | None:
        """The exit code (see CFRTrain.runs.errors.EXIT_CODES), None while it runs."""
        raise NotImplementedError

    @property
    def problem(self) -> Problem | None:
        """What ended it, in words; None while it runs, after success and after `cancel`."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Asks it to stop; its tree is killed if it has not after a grace time (checked in `poll`)."""
        raise NotImplementedError

    def close(self) -> None:
        """Kills what is left and removes the temporary files."""
        raise NotImplementedError
