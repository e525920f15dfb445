"""What is happening in a run, as typed JSON lines that can be followed from any offset.

Types: started, stage, progress, metric, checkpoint, case_done, calibration, estimate, warning, error,
finished. Every line has `type` and `time` (seconds since 1970, UTC). Metrics go to metrics.jsonl as well.
Texts hold no paths outside the run folder. Standard library only.
"""

from __future__ import annotations

import json
import math
import numbers
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import disk_full, is_disk_full, patiently
from CFRTrain.runs.private_paths import hide_paths

PROGRESS_INTERVAL = 0.5  # seconds; a reader needs no more, and the file stays small
Event = Mapping[str, Any]


class EventLog:
    """Appends events to events.jsonl of a run folder; `echo`, where set, sees each one too."""

    def __init__(self, root: Path, echo: Callable[[Event], None] | None = None) -> None:
        self.path = Path(root) / "events.jsonl"
        self.metrics_path = Path(root) / "metrics.jsonl"
        self.echo = echo
        self._write_lock = threading.Lock()
        self._last_progress = -math.inf

    def started(self, versions: Mapping[str, str], device: str) -> None:
        """The engine has begun, or begun again."""
        self._append("started", versions=dict(versions), device=device)

    def stage(self, name: str, index: int, of: int) -> None:
        """Stage `name` begins, the `index`-th of `of`, counted from 1."""
        self._last_progress = -math.inf
        self._append("stage", name=name, index=index, of=of)

    def progress(self, stage: str, step: int, of: int, seconds_left: float | None = None) -> None:
        """`step` of `of` steps are done; written twice a second at most, the last one always."""
        now = time.monotonic()
        with self._write_lock:
            if step < of and now - self._last_progress < PROGRESS_INTERVAL:
                return
            self._last_progress = now
        self._append("progress", stage=stage, step=step, of=of, seconds_left=seconds_left)

    def metric(self, name: str, value: float, step: int) -> None:
        """A figure for the curves; a value that is not finite is written as null."""
        self._append("metric", self.metrics_path, name=name, value=float(value), step=step)

    def checkpoint(self, stage: str, step: int) -> None:
        """Everything up to `step` is safe."""
        self._append("checkpoint", stage=stage, step=step)

    def case_done(self, case: str, stage: str, **figures: float | None) -> None:
        """One case is through a stage; `figures` such as dice or uncertainty where they are known."""
        self._append("case_done", case=case, stage=stage, **figures)

    def calibration(self, labeler: str, **figures: Any) -> None:
        """How certain a labeler was and how right, before and after its probabilities were calibrated."""
        self._append("calibration", labeler=labeler, **figures)

    def estimate(
        self,
        memory_bytes: int,
        seconds: float,
        gpu_memory_bytes: int | None = None,
        parts: Mapping[str, float] | None = None,
    ) -> None:
        """How much memory and time the run is expected to take; `parts` are seconds by stage."""
        self._append(
            "estimate",
            memory_bytes=int(memory_bytes),
            seconds=float(seconds),
            gpu_memory_bytes=gpu_memory_bytes,
            parts=dict(parts or {}),
        )

    def warning(self, code: str, text: str) -> None:
        """Something a person should know that does not end the run."""
        self._append("warning", code=code, text=text)

    def error(self, code: str, text: str, remedy: str) -> None:
        """What ended the run, and what to do."""
        self._append("error", code=code, text=text, remedy=remedy)

    def finished(self, status: str) -> None:
        """The engine ends: done, stopped or failed."""
        self._append("finished", status=status)

    def _append(self, kind: str, also: Path | None = None, **fields: Any) -> None:
        """Writes and echoes one event. Raises DiskFullError, except for the events that end a run."""
        event = {"type": kind, "time": round(time.time(), 3)}
        event |= {name: self._clean(value) for name, value in fields.items()}
        data = (json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "replace")
        try:
            with self._write_lock:
                for path in (self.path, also):
                    if path is not None:
                        patiently(partial(_append_line, path, data))
        except OSError as error:
            if not is_disk_full(error):
                raise
            if kind not in ("error", "finished"):
                raise disk_full() from error
        self._echo(event)

    def _echo(self, event: Event) -> None:
        """Shows the event; a reader that has gone away (a closed pipe) must not end the training."""
        if self.echo is None:
            return
        try:
            self.echo(event)
        except (OSError, ValueError):
            self.echo = None

    def _clean(self, value: Any) -> Any:
        """`value` without paths, as JSON knows it: NumPy's numbers become Python's, NaN and infinity null."""
        if isinstance(value, str):
            return hide_paths(value, self.path.parent)
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return value
        if isinstance(value, numbers.Integral):
            return int(value)
        return float(value) if math.isfinite(value) else None


def _append_line(path: Path, data: bytes) -> None:
    """One write call per line; a killed engine's torn last line is closed first and spoils no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+", buffering=0) as stream:
        if stream.tell():
            stream.seek(-1, 2)
            if stream.read(1) != b"\n":
                data = b"\n" + data
        stream.write(data)


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events of the complete lines from byte `offset` on, and the offset to go on from.

    A line still being written is left for the next call; one that is no event becomes {"type": "unreadable"}.
    A file shorter than `offset` has been replaced and is read from its beginning.
    """
    try:
        with open(path, "rb") as stream:
            offset = offset if offset <= stream.seek(0, 2) else 0
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], offset
    complete = data.rfind(b"\n") + 1
    return [_parse(line) for line in data[:complete].splitlines() if line.strip()], offset + complete


def _parse(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {"type": "unreadable"}
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else {"type": "unreadable"}
