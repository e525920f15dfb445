"""Versions that an installation must not change.

Slicer brings numpy, scipy, SimpleITK and requests, and loads the first two when it starts; torch is the build
that the PyTorch extension chose for the GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

PROTECTED = ("numpy", "scipy", "SimpleITK", "requests", "torch", "torchvision")


def installedVersions(names: Sequence[str] = PROTECTED) -> dict[str, str]:
    """Names and versions of those packages that are installed, read from their metadata."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def writeConstraints(folder: Path, versions: dict[str, str]) -> Path:
    """A file for `pip install --constraint`; pip then refuses rather than replaces."""
    path = folder / "constraints.txt"
    path.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), "utf-8")
    return path
