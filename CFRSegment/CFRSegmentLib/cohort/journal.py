"""A file of JSON lines that only grows: what is in it is never rewritten.

A kill can cut the last line off. Such a line was never confirmed to anyone: it is passed over, and the next
record marks it as cut off, so that it can still be told from a line that something else has damaged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..i18n import _
from .errors import damaged, systemReason, writing

CUT_OFF = b" ... cut off"
LONGEST_LINE = 1 << 20  # bytes read from the end of the file to find its last line
Record = dict[str, Any]


class Journal:
    """One file of JSON lines. It is made with its folder: a missing one is damage, not an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """All records, in order. Raises CohortError (damaged) naming the line."""
        try:
            *lines, tail = self.path.read_bytes().split(b"\n")
        except OSError as error:
            raise damaged(self.path, systemReason(error)) from error
        records = []
        for number, line in enumerate(lines, start=1):
            record = _parsed(line)
            if record is not None:
                records.append(record)
            elif line.strip() and not line.endswith(CUT_OFF):
                raise damaged(self.path, _("line {number} cannot be read").format(number=number))
        last = _parsed(tail)
        return records if last is None else [*records, last]

    def append(self, *records: Mapping[str, Any]) -> None:
        """Adds records; they are on the disk when this returns, or none is. Raises CohortError."""
        data = b"".join(_line(record) for record in records)
        with writing(self.path), open(self.path, "r+b", buffering=0) as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - LONGEST_LINE))
            data = _endOf(stream.read().rpartition(b"\n")[2]) + data
            try:
                while data:
                    data = data[stream.write(data) :]
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(end)
                raise


def _parsed(line: bytes) -> Record | None:
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _line(record: Mapping[str, Any]) -> bytes:
    try:
        return (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
    except UnicodeEncodeError:  # the path of a file whose name is not in the system's encoding
        return (json.dumps(record, allow_nan=False) + "\n").encode("ascii")


def _endOf(tail: bytes) -> bytes:
    """What ends the last line where a kill has left it open."""
    if not tail:
        return b""
    return b"\n" if _parsed(tail) is not None else CUT_OFF + b"\n"
