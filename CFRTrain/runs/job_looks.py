"""The section of a job on looking at a volume several times before it is labeled. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from CFRTrain.runs.job_sections import require_range
from CFRTrain.runs.strict_json import require


@dataclass(frozen=True)
class Looks:
    """How often the labelers `network` and `sam` look at a volume; the label is the mean of what they say.

    random: looks at slightly rotated, scaled and otherwise bright copies. shifts: looks with windows that
    begin 1, 2, ... voxels earlier. flips: axes (z, y, x) along which the anatomy may be mirrored, in every
    combination; turns: whether slices may be turned by 90 degrees. Most anatomy allows neither.
    uncertainty: entropy of the mean, or that and the mutual_information: how far the looks, the networks and
    the slicing axes contradict each other. rounds: whether networks look as often when they label for a next
    round.
    """

    random: int = 0
    shifts: int = 0
    flips: tuple[int, ...] = ()
    turns: bool = False
    uncertainty: Literal["entropy", "mutual_information"] = "entropy"
    rounds: bool = True

    def __post_init__(self) -> None:
        require_range(self, 0, 64, "random")
        require_range(self, 0, 16, "shifts")
        axes = set(self.flips)
        require(len(axes) == len(self.flips) and axes <= {0, 1, 2}, "flips", "must be different axes 0 to 2")

    @property
    def several(self) -> bool:
        """Whether there is more to do than one plain look."""
        return self.count > 1 or self.uncertainty != "entropy"

    @property
    def count(self) -> int:
        """How many looks there are, the plain one included."""
        return 2 ** len(self.flips) + 3 * self.turns + self.shifts + self.random
