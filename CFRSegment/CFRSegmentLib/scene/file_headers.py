"""What the first bytes of a volume file say: dimensions, numbers per voxel, and how long the file must be.

Slicer reads a truncated .nii.gz without complaint and gives no reason why it cannot read a file.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

HEADER_BYTES = 65536
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
_SEGMENT_FIELD = re.compile(r"^Segment(\d+)_(\w+):=(.*?)\r?$", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\\n])")
_NUMBER = re.compile(r"\d+")
_COLOR_BITS = {24: 3}  # NIfTI stores red, green and blue as one value


@dataclass(frozen=True)
class Header:
    """dimensions: sizes along the axes of space and time, no trailing ones. components: numbers per voxel."""

    dimensions: tuple[int, ...]
    components: int = 1
    bytesBeforeVoxels: int = 0
    bytesPerVoxel: int = 0


def readHeader(path: Path) -> Header | None:
    """The header of a .nii, .nii.gz, .nrrd or .mha file, None for anything else. OSError when unreadable."""
    name = path.name.lower()
    readers = {".nii": _nifti, ".nii.gz": _nifti, ".nrrd": _nrrd, ".mha": _meta}
    reader = next((readers[suffix] for suffix in SUFFIXES if name.endswith(suffix)), None)
    if reader is None:
        return None
    try:
        with (gzip.open if name.endswith(".gz") else open)(path, "rb") as file:
            return reader(file.read(HEADER_BYTES))
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error, ValueError, KeyError):
        return None


def readSegmentFields(path: Path) -> list[dict[str, str]]:
    """What a .seg.nrrd says of its segments, in order: [{"ID": ..., "Name": ..., "Layer": ...}, ...].

    Empty for files without such fields. OSError when unreadable.
    """
    with path.open("rb") as file:
        text = file.read(HEADER_BYTES).split(b"\n\n", 1)[0].decode("utf-8", "replace")
    found: dict[int, dict[str, str]] = {}
    for number, field, value in _SEGMENT_FIELD.findall(text):
        found.setdefault(int(number), {})[field] = _ESCAPED.sub(_unescaped, value)
    return [found[number] for number in sorted(found)]


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def isCutOff(path: Path, header: Header) -> bool:
    """Whether a .nii or .nii.gz holds fewer bytes than its header promises; False for other formats."""
    if not header.bytesPerVoxel:
        return False
    expected = header.bytesBeforeVoxels + header.bytesPerVoxel * header.components * prod(header.dimensions)
    if not path.name.lower().endswith(".gz"):
        return path.stat().st_size < expected
    with path.open("rb") as file:
        file.seek(-4, 2)
        if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
            return False
    return _unpackedSize(path, expected) < expected


def _unpackedSize(path: Path, enough: int) -> int:
    """Bytes in a compressed file; looked at only when its end does not say it."""
    size = 0
    try:
        with gzip.open(path, "rb") as file:
            while size < enough and (part := file.read(1 << 20)):
                size += len(part)
    except (EOFError, zlib.error, OSError):
        pass
    return size


def _nifti(data: bytes) -> Header | None:
    order = next((o for o in "<>" if struct.unpack(f"{o}i", data[:4])[0] in (348, 540)), None)
    if order is None:
        return None
    if struct.unpack(f"{order}i", data[:4])[0] == 540:
        sizes, bits = struct.unpack(f"{order}8q", data[16:80]), struct.unpack(f"{order}h", data[14:16])[0]
        offset = struct.unpack(f"{order}q", data[168:176])[0]
    else:
        sizes, bits = struct.unpack(f"{order}8h", data[40:56]), struct.unpack(f"{order}h", data[72:74])[0]
        offset = int(struct.unpack(f"{order}f", data[108:112])[0])
    axes = list(sizes[1 : sizes[0] + 1])
    components = max(prod(axes[4:]), _COLOR_BITS.get(bits, 1))
    return Header(_withoutTrailingOnes(axes[:4]), components, offset, bits // 8 // _COLOR_BITS.get(bits, 1))


def _nrrd(data: bytes) -> Header | None:
    if not data.startswith(b"NRRD"):
        return None
    fields = _fields(data.split(b"\n\n", 1)[0].decode("utf-8", "replace"), ":")
    sizes = [int(number) for number in _NUMBER.findall(fields["sizes"])]
    kinds = fields.get("kinds", "").split()
    isSpace = [kind in ("domain", "space", "time") for kind in kinds] if kinds else [True] * len(sizes)
    axes = [size for size, space in zip(sizes, isSpace, strict=True) if space]
    components = prod(size for size, space in zip(sizes, isSpace, strict=True) if not space)
    return Header(_withoutTrailingOnes(axes), components)


def _meta(data: bytes) -> Header | None:
    if b"ElementDataFile" not in data:
        return None
    fields = _fields(data.split(b"ElementDataFile", 1)[0].decode("utf-8", "replace"), "=")
    sizes = [int(number) for number in _NUMBER.findall(fields["DimSize"])]
    return Header(_withoutTrailingOnes(sizes), int(fields.get("ElementNumberOfChannels", "1")))


def _fields(text: str, separator: str) -> dict[str, str]:
    pairs = (line.partition(separator) for line in text.splitlines() if separator in line)
    return {name.strip(): value.strip() for name, _separator, value in pairs}


def _withoutTrailingOnes(sizes: list[int]) -> tuple[int, ...]:
    sizes = list(sizes)
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    return tuple(sizes)
