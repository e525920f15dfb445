"""Every slice a small picture, SAM's position tables interpolated to it: the cheap way CFR compares with.

`labelers/position_tables.py` fits the tables of official weights; a SAM from scratch learns its own.
"""

from __future__ import annotations

from CFRTrain.labelers.inputs.base import OWN_CANVAS, InputRequest, whole_tokens
from CFRTrain.labelers.inputs.slicewise import SlicewiseInput
from CFRTrain.runs.errors import JobError

SMALL_CANVAS = 256  # of an official SAM: a thirteenth of the cost of its own 1024 pixels


def plan_small(request: InputRequest) -> SlicewiseInput:
    """A canvas of 0 is 256 for an official SAM, and half a slice's larger side from scratch.

    JobError when the canvas is no smaller than what the slice-wise input would show.
    """
    largest = OWN_CANVAS if request.pretrained else whole_tokens(max(request.plane), request.token)
    side = request.canvas or (SMALL_CANVAS if request.pretrained else max(request.plane) // 2)
    side = whole_tokens(max(side, 1), request.token)
    if side >= largest:
        raise JobError(
            "input_not_small",
            f"The input `small` shows slices on fewer than {largest} pixels, but its canvas has {side}.",
            f"Set finetune.canvas below {largest}, or finetune.input to slicewise.",
        )
    return SlicewiseInput(tuple(request.patch_zyx), request.axis, side)
