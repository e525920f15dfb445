"""The input strategies by name: how patches become SAM's pictures, and its answers volumes again."""

from __future__ import annotations

from collections.abc import Callable

from CFRTrain.labelers.inputs.axes import plan_axes
from CFRTrain.labelers.inputs.base import OWN_CANVAS, InputRequest, SamInput, Triple, whole_tokens
from CFRTrain.labelers.inputs.concatenated import ConcatenatedInput, plan_concatenated
from CFRTrain.labelers.inputs.neighbors import plan_neighbor_tiles, plan_neighbors
from CFRTrain.labelers.inputs.scale import plan_scale
from CFRTrain.labelers.inputs.slicewise import SlicewiseInput, plan_slicewise
from CFRTrain.labelers.inputs.small import plan_small
from CFRTrain.runs.errors import JobError

INPUTS: dict[str, Callable[[InputRequest], SamInput]] = {
    "concatenated": plan_concatenated,
    "slicewise": plan_slicewise,
    "small": plan_small,
    "scale": plan_scale,
    "neighbors": plan_neighbors,
    "neighbor_tiles": plan_neighbor_tiles,
    "axes": plan_axes,
}


def choose_input(
    kind: str, patch_zyx: Triple, axis: int, canvas: int, layout: str, token: int, **more: object
) -> SamInput:
    """The input `kind` for patches of `patch_zyx` sliced along `axis`; its file says what it does.

    canvas: wished side in pixels, rounded up to whole tokens; 0 is the input's own choice. more: the other
    fields of InputRequest. The input's patch is smaller where the wished one does not fit: no slice is ever
    dropped. CFRError for an unknown layout, JobError for an unknown input or an impossible size.
    """
    if kind not in INPUTS:
        known = ", ".join(INPUTS)
        raise JobError(
            "unknown_input", f"There is no input {kind!r}.", f"Set finetune.input to one of {known}."
        )
    return INPUTS[kind](InputRequest(tuple(patch_zyx), axis, canvas, layout, token, **more))


__all__ = [
    "INPUTS",
    "OWN_CANVAS",
    "ConcatenatedInput",
    "InputRequest",
    "SamInput",
    "SlicewiseInput",
    "Triple",
    "choose_input",
    "whole_tokens",
]
