"""Signed distances to the surface of each class, the second target of dual-task methods."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor


def signed_distances(labels: Tensor, classes: int) -> Tensor:
    """Return for labels (B, z, y, x) the distances (B, classes - 1, z, y, x) to every class but background.

    In [-1, 1]: negative inside, 0 on the class's outermost voxels, positive outside, and on both sides
    relative to the farthest voxel. Where a class is absent everything is as far outside as can be, 1.
    """
    arrays = labels.cpu().numpy()
    maps = [[_signed_distance(array == index) for index in range(1, classes)] for array in arrays]
    return torch.from_numpy(np.stack([np.stack(item) for item in maps])).to(labels.device)


def _signed_distance(inside: np.ndarray) -> np.ndarray:
    if inside.all() or not inside.any():
        return np.full(inside.shape, -1.0 if inside.any() else 1.0, np.float32)
    deep, away = distance_transform_edt(inside), distance_transform_edt(~inside)
    signed = away / away.max() - deep / deep.max()
    signed[deep == 1.0] = 0.0  # a neighbor across a face is not of the class
    return signed.astype(np.float32)
