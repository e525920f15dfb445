"""What lies on the user's disk, and what only the test knows: the true labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

VOLUMES = 20
CLASSES = {1: "Anterior", 2: "Posterior"}
COHORT = "Hippocampus"
UNSEEN = "unseen"


def prepare(folder: Path, pairs: list[tuple[Path, Path]]) -> None:
    """Twenty volumes, the label of the first one, and the volume that follows by name, which no run sees."""
    for name in ("incoming", "truth"):
        (folder / name).mkdir(parents=True)
    for image, label in pairs[:VOLUMES]:
        shutil.copy(image, folder / "incoming" / image.name)
        shutil.copy(label, folder / "truth" / label.name)
    shutil.copy(pairs[0][1], folder / "label.nii.gz")
    shutil.copy(pairs[VOLUMES][0], folder / f"{UNSEEN}.nii.gz")
    shutil.copy(pairs[VOLUMES][1], folder / "truth" / f"{UNSEEN}.nii.gz")


def true_label(folder: Path, title: str) -> np.ndarray:
    """The true label of a volume, (z, y, x), values as in CLASSES."""
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "truth" / f"{title}.nii.gz")))


def dice(found: np.ndarray, true: np.ndarray) -> float:
    """Dice of two masks."""
    return 2.0 * float((found & true).sum()) / float(found.sum() + true.sum())
