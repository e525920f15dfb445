"""Classes of the cohort and segments of the open case look alike: who changes one changes the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import slicer

from ..cohort import SegmentClass
from ..i18n import _
from ..scene import DEFAULT_TERMINOLOGY
from ..scene.segments import segmentIdOf

# Told apart by most people with a color vision deficiency. Cold colors come first: doubt is yellow to red.
PALETTE = (
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (0, 114, 178),
    (128, 174, 128),
    (230, 159, 0),
    (240, 228, 66),
    (213, 94, 0),
)


def classesAsShown(
    segmentationNode: slicer.vtkMRMLSegmentationNode, classes: Sequence[SegmentClass]
) -> tuple[SegmentClass, ...]:
    """The classes with the names, colors and terms that their segments have now."""
    segmentation = segmentationNode.GetSegmentation()
    return tuple(_asShown(segmentation.GetSegment(segmentIdOf(item)), item) for item in classes)


def newClass(classes: Sequence[SegmentClass]) -> SegmentClass:
    """One more class: the next free value, a name and a color that are not used yet."""
    values, names = {item.value for item in classes}, {item.name.casefold() for item in classes}
    value = next(value for value in range(1, 255) if value not in values)
    number = next(number for number in range(value, 1000) if defaultName(number).casefold() not in names)
    colors = [color for color in PALETTE if color not in {item.color for item in classes}]
    return SegmentClass(value, defaultName(number), colors[0] if colors else PALETTE[value % len(PALETTE)])


def defaultName(number: int) -> str:
    """What a class is called until the user names it."""
    return _("Structure {number}").format(number=number)


def _asShown(segment: slicer.vtkSegment | None, item: SegmentClass) -> SegmentClass:
    if segment is None:
        return item
    terminology = segment.GetTerminology()
    if terminology == DEFAULT_TERMINOLOGY and not item.terminology:
        terminology = ""
    color = tuple(round(part * 255) for part in segment.GetColor())
    return replace(item, name=segment.GetName(), color=color, terminology=terminology)
