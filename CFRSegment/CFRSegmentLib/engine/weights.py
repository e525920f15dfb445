"""SAM's official weights: which there are, where they are, under which license. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WeightsEntry:
    """One official file; `file` is its place in the weights folder, None where it is not there yet."""

    model: str
    title: str
    fileName: str
    url: str
    sha256: str
    sizeBytes: int
    file: Path | None


def weightsEntries(folder: Path) -> tuple[WeightsEntry, ...]:
    """ViT-B, ViT-L, ViT-H, and which of them are in `folder` (verified when they were put there)."""
    raise NotImplementedError


def removeWeights(folder: Path, model: str) -> None:
    """Deletes an official file, its converted copy and what is left of a download from `folder`."""
    raise NotImplementedError


def licenseText() -> str:
    """What a person agrees to before a download: license, origin, size. Translated."""
    raise NotImplementedError
