"""Which files are in a folder, found with one look for all cases instead of one per file."""

from __future__ import annotations

import os
from pathlib import Path


class FileListing:
    """Names of the files in folders, each read again only where it has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, frozenset[str]]] = {}

    def names(self, folder: Path) -> frozenset[str]:
        """The names in a folder as of the last `look`; none where it cannot be read."""
        if folder not in self._known:
            time = _changeTime(folder)  # before the look: what comes during it is seen the next time
            self._known[folder] = time, _contents(folder)
        return self._known[folder][1]

    def look(self) -> bool:
        """Whether something came or went in the folders that were asked for; these are then read again."""
        changed = [folder for folder, (time, _names) in self._known.items() if _changeTime(folder) != time]
        for folder in changed:
            del self._known[folder]
        return bool(changed)

    def forget(self) -> None:
        """Every folder is read again when it is next asked for."""
        self._known.clear()


def _changeTime(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _contents(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()
