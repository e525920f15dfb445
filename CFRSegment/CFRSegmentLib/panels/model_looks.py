"""What a model says about itself, for people, and its classes as segments."""

from __future__ import annotations

import html

from ..cohort import SegmentClass
from ..engine import ModelEntry, ModelSummary
from ..i18n import _
from .class_looks import PALETTE


def classesOf(model: ModelEntry) -> tuple[SegmentClass, ...]:
    """The classes of a model as the scene takes them; those without a color get one of the palette."""
    found = []
    for index, item in enumerate(model.classes):
        color = item.color or PALETTE[index % len(PALETTE)]
        found.append(SegmentClass(item.value, item.name, tuple(color), item.terminology))
    return tuple(found)


def modelHtml(model: ModelEntry) -> str:
    """Classes with their colors, when it was made and from what, and how good it is, as rich text."""
    if model.summary is None:
        return f"<span style='color:#d0342c'>{html.escape(str(model.problem))}</span>"
    classes = " ".join(_classHtml(item) for item in classesOf(model))
    return f"{classes}<br>{html.escape(_originText(model.summary))}"


def _classHtml(item: SegmentClass) -> str:
    red, green, blue = item.color
    return f"<span style='color:#{red:02x}{green:02x}{blue:02x}'>■</span>&nbsp;{html.escape(item.name)}"


def _originText(model: ModelSummary) -> str:
    made = _("Made {date} from {count} labels, preset {preset}.")
    if model.labeledCases == 1:
        made = _("Made {date} from 1 label, preset {preset}.")
    made = made.format(date=model.created[:10], count=model.labeledCases, preset=model.preset)
    if model.dice is None:
        return _("{made} Not measured on validation cases.").format(made=made)
    return _("{made} Validation Dice {dice}.").format(made=made, dice=f"{model.dice:.2f}")
