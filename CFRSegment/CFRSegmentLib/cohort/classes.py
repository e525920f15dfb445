"""The classes of a cohort: label value, name, color, terminology."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..i18n import _
from .errors import CohortError


@dataclass(frozen=True)
class SegmentClass:
    """One structure. value: 1 to 254, its voxel value in label files. color: red, green, blue, 0 to 255.

    terminology: Slicer's serialized terminology entry, "" = none.
    """

    value: int
    name: str
    color: tuple[int, int, int]
    terminology: str = ""


def checkedClasses(classes: Sequence[SegmentClass]) -> tuple[SegmentClass, ...]:
    """The classes, colors as tuples. Raises CohortError (bad_class) naming what is wrong with which one."""
    values: dict[int, str] = {}
    names: set[str] = set()
    for item in classes:
        if not item.name.strip() or not item.name.isprintable():
            raise _wrong(_("A class needs a name of one line."), _("Give it a name."))
        if type(item.value) is not int or not 1 <= item.value <= 254:
            text = _("The label value of {name} must be a whole number from 1 to 254.")
            raise _wrong(text.format(name=item.name), _("Choose another value; 0 is the background."))
        if item.value in values:
            text = _("{name} and {other} have the same label value.")
            raise _wrong(text.format(name=item.name, other=values[item.value]), _("Choose another value."))
        if item.name.strip().casefold() in names:
            raise _wrong(_("Two classes are called {name}.").format(name=item.name), _("Rename one of them."))
        if len(item.color) != 3 or not all(type(part) is int and 0 <= part <= 255 for part in item.color):
            text = _("The color of {name} must be three whole numbers from 0 to 255.")
            raise _wrong(text.format(name=item.name), _("Choose another color."))
        values[item.value] = item.name
        names.add(item.name.strip().casefold())
    return tuple(
        SegmentClass(item.value, item.name.strip(), tuple(item.color), item.terminology) for item in classes
    )


def _wrong(text: str, remedy: str) -> CohortError:
    return CohortError("bad_class", text, remedy)


def classesToJson(classes: Sequence[SegmentClass]) -> list[dict[str, Any]]:
    """As cohort.json holds them."""
    return [asdict(item) for item in classes]


def classesFromJson(found: Any) -> tuple[SegmentClass, ...]:
    """What `classesToJson` wrote. Raises ValueError, TypeError or KeyError for anything else."""
    return checkedClasses(
        [
            SegmentClass(item["value"], item["name"], tuple(item["color"]), item.get("terminology", ""))
            for item in found
        ]
    )
