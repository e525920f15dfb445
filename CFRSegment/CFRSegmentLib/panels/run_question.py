"""The one question when Slicer closes during a training: stop it, leave it running, or stay."""

from __future__ import annotations

from enum import StrEnum

import qt

from ..i18n import _
from .question_box import ask


class Answer(StrEnum):
    """What becomes of a training when Slicer closes."""

    LEAVE = "leave"
    STOP = "stop"
    STAY = "stay"


def askAboutRun() -> Answer:
    """Ask what becomes of the training that is under way."""
    more = _(
        "It can go on without Slicer; open the cohort again to follow it. Or stop it: it keeps a checkpoint "
        "and can be resumed."
    )
    choices = (
        (_("Leave running"), qt.QMessageBox.AcceptRole),
        (_("Stop training"), qt.QMessageBox.DestructiveRole),
        (_("Do not close"), qt.QMessageBox.RejectRole),
    )
    icon, title = qt.QMessageBox.Question, _("Training is running")
    pressed = ask(icon, title, _("A training of CFRSegment is running."), more, choices)
    return (Answer.LEAVE, Answer.STOP, Answer.STAY)[pressed]
