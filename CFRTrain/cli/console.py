"""Shows a run's events: progress bars in a terminal, JSON lines when piped."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol, TextIO


class EventView(Protocol):
    """Anything that can be handed one event after the other."""

    def __call__(self, event: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """Writes every event as one JSON line, flushed, for programs that read a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is held open."""


class TerminalBars:
    """One tqdm bar per stage; warnings and errors as lines above the bar."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None
        self._stage = ""

    def __call__(self, event: Mapping[str, Any]) -> None:
        handler = getattr(self, f"_on_{event.get('type')}", None)
        if handler is not None:
            handler(event)

    def close(self) -> None:
        """Closes the bar in progress, leaving it on the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _line(self, text: str) -> None:
        from tqdm import tqdm

        tqdm.write(text, file=self._stream)

    def _on_stage(self, event: Mapping[str, Any]) -> None:
        self.close()
        self._stage = str(event["name"])
        self._line(f"[{event['index']}/{event['of']}] {self._stage}")

    def _on_progress(self, event: Mapping[str, Any]) -> None:
        from tqdm import tqdm

        name = str(event["stage"])
        if self._bar is None or self._bar.desc != f"{name}: ":
            self.close()
            self._bar = tqdm(total=event["of"], desc=name, file=self._stream, leave=True)
        self._bar.total = event["of"]
        self._bar.n = event["step"]
        self._bar.refresh()

    def _on_estimate(self, event: Mapping[str, Any]) -> None:
        gib = float(event["memory_bytes"]) / 2**30
        self._line(f"estimate: about {float(event['seconds']) / 60:.0f} min, {gib:.1f} GiB of memory")

    def _on_warning(self, event: Mapping[str, Any]) -> None:
        self._line(f"warning: {event['text']}")

    def _on_error(self, event: Mapping[str, Any]) -> None:
        self.close()
        self._line(f"error ({event['code']}): {event['text']}\n{event['remedy']}")

    def _on_finished(self, event: Mapping[str, Any]) -> None:
        self.close()
        self._line(f"finished: {event['status']}")


def event_view(stream: TextIO | None = None) -> EventView:
    """Bars when `stream` (default: standard output) is a terminal, JSON lines otherwise."""
    target = sys.stdout if stream is None else stream
    return TerminalBars(target) if target.isatty() else JsonLines(target)
