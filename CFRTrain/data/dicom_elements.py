"""Does every element of a DICOM file end inside the file? Checked before GDCM parses it.

GDCM believes the lengths it finds: one flipped bit can make it allocate and read gigabytes for half a minute.
Format: DICOM PS3.5, section 7 (data elements, sequences), PS3.10 section 7 (file meta information).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from CFRTrain.data.file_problems import damaged, problem

META_START = 132
TRANSFER_SYNTAX = (0x0002, 0x0010)
IMPLICIT, BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
LONG_FORMS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
SHORT_FORMS = {
    b"AE",
    b"AS",
    b"AT",
    b"CS",
    b"DA",
    b"DS",
    b"DT",
    b"FD",
    b"FL",
    b"IS",
    b"LO",
    b"LT",
    b"PN",
    b"SH",
    b"SL",
    b"SS",
    b"ST",
    b"TM",
    b"UI",
    b"UL",
    b"US",
}
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
UNDEFINED = 0xFFFFFFFF
MAX_DEPTH = 16
MAX_ELEMENTS = 100_000


@dataclass
class _Walker:
    """Walks one file; `left` bounds the elements that are visited, whatever the file says."""

    file: BinaryIO
    case: str
    order: str = "<"
    explicit: bool = True
    left: int = MAX_ELEMENTS

    def read(self, count: int, end: int) -> bytes:
        data = self.file.read(count) if self.file.tell() + count <= end else b""
        if len(data) < count:
            raise self.broken()
        return data

    def broken(self) -> Exception:
        return damaged("A DICOM file of the series is truncated or corrupted.", self.case)

    def element(self, end: int) -> tuple[tuple[int, int], bytes, int]:
        """Tag, value representation (empty if implicit) and length of the next element."""
        self.left -= 1
        tag = struct.unpack(self.order + "HH", self.read(4, end))
        if self.left < 0:
            raise self.broken()
        if not self.explicit or tag[0] == 0xFFFE:
            return tag, b"", struct.unpack(self.order + "I", self.read(4, end))[0]
        kind = self.read(2, end)
        if kind in LONG_FORMS:
            return tag, kind, struct.unpack(self.order + "2xI", self.read(6, end))[0]
        if kind not in SHORT_FORMS:
            raise self.broken()
        return tag, kind, struct.unpack(self.order + "H", self.read(2, end))[0]

    def data_set(self, end: int, depth: int, closing: tuple[int, int] | None = None) -> None:
        """Elements up to `end`, or up to the element `closing` of a data set of undefined length."""
        while self.file.tell() < end:
            tag, kind, length = self.element(end)
            if tag == closing:
                return
            self.value(kind, length, end, depth)
        if closing is not None:
            raise self.broken()

    def value(self, kind: bytes, length: int, end: int, depth: int) -> None:
        start = self.file.tell()
        if length == UNDEFINED:
            self.sequence(end, depth + 1, closed=True, implicit=kind == b"UN")
        elif start + length > end:
            raise self.broken()
        elif kind == b"SQ" or (not kind and self._begins_with_item(length)):
            self.sequence(start + length, depth + 1, closed=False)
        else:
            self.file.seek(start + length)

    def sequence(self, end: int, depth: int, closed: bool, implicit: bool = False) -> None:
        """Items: data sets, or bytes of encapsulated pixels; `closed` by a delimiter or ending at `end`."""
        if depth > MAX_DEPTH:
            raise self.broken()
        explicit, self.explicit = self.explicit, self.explicit and not implicit
        while closed or self.file.tell() < end:
            tag, _, length = self.element(end)
            if closed and tag == SEQUENCE_END:
                break
            start = self.file.tell()
            if tag != ITEM or (length != UNDEFINED and start + length > end):
                raise self.broken()
            if length == UNDEFINED:
                self.data_set(end, depth, ITEM_END)
            else:
                self.file.seek(start + length)
        self.explicit = explicit

    def _begins_with_item(self, length: int) -> bool:
        start = self.file.tell()
        first = self.file.read(4) if length >= 8 else b""
        self.file.seek(start)
        return first == struct.pack(self.order + "HH", *ITEM)


def check_elements(path: Path, case: str) -> None:
    """DataError damaged, foreign_files or encoding unless all elements of a DICOM file fit into it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(META_START)[128:] != b"DICM":
            raise problem("foreign_files", "A file in the folder is not a DICOM file.", case)
        walker = _Walker(file, case)
        syntax = _transfer_syntax(walker, size)
        if syntax == DEFLATED:
            raise problem("encoding", "The series is stored in the deflated form.", case)
        walker.explicit, walker.order = syntax != IMPLICIT, ">" if syntax == BIG_ENDIAN else "<"
        walker.data_set(size, 0)


def _transfer_syntax(walker: _Walker, size: int) -> str:
    """The transfer syntax in the file meta information (group 2), after which the data set begins."""
    syntax = ""
    while True:
        start = walker.file.tell()
        group = walker.file.read(2)
        walker.file.seek(start)
        if group != b"\x02\x00":  # the data set's elements may be encoded in another way
            return syntax
        tag, kind, length = walker.element(size)
        if tag == TRANSFER_SYNTAX and length <= 128:
            syntax = walker.read(length, size).rstrip(b"\0 ").decode("ascii", errors="replace")
        else:
            walker.value(kind, length, size, 0)
