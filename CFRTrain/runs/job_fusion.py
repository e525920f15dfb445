"""The section of a job on fusing several labelers. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Fusion:
    """weights: equal, or trust: of each case, by how well each member's label explains the labeled cases.

    Trust takes one more registration per case and labeled case.
    """

    weights: Literal["equal", "trust"] = "equal"
