"""The text headers of NRRD and MetaImage files: how many voxel bytes must follow, and how they are packed.

Formats: NRRD (teem.sourceforge.net/nrrd/format.html), MetaImage (ITK wiki, MetaIO documentation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import BinaryIO

from CFRTrain.data.file_problems import damaged, problem

HEADER_LIMIT = 1 << 20
META_BYTES = {
    "CHAR": 1,
    "UCHAR": 1,
    "SHORT": 2,
    "USHORT": 2,
    "INT": 4,
    "UINT": 4,
    "LONG_LONG": 8,
    "ULONG_LONG": 8,
    "FLOAT": 4,
    "DOUBLE": 8,
}
NRRD_TYPES = {
    1: ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: (
        "short",
        "short int",
        "signed short",
        "signed short int",
        "int16",
        "int16_t",
        "ushort",
        "unsigned short",
        "unsigned short int",
        "uint16",
        "uint16_t",
    ),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"),
    8: (
        "longlong",
        "long long",
        "long long int",
        "signed long long",
        "signed long long int",
        "int64",
        "int64_t",
        "ulonglong",
        "unsigned long long",
        "unsigned long long int",
        "uint64",
        "uint64_t",
        "double",
    ),
}
NRRD_BYTES = {name: size for size, names in NRRD_TYPES.items() for name in names}
GZIP_STREAM, ZLIB_STREAM = 31, 15


@dataclass(frozen=True)
class TextHeader:
    """Sizes xyz, bytes of the unpacked voxels, where the packed ones start, zlib's window bits or None."""

    size_xyz: tuple[int, int, int]
    data_bytes: int
    data_offset: int
    window_bits: int | None


def read_nrrd_header(file: BinaryIO, case: str) -> TextHeader:
    """The header of an attached NRRD file; DataError if the file is not one this engine can verify."""
    if not file.readline(16).startswith(b"NRRD000"):
        raise damaged("The file does not begin with an NRRD header.", case)
    fields = _nrrd_fields(file, case)
    if "data file" in fields or "datafile" in fields:
        raise problem("detached", "The NRRD header keeps its voxels in another file.", case)
    if any(
        _integers(fields.get(key, "0"), case) != (0,)
        for key in ("line skip", "byte skip", "lineskip", "byteskip")
    ):
        raise problem("encoding", "The NRRD header skips over part of the file.", case)
    encoding = fields.get("encoding", "").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise problem("encoding", f"The NRRD encoding '{encoding}' is not supported.", case)
    units = set(fields.get("space units", "mm").replace('"', " ").split()) - {"none", "???"}
    if (
        "space directions" not in fields
        and "spacings" not in fields
        or units - {"mm", "millimeter", "millimeters"}
    ):
        raise problem("spacing", "The NRRD header does not give the voxel spacing in mm.", case)
    item = NRRD_BYTES.get(" ".join(fields.get("type", "").lower().split()))
    if item is None:
        raise problem("encoding", f"The NRRD voxel type '{fields.get('type', '')}' is not supported.", case)
    sizes = _integers(fields.get("sizes", ""), case)
    if _integers(fields.get("dimension", ""), case) != (len(sizes),):
        raise damaged("The NRRD header contradicts itself on the number of dimensions.", case)
    size = _three(sizes, case)
    return TextHeader(size, math.prod(size) * item, file.tell(), None if encoding == "raw" else GZIP_STREAM)


def _nrrd_fields(file: BinaryIO, case: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    while True:
        line = file.readline(HEADER_LIMIT)
        if not line.endswith(b"\n") or file.tell() > HEADER_LIMIT:
            raise damaged("The NRRD header does not end.", case)
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if not text:
            return fields
        key, separator, value = text.partition(":")
        if separator and not text.startswith("#") and not value.startswith("="):
            fields[key.strip().lower()] = value.strip()


def read_meta_header(file: BinaryIO, case: str) -> TextHeader:
    """The header of a MetaImage file (.mha) that holds its own binary voxels; DataError if it is not one."""
    fields = _meta_fields(file, case)
    if fields["ElementDataFile"] != "LOCAL":
        raise problem("detached", "The MetaImage header keeps its voxels in another file.", case)
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise problem("multi_component", "Every voxel holds several numbers.", case)
    if fields.get("BinaryData", "True") != "True" or fields.get("HeaderSize", "0") != "0":
        raise problem(
            "encoding", "The MetaImage file stores its voxels as text or behind a foreign header.", case
        )
    if "ElementSpacing" not in fields:
        raise problem("spacing", "The MetaImage header does not give the voxel spacing.", case)
    item = META_BYTES.get(fields.get("ElementType", "").removeprefix("MET_"))
    if item is None:
        raise problem("encoding", f"The voxel type '{fields.get('ElementType', '')}' is not supported.", case)
    sizes = _integers(fields.get("DimSize", ""), case)
    if _integers(fields.get("NDims", ""), case) != (len(sizes),):
        raise damaged("The MetaImage header contradicts itself on the number of dimensions.", case)
    compressed = fields.get("CompressedData", "False")
    if compressed not in ("True", "False"):
        raise damaged("The MetaImage header does not say whether the voxels are compressed.", case)
    size = _three(sizes, case)
    return TextHeader(
        size, math.prod(size) * item, file.tell(), ZLIB_STREAM if compressed == "True" else None
    )


def _meta_fields(file: BinaryIO, case: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    while "ElementDataFile" not in fields:
        line = file.readline(4096)
        key, separator, value = line.decode("utf-8", errors="replace").partition("=")
        if not separator or not line.endswith(b"\n") or file.tell() > HEADER_LIMIT:
            raise damaged("The file does not begin with a MetaImage header.", case)
        fields[key.strip()] = value.strip()
    return fields


def _integers(text: str, case: str) -> tuple[int, ...]:
    words = text.split()
    if not words or any(not word.isascii() or not word.isdigit() or len(word) > 18 for word in words):
        raise damaged(f"The header has '{text[:40]}' where whole numbers belong.", case)
    return tuple(int(word) for word in words)


def _three(sizes: tuple[int, ...], case: str) -> tuple[int, int, int]:
    """Sizes of a 3D volume; trailing axes of one are dropped as ITK's readers allow."""
    if min(sizes) < 1:
        raise damaged(f"The header has impossible sizes {sizes}.", case)
    if len(sizes) < 3 or any(size > 1 for size in sizes[3:]):
        raise problem(
            "not_3d", f"The file holds an image of {' x '.join(map(str, sizes))}, not one 3D volume.", case
        )
    return sizes[:3]
