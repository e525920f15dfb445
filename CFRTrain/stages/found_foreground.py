"""Where a network found structures in the unlabeled volumes, at set steps of its training, kept on disk.

Patches of unlabeled cases are then cut around structures (M&N's foreground-aware cropping). A step's patches
follow from files that say which step's network they come from, so a training that was killed goes on alike.
"""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from CFRTrain.data.store import CaseStore
from CFRTrain.models.inference import predict_labels
from CFRTrain.models.windows import Watch
from CFRTrain.runs.atomic import write_atomic
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.run_folder import RunFolder

FOLDER = "foreground"


class FoundForeground:
    """A `ForegroundSource` of a run, whose files lie in its folder `foreground`."""

    def __init__(
        self,
        store: CaseStore,
        cases: Sequence[str],
        patch_zyx: tuple[int, int, int],
        overlap: float,
        run: RunFolder,
    ) -> None:
        self._store, self._cases, self._run = store, tuple(cases), run
        self._patch, self._overlap = patch_zyx, overlap
        self._root = run.root / FOLDER
        self._folder: Path | None = None

    def as_of(self, look: int | None, network: nn.Module, step: int) -> None:
        """Have what the network of step `look` found; what is not on disk is found with `network` now.

        None: nothing was looked at yet. Raises StopRequested, MemoryLimitError and DiskFullError.
        """
        folder = None if look is None else self._root / f"step-{look:08d}"
        if folder is not None and folder != self._folder:
            missing = [case for case in self._cases if _read(folder / f"{case}.npz") is None]
            if missing and look != step:
                self._run.events.warning(
                    "foreground_again",
                    f"What step {look} found in {len(missing)} volumes is lost; step {step} looks again.",
                )
            self._find(folder, missing, network)
        self._folder = folder

    def labels(self, case_id: str) -> np.ndarray | None:
        """Return class indices uint8 (z, y, x), or None before the first look. Raises DataError."""
        if self._folder is None:
            return None
        found = _read(self._folder / f"{case_id}.npz")
        if found is None:
            raise DataError(
                "foreground", "What was found in the case is damaged.", "Start the run again.", case=case_id
            )
        return found

    def _find(self, folder: Path, cases: Sequence[str], network: nn.Module) -> None:
        watch, start = Watch(should_stop=self._run.stop_requested), time.monotonic()
        for done, case in enumerate(cases, start=1):
            found = predict_labels(network, self._store.image(case), self._patch, self._overlap, watch)
            _write(folder / f"{case}.npz", found)
            left = (time.monotonic() - start) / done * (len(cases) - done)
            self._run.events.progress(FOLDER, done, len(cases), round(left, 1))


def _write(path: Path, labels: np.ndarray) -> None:
    """A compressed file: a hundredth of the volume, as structures are of one piece."""
    stream = io.BytesIO()
    np.savez_compressed(stream, labels=labels)
    write_atomic(path, stream.getvalue())


def _read(path: Path) -> np.ndarray | None:
    """The labels, or None where the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
