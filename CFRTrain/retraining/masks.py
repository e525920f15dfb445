"""Parts of volumes: random boxes, and the largest piece of each class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from CFRTrain.data.components import keep_largest_components


def random_box(shape_zyx: Sequence[int], share: float, device: torch.device) -> Tensor:
    """Return a mask (z, y, x) that is True in a box of `share` of every side, somewhere in the volume."""
    mask = torch.zeros(tuple(shape_zyx), dtype=torch.bool)
    sides = [int(size * share) for size in shape_zyx]
    starts = [int(torch.randint(size - side + 1, ())) for size, side in zip(shape_zyx, sides, strict=True)]
    z, y, x = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    mask[z, y, x] = True
    return mask.to(device)


def largest_pieces(labels: Tensor) -> Tensor:
    """Return labels (B, z, y, x) with only the largest connected piece of each class in each item."""
    arrays = labels.to("cpu", torch.uint8).numpy()
    cleaned = [torch.from_numpy(keep_largest_components(array)) for array in arrays]
    return torch.stack(cleaned).to(labels)
