"""The last lines of a run's logs, bounded, without anybody's paths. Standard library only."""

from __future__ import annotations

from pathlib import Path

from CFRTrain.runs.private_paths import hide_paths

LOG, OUTPUT = "engine.log", "output.log"
TAIL_BYTES = 32768
TAIL_LINES = 300
WORDS = 300


class LogTail:
    """The end of engine.log, and what the process itself has said beside it; read again only when changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: tuple[tuple[int, int], ...] | None = None
        self._text = ""
        self._words = ""
        self.changed = False

    def text(self) -> str:
        """At most 300 lines, in the order they were written per file; engine.log last."""
        files = (self._root / OUTPUT, self._root / LOG)
        now = tuple(_fingerprint(path) for path in files)
        self.changed = now != self._known
        if self.changed:
            self._known = now
            output, log = (_tail(path) for path in files)
            output = hide_paths(output, self._root)
            self._words = _lastLine(output)
            self._text = "\n".join((output + log).splitlines()[-TAIL_LINES:])
        return self._text

    def lastWords(self) -> str:
        """The last line, as of `text`, that the process said outside its log: why it could not even begin."""
        return self._words


def _fingerprint(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _tail(path: Path) -> str:
    """The end of a text file, from the beginning of a line."""
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - TAIL_BYTES))
            data = stream.read(TAIL_BYTES)
    except OSError:
        return ""
    text = data.decode("utf-8", "replace")
    if size > TAIL_BYTES:
        text = text.partition("\n")[2]
    return text if text.endswith("\n") or not text else text + "\n"


def _lastLine(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:WORDS] if lines else ""
