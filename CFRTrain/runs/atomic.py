"""Files that are whole or absent, never torn: written aside, synced, renamed. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from CFRTrain.runs.errors import DiskFullError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, over the quota, over the limit of one file
LEFTOVER = re.compile(r"\.[0-9a-f]{32}(\.[a-z]{2,8}){1,2}")
OTHERS_BLOCK = os.name == "nt"  # what a reader or a virus scanner has open cannot be moved or deleted there
ATTEMPTS = 20
ATTEMPT_SECONDS = 0.05
T = TypeVar("T")


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
        put_in_place(temporary, path)
    except BaseException as error:
        with suppress(PermissionError):  # what went wrong before is what a person must know
            remove_file(temporary)
        if is_disk_full(error):
            raise disk_full(f"The disk is full; {path.name} could not be written.") from error
        raise
    sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes have left half-written in `folder` and below; only the owner may call."""
    for path in folder.rglob(".*"):
        if LEFTOVER.fullmatch(path.name):
            with suppress(PermissionError):  # it lies there until the next start
                remove_file(path)


def put_in_place(source: Path, target: Path) -> None:
    """Renames a file, or a folder whose new name is free, in one step; a file takes another's place."""
    patiently(lambda: os.replace(source, target))


def remove_file(path: Path) -> None:
    """Deletes a file; that there is none is no error."""
    patiently(lambda: path.unlink(missing_ok=True))


def patiently(action: Callable[[], T]) -> T:
    """What `action` returns, tried for a second where another program is in the way, as on Windows."""
    for _attempt in range(ATTEMPTS - 1 if OTHERS_BLOCK else 0):
        try:
            return action()
        except PermissionError:
            time.sleep(ATTEMPT_SECONDS)
    return action()


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
