"""What a 2D model is to the methods that train one beside the 3D network, and how slices are cut for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn.functional import pad

from CFRTrain.data.plan import Plan
from CFRTrain.runs.job import Job


@dataclass(frozen=True)
class PlanarModel:
    """A 2D model: a module from patches (B, 1, z, y, x) to logits (B, C, z, y, x), background first.

    What of it is trained requires a gradient. name, weights_sha256 (None: from scratch) and explanation, one
    sentence, are for the report.
    """

    module: nn.Module
    name: str
    explanation: str
    weights_sha256: str | None = None

    def record(self) -> dict[str, Any]:
        """Return what the run's files say about it; no path, which could name a person."""
        parameters = list(self.module.parameters())
        return {
            "model": self.name,
            "weights_sha256": self.weights_sha256,
            "explanation": self.explanation,
            "parameters": sum(item.numel() for item in parameters),
            "trainable_parameters": sum(item.numel() for item in parameters if item.requires_grad),
        }


class PlanarBuilder(Protocol):
    """Makes the 2D model of a job; the same seed gives the same weights, the random state is left alone."""

    def __call__(self, job: Job, plan: Plan, folder: Path, seed: int) -> PlanarModel:
        """Return the model. A relative path of weights begins at `folder`. Raises CFRError."""


class SliceWise(nn.Module):
    """A network of gray slices (N, 1, rows, cols) with logits (N, C, rows, cols) as a network of patches.

    Slices lie across `axis` of zyx. Where the network needs sides that are a multiple of `multiple`, slices
    are continued by their edge pixels and the logits are cut back.
    """

    def __init__(self, network: nn.Module, axis: int, multiple: int = 1) -> None:
        super().__init__()
        self.network, self.axis, self.multiple = network, axis, multiple

    def forward(self, patches: Tensor) -> Tensor:
        """Return logits (B, C, z, y, x) of patches (B, 1, z, y, x)."""
        slices = patches.movedim(2 + self.axis, 1).flatten(0, 1)
        rows, cols = slices.shape[-2:]
        below, right = -rows % self.multiple, -cols % self.multiple
        logits = self.network(pad(slices, (0, right, 0, below), mode="replicate"))[..., :rows, :cols]
        return logits.unflatten(0, (len(patches), -1)).movedim(1, 2 + self.axis)
