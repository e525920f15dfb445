"""The section of a job on fusing several labelers. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Fusion:
    """weights: equal, or trust: less for members whose labels, registered back, miss the labeled cases.

    Trust takes up to a dozen more registrations.
    """

    weights: Literal["equal", "trust"] = "equal"
