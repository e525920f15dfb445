"""Every slice a picture of its own, enlarged to SAM's size: the usual way, with which CFR compares."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from CFRTrain.labelers.inputs.base import (
    OWN_CANVAS,
    InputRequest,
    Triple,
    plane_of,
    resized_answers,
    resized_images,
    resized_labels,
    whole_tokens,
)


@dataclass(frozen=True)
class SlicewiseInput:
    """Every slice resized to a picture of its own, as in the methods CFR compares with; N = B x slices."""

    patch_zyx: Triple
    axis: int
    canvas: int

    @property
    def pictures_per_patch(self) -> int:
        return self.patch_zyx[self.axis]

    def pictures(self, images: Tensor) -> Tensor:
        return resized_images(images.movedim(2 + self.axis, 1).flatten(0, 1), self.canvas)

    def label_pictures(self, labels: Tensor) -> Tensor:
        return resized_labels(labels.movedim(1 + self.axis, 1), self.canvas).flatten(0, 1)

    def volumes(self, answers: Tensor) -> Tensor:
        slices = resized_answers(answers, plane_of(self.patch_zyx, self.axis))
        return slices.unflatten(0, (-1, self.patch_zyx[self.axis])).movedim(1, 2 + self.axis)


def plan_slicewise(request: InputRequest) -> SlicewiseInput:
    """A canvas of 0 is 1024 for an official SAM, which saw nothing else, else the slice's own size."""
    side = request.canvas or (OWN_CANVAS if request.pretrained else max(request.plane))
    return SlicewiseInput(tuple(request.patch_zyx), request.axis, whole_tokens(side, request.token))
