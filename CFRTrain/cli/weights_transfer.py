"""Bytes of a weights file from the network or a disk: resumed, counted, hashed, named only when right.

Until its hash is the published one, a file has the suffix `.part`; so no other part of the program takes it.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from CFRTrain.runs.atomic import disk_full, is_disk_full, put_in_place, sync_folder
from CFRTrain.runs.errors import DependencyError, JobError, ModelError
from CFRTrain.runs.official_weights import OfficialWeights

CHUNK = 1 << 20
TIMEOUT_SECONDS = 30.0
SPARE_BYTES = 64 << 20
Progress = Callable[[int, int, float | None], None]
"""Takes bytes done, bytes in all, seconds left."""
Stop = Callable[[], None]
"""Raises where somebody has asked to stop."""


class Rate:
    """Tells how long the rest of a transfer takes, from the bytes since it began."""

    def __init__(self, done: int) -> None:
        self._first, self._start = done, time.monotonic()

    def seconds_left(self, done: int, total: int) -> float | None:
        """None while nothing has come yet."""
        moved = done - self._first
        return (time.monotonic() - self._start) / moved * max(0, total - done) if moved > 0 else None


def partial_file(folder: Path, weights: OfficialWeights) -> Path:
    """Where the bytes of an unfinished transfer lie."""
    return folder / f".{weights.file_name}.part"


def download(weights: OfficialWeights, folder: Path, url: str, stop: Stop, tell: Progress) -> Path:
    """Fetches the official file into `folder`, going on with what an earlier try has left.

    After a stop, what has come is kept for the next try. Raises DependencyError `no_network` where the server
    cannot be reached or breaks off, ModelError `wrong_checksum` (the bytes are removed), DiskFullError.
    """
    if not url.lower().startswith(("https://", "http://")):
        raise JobError("bad_address", "The address is no web address.", "Give one that begins with https://.")
    part = partial_file(folder, weights)
    _require_space(folder, weights.size_bytes - (part.stat().st_size if part.is_file() else 0))
    try:
        _fetch(url, part, weights.size_bytes, stop, tell)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _no_network(error, url) from error
    except OSError as error:
        if is_disk_full(error):
            raise disk_full() from error
        raise
    return accept(part, weights, stop, tell)


def _fetch(url: str, part: Path, expected: int, stop: Stop, tell: Progress) -> None:
    """Appends to `part` what it lacks; a server that cannot go on in the middle begins anew."""
    have = part.stat().st_size if part.is_file() else 0
    if expected and have >= expected:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        resumed = answer.status == 206
        length = answer.headers.get("Content-Length")
        have = have if resumed else 0
        total = have + int(length) if length and length.isdigit() else expected
        with open(part, "ab" if resumed else "wb") as stream:
            copied = _copy(answer, stream, have, total, stop, tell)
    if copied < total:
        raise ConnectionError("the server broke off")


def _copy(source: BinaryIO, target: BinaryIO, done: int, total: int, stop: Stop, tell: Progress) -> int:
    """Copies to the end of `source`; bytes in `target` afterwards. What `stop` raises is let through."""
    rate = Rate(done)
    while data := source.read(CHUNK):
        stop()
        target.write(data)
        done += len(data)
        tell(done, total, rate.seconds_left(done, total))
    target.flush()
    os.fsync(target.fileno())
    return done


def copy_in(file: Path, weights: OfficialWeights, folder: Path, stop: Stop, tell: Progress) -> Path:
    """Copies a file of this machine into `folder` and verifies the copy. Raises as `download` does."""
    part, target = partial_file(folder, weights), folder / weights.file_name
    if target.exists() and file.samefile(target):
        return verified(target, weights, stop, tell)
    _require_space(folder, file.stat().st_size)
    try:
        with file.open("rb") as source, open(part, "wb") as stream:
            _copy(source, stream, 0, file.stat().st_size, stop, tell)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if is_disk_full(error):
            raise disk_full() from error
        raise
    return accept(part, weights, stop, tell)


def accept(part: Path, weights: OfficialWeights, stop: Stop, tell: Progress) -> Path:
    """Gives a transferred file its name if its hash is right; removes it otherwise (ModelError)."""
    found = digest(part, stop, tell)
    if found != weights.sha256:
        part.unlink(missing_ok=True)
        raise _wrong_checksum(weights, found, "What came was removed.")
    target = part.with_name(weights.file_name)
    put_in_place(part, target)
    sync_folder(target.parent)
    return target


def verified(file: Path, weights: OfficialWeights, stop: Stop, tell: Progress) -> Path:
    """`file` if its hash is the published one. Raises ModelError; a stranger's file is never removed."""
    found = digest(file, stop, tell)
    if found != weights.sha256:
        raise _wrong_checksum(weights, found, "The file was left as it is and must not be used.")
    return file


def digest(file: Path, stop: Stop, tell: Progress) -> str:
    """SHA-256 of a file, with progress."""
    total, done, known = file.stat().st_size, 0, hashlib.sha256()
    rate = Rate(0)
    with file.open("rb") as stream:
        while data := stream.read(CHUNK):
            stop()
            known.update(data)
            done += len(data)
            tell(done, total, rate.seconds_left(done, total))
    return known.hexdigest()


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise disk_full(f"{needed / 2**20:.0f} MiB are needed, {free / 2**20:.0f} MiB are free.")


def _no_network(error: Exception, url: str) -> DependencyError:
    reason = getattr(error, "reason", None) or error
    return DependencyError(
        "no_network",
        f"The download from {url.split('/')[2]} did not work: {reason}.",
        "Try again: it goes on where it was. Without network, get the file on another machine and install it"
        " from there.",
    )


def _wrong_checksum(weights: OfficialWeights, found: str, done: str) -> ModelError:
    return ModelError(
        "wrong_checksum",
        f"This is not the official file of SAM {weights.model}: its SHA-256 is {found}. {done}",
        f"Get {weights.file_name} from {weights.url} (SHA-256 {weights.sha256}).",
    )
