"""The classes of a cohort: label value, name, color, terminology."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentClass:
    """One structure. value: 1 to 254, its voxel value in label files. color: red, green, blue, 0 to 255.

    terminology: Slicer's serialized terminology entry, "" = none.
    """

    value: int
    name: str
    color: tuple[int, int, int]
    terminology: str = ""
