"""Files that are whole or absent, never torn: written aside, synced, renamed. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from CFRTrain.runs.errors import DiskFullError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, over the quota, over the limit of one file
LEFTOVER = re.compile(r"\.[0-9a-f]{32}(\.[a-z]{2,8}){1,2}")
RENAME_ATTEMPTS = 20  # Windows refuses to replace a file while a reader has it open, for milliseconds


def write_atomic(path: Path, data: bytes | Callable[[BinaryIO], object]) -> None:
    """Writes `data` so that `path` holds either its old or its new content, whatever happens.

    data: the bytes, or a function that writes them to the stream it is given. Raises DiskFullError where the
    disk is full; the old content stays.
    """
    with replacement_of(path) as temporary, open(temporary, "xb") as stream:
        if callable(data):
            data(stream)
        else:
            stream.write(data)


@contextmanager
def replacement_of(path: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """The name of a file to be written in the block, which then becomes `path` in one step, synced.

    It lies beside `path` and ends in `suffix`, for writers that want a name rather than a stream. Where the
    block fails nothing is left of it. Raises DiskFullError where the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        _replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if is_disk_full(error):
            raise disk_full(f"The disk is full; {path.name} could not be written.") from error
        raise
    sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes have left half-written in `folder` and below; only the owner may call."""
    for path in folder.rglob(".*"):
        if LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    for attempt in range(RENAME_ATTEMPTS):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == RENAME_ATTEMPTS - 1:
                raise
            time.sleep(0.05)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the operating system says that nothing more can be written."""
    return isinstance(error, OSError) and error.errno in FULL


def disk_full(detail: str = "The disk is full.") -> DiskFullError:
    """The error to raise where nothing more can be written."""
    return DiskFullError(
        "disk_full", detail, "Free some space on the disk of the run folder and start the run again."
    )


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power failure, on systems that can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
    finally:
        os.close(handle)


def file_stamp(path: Path) -> tuple[int, int] | None:
    """Time of the last change and size: while they stay, a file is the one verified; None without one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, read in pieces."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
