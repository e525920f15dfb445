"""Cleaning up a label map."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects, label


def keep_largest_components(labels: np.ndarray) -> np.ndarray:
    """The label map (z, y, x) uint8 with only the largest connected piece of each class; the rest is
    background.

    Voxels that touch at a corner are connected. Of two pieces of one size the first in array order is kept.
    """
    cleaned = labels.copy()
    for value, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        mask = labels[box] == value
        pieces, count = label(mask, np.ones((3,) * labels.ndim))
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            cleaned[box][mask & (pieces != sizes.argmax())] = 0
    return cleaned
