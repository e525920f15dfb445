"""What a frozen encoder makes of augmented patches, kept on disk and, within a bound, in memory."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from CFRTrain.labelers.verified_tensors import read_tensors, write_tensors

MEMORY_BYTES = 512 * 2**20


@dataclass(frozen=True)
class EmbeddedView:
    """One augmented patch. embeddings: float16 (N,E,h,w). targets: class indices uint8 (N,canvas,canvas)."""

    embeddings: np.ndarray
    targets: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.embeddings.nbytes + self.targets.nbytes


class EmbeddingCache:
    """Views by case and number, each made when it is first asked for.

    A view from memory, from disk or made anew is the same to the bit, so a training may be killed and the
    folder deleted at any time. identity: what the views depend on; files of another identity are made anew.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str], memory_bytes: int = MEMORY_BYTES) -> None:
        self.folder, self.identity, self.memory_bytes = Path(folder), dict(identity), memory_bytes
        self._kept: OrderedDict[tuple[str, int], EmbeddedView] = OrderedDict()

    def view(self, case: str, number: int, make: Callable[[], EmbeddedView]) -> EmbeddedView:
        """The view; `make` is called where there is no intact one. Raises DiskFullError."""
        key = (case, number)
        if key not in self._kept:
            self._keep(key, self._read_or_make(case, number, make))
        self._kept.move_to_end(key)
        return self._kept[key]

    def clear(self) -> None:
        """Deletes all views, from memory and disk."""
        self._kept.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, key: tuple[str, int], view: EmbeddedView) -> None:
        """Puts a view into memory; the least recently used ones leave, the new one always stays."""
        self._kept[key] = view
        while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > self.memory_bytes:
            self._kept.popitem(last=False)

    def _read_or_make(self, case: str, number: int, make: Callable[[], EmbeddedView]) -> EmbeddedView:
        path = self.folder / f"{case}-{number:04d}.safetensors"
        identity = {**self.identity, "case": case, "view": str(number)}
        found = read_tensors(path, identity)
        if found is not None and set(found) == {"embeddings", "targets"}:
            return EmbeddedView(found["embeddings"], found["targets"])
        view = make()
        write_tensors(path, {"embeddings": view.embeddings, "targets": view.targets}, identity)
        return view
