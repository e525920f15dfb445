"""2.5D: a slice and its two neighbors as the three color channels, alone or as the tiles of a canvas."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from CFRTrain.labelers.inputs.base import InputRequest, SamInput, Triple
from CFRTrain.labelers.inputs.concatenated import plan_concatenated
from CFRTrain.labelers.inputs.slicewise import plan_slicewise


@dataclass(frozen=True)
class NeighborsInput:
    """What `base` shows in gray, with the slice before in the first channel and the one behind in the third.

    Labels and answers are those of the middle slice. The patch's first and last slice are their own neighbor.
    """

    base: SamInput
    axis: int

    @property
    def patch_zyx(self) -> Triple:
        return self.base.patch_zyx

    @property
    def canvas(self) -> int:
        return self.base.canvas

    @property
    def pictures_per_patch(self) -> int:
        return self.base.pictures_per_patch

    def pictures(self, images: Tensor) -> Tensor:
        """Images (B,1,z,y,x) as pictures (N,3,canvas,canvas)."""
        place = torch.arange(images.shape[2 + self.axis], device=images.device)
        shifted = [place.add(shift).clamp(0, len(place) - 1) for shift in (-1, 0, 1)]
        channels = [self.base.pictures(images.index_select(2 + self.axis, index)) for index in shifted]
        return torch.cat(channels, dim=1)

    def label_pictures(self, labels: Tensor) -> Tensor:
        return self.base.label_pictures(labels)

    def volumes(self, answers: Tensor) -> Tensor:
        return self.base.volumes(answers)


def plan_neighbors(request: InputRequest) -> NeighborsInput:
    """Every slice a picture of its own."""
    return NeighborsInput(plan_slicewise(request), request.axis)


def plan_neighbor_tiles(request: InputRequest) -> NeighborsInput:
    """All slices on one canvas."""
    return NeighborsInput(plan_concatenated(request), request.axis)
