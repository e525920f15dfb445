"""File names that ITK can open.

On Windows ITK takes a name for one in the code page of the system, although it is handed UTF-8: under a name
with an umlaut it finds no file. Folders have a short form there on most disks ("MLLER~1"); where that does
not help, ITK works on a copy. Elsewhere, and where the code page is UTF-8, names stay as they are.
"""

from __future__ import annotations

import errno
import locale
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from CFRTrain.data.file_checks import suffix_of

ASCII_ONLY = os.name == "nt" and locale.getencoding().lower() not in ("utf-8", "cp65001")
LONGEST = 1 << 15  # characters of a path on Windows


@contextmanager
def names_to_read(paths: Sequence[Path | str]) -> Iterator[list[str]]:
    """Names under which ITK can read the files while the block runs, in the same order.

    Raises OSError where a file must be copied for it and cannot be.
    """
    plain = {index: _plain_name(path) for index, path in enumerate(paths)}
    found = {index: name for index, name in plain.items() if name is not None}
    if len(found) == len(plain):
        yield list(found.values())
        return
    with _plain_folder() as folder:
        for index, path in enumerate(paths):
            if index not in found:
                found[index] = str(shutil.copyfile(path, folder / f"{index}{suffix_of(Path(path))}"))
        yield [found[index] for index in range(len(paths))]


@contextmanager
def name_to_write(path: Path) -> Iterator[str]:
    """A name under which ITK can write what is the file `path` after the block. Raises OSError."""
    name = _plain_name(path)
    if name is not None:
        yield name
        return
    with _plain_folder() as folder:
        aside = folder / f"volume{suffix_of(path)}"
        yield str(aside)
        shutil.copyfile(aside, path)


@contextmanager
def folder_to_read(folder: Path) -> Iterator[Path]:
    """A folder whose files, the same as in `folder`, ITK can list and read in the block. Raises OSError."""
    if not ASCII_ONLY:
        yield folder
        return
    files, short = [item for item in folder.iterdir() if item.is_file()], _plain_form(folder)
    if short is not None and all(item.name.isascii() for item in files):
        yield Path(short)
        return
    with _plain_folder() as copy:
        for index, item in enumerate(files):
            shutil.copyfile(item, copy / (item.name if item.name.isascii() else f"file_{index}"))
        yield copy


def _plain_name(path: Path | str) -> str | None:
    """The file's name as ITK can open it; None where it has none. Its own last part stays: suffixes count."""
    if not ASCII_ONLY or str(path).isascii():
        return str(path)
    folder = _plain_form(Path(path).parent)
    return os.path.join(folder, Path(path).name) if folder and Path(path).name.isascii() else None


def _plain_form(folder: Path) -> str | None:
    """The path of an existing folder in ASCII: its own or its short one; None where there is neither."""
    text = str(folder) if str(folder).isascii() else _short_form(folder)
    return text if text.isascii() else None


def _short_form(folder: Path) -> str:
    """The short path that Windows keeps beside a long one; the long one where a disk has no short ones."""
    import ctypes

    found = ctypes.create_unicode_buffer(LONGEST)
    length = ctypes.WinDLL("kernel32").GetShortPathNameW(str(folder), found, LONGEST)  # type: ignore[attr-defined]
    return found.value if 0 < length < LONGEST else str(folder)


@contextmanager
def _plain_folder() -> Iterator[Path]:
    """An empty folder with a name in ASCII, removed after the block, of this person alone."""
    place = _plain_form(Path(tempfile.gettempdir()))
    if place is None:
        raise OSError(errno.EINVAL, "The folder for temporary files has a name that ITK cannot open")
    with tempfile.TemporaryDirectory(prefix="CFRTrain-", dir=place, ignore_cleanup_errors=True) as name:
        yield Path(name)
