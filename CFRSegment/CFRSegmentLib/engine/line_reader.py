"""JSON lines of a growing file, a bounded part at a time. Standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class LineReader:
    """Reads what is new in a file that another process appends to."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.offset = 0
        self.caughtUp = False
        self.restarted = False

    def read(self, maxBytes: int) -> list[dict[str, Any]]:
        """The objects in the next `maxBytes` at most; a line still being written is left for the next call.

        `caughtUp` tells whether that was all there is; `restarted` whether the file was replaced by a shorter
        one and is read from its beginning. Lines that hold no object are passed over.
        """
        self.restarted = False
        try:
            with open(self.path, "rb") as stream:
                size = stream.seek(0, 2)
                if size < self.offset:
                    self.offset, self.restarted = 0, True
                stream.seek(self.offset)
                data = stream.read(maxBytes)
        except OSError:  # not there yet
            self.caughtUp = True
            return []
        self.caughtUp = self.offset + len(data) >= size
        complete = data.rfind(b"\n") + 1
        if not complete and len(data) == maxBytes:
            complete = len(data)  # a line longer than all that may be read is no line of ours
        self.offset += complete
        found = (_object(line) for line in data[:complete].splitlines())
        return [item for item in found if item is not None]


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
