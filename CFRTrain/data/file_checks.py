"""Is a file whole? Checked before ITK opens it, because ITK silently fills truncated data with zeros."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from CFRTrain.data.file_problems import damaged, problem
from CFRTrain.data.nifti_header import HEADER_BYTES, read_nifti_header
from CFRTrain.data.text_headers import GZIP_STREAM, read_meta_header, read_nrrd_header

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
MAX_VOXELS = 1 << 32
"""Four gigavoxels: a whole-body CT has 0.5; more is a damaged header, and must not be allocated."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class CheckedFile:
    """What the checks found: ITK's reader to use and the sizes xyz that the header declares."""

    image_io: str
    size_xyz: tuple[int, int, int]


def suffix_of(path: Path) -> str:
    """The supported suffix of `path` in lower case, or an empty string."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def check_file(path: Path, case: str) -> CheckedFile:
    """Check that one NIfTI, NRRD or MHA file holds exactly the voxels that its header declares.

    Raises DataError naming `case`: missing, format, damaged, not_3d, multi_component, spacing, too_large ...
    """
    suffix = suffix_of(path)
    if not path.is_file():
        raise problem("missing", "The file does not exist.", case)
    if not suffix:
        raise problem("format", "The file is of a kind that is not supported.", case)
    try:
        with path.open("rb") as file:
            if suffix.startswith(".nii"):
                return _check_nifti(file, suffix == ".nii.gz", case)
            return _check_text_headed(file, suffix, case)
    except OSError as error:
        raise problem("missing", f"The file cannot be read ({error.strerror}).", case) from error


def orientation_warning(path: Path, case: str) -> str | None:
    """What is doubtful about the orientation of a NIfTI file that `check_file` passed, or None."""
    if not suffix_of(path).startswith(".nii"):
        return None
    compressed = suffix_of(path) == ".nii.gz"
    try:
        with path.open("rb") as file:
            start = _first_bytes(file, HEADER_BYTES, case) if compressed else file.read(HEADER_BYTES)
    except OSError as error:
        raise problem("missing", "The file cannot be read any more.", case) from error
    return read_nifti_header(start, case).warning()


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a DICOM folder."""
    if path.is_dir():
        # by name, as everywhere: paths of Windows sort without regard to case
        files = sorted((item for item in path.iterdir() if item.is_file()), key=lambda item: item.name)
        parts = [f"{item.name}:{content_hash(item)}\n" for item in files]
        return hashlib.sha256("".join(parts).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_hash(path: Path, sha256: str | None, case: str) -> None:
    """DataError `changed` if the content is not the one that the case list was made from."""
    if sha256 is None:
        return
    try:
        found = content_hash(path)
    except (OSError, ValueError) as error:
        raise problem("missing", "The file cannot be read.", case) from error
    if found != sha256.lower():
        raise problem("changed", "The content of the file is not what the case list was made from.", case)


def _check_nifti(file: BinaryIO, compressed: bool, case: str) -> CheckedFile:
    start = _first_bytes(file, HEADER_BYTES, case) if compressed else file.read(HEADER_BYTES)
    header = read_nifti_header(start, case)
    _check_voxels(header.size_xyz, case)
    file.seek(0)
    counter = NonFiniteCounter(header.data_offset, header.float_type)
    found = 0
    for chunk in unpacked(file, GZIP_STREAM if compressed else None, header.file_bytes, case):
        found += len(chunk)
        counter.add(chunk)
    _check_bytes(found, header.file_bytes, case)
    if counter.count:
        raise problem("not_finite", f"{counter.count} voxels are NaN or infinite.", case)
    return CheckedFile("NiftiImageIO", header.size_xyz)


def _check_text_headed(file: BinaryIO, suffix: str, case: str) -> CheckedFile:
    header = read_nrrd_header(file, case) if suffix == ".nrrd" else read_meta_header(file, case)
    _check_voxels(header.size_xyz, case)
    file.seek(header.data_offset)
    found = sum(len(chunk) for chunk in unpacked(file, header.window_bits, header.data_bytes, case))
    _check_bytes(found, header.data_bytes, case)
    return CheckedFile("NrrdImageIO" if suffix == ".nrrd" else "MetaImageIO", header.size_xyz)


def unpacked(file: BinaryIO, window_bits: int | None, limit: int, case: str) -> Iterator[bytes]:
    """The rest of `file` in chunks, inflated unless `window_bits` is None, cut off just above `limit` bytes.

    Memory does not depend on the file, so a compression bomb does no harm. The stream's checksums are
    verified. Raises DataError `damaged`.
    """
    if window_bits is None:
        while limit >= 0 and (data := file.read(CHUNK)):
            limit -= len(data)
            yield data
        return
    unpacker, data = zlib.decompressobj(window_bits), b""
    try:
        while limit >= 0:
            data = data or file.read(CHUNK)
            if not data:
                yield unpacker.flush()
                break
            if unpacker.eof:
                if window_bits != GZIP_STREAM or not data.startswith(b"\x1f"):
                    raise damaged("Foreign bytes follow the compressed voxels.", case)
                unpacker = zlib.decompressobj(window_bits)
            chunk = unpacker.decompress(data, CHUNK)
            data = unpacker.unconsumed_tail or unpacker.unused_data
            limit -= len(chunk)
            yield chunk
    except zlib.error as error:
        raise damaged("The compressed voxels are corrupted.", case) from error
    if limit >= 0 and not unpacker.eof:
        raise damaged("The file is truncated: its compressed voxels end too early.", case)


class NonFiniteCounter:
    """Counts NaN and infinite voxels in a stream of bytes, because ITK's NIfTI reader makes them zeros."""

    def __init__(self, skip: int, dtype: np.dtype | None) -> None:
        self.count = 0
        self._skip, self._dtype, self._rest = skip, dtype, b""

    def add(self, chunk: bytes) -> None:
        """The next bytes of the file; the first `skip` ones are the header."""
        if self._dtype is None:
            return
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        data = self._rest + chunk[skipped:]
        whole = len(data) - len(data) % self._dtype.itemsize
        values = np.frombuffer(data, self._dtype, whole // self._dtype.itemsize)
        self.count += int(values.size - np.isfinite(values).sum())
        self._rest = data[whole:]


def _first_bytes(file: BinaryIO, count: int, case: str) -> bytes:
    try:
        return zlib.decompressobj(GZIP_STREAM).decompress(file.read(CHUNK), count)
    except zlib.error as error:
        raise damaged(
            "The file is not gzip-compressed as its name says, or it is corrupted.", case
        ) from error


def _check_voxels(size_xyz: tuple[int, int, int], case: str) -> None:
    if math.prod(size_xyz) > MAX_VOXELS:
        raise problem("too_large", f"The header declares {' x '.join(map(str, size_xyz))} voxels.", case)


def _check_bytes(found: int, expected: int, case: str) -> None:
    if found < expected:
        raise damaged(f"The file is truncated: {found} of {expected} bytes are there.", case)
    if found > expected:
        raise damaged(f"The file holds more than the {expected} bytes that its header declares.", case)
