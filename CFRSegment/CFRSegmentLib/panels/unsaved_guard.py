"""The one question about unsaved edits: save, discard, or stay."""

from __future__ import annotations

from enum import StrEnum

import qt

from ..i18n import _
from .question_box import ask


class Answer(StrEnum):
    """What the user wants to become of unsaved edits."""

    SAVE = "save"
    DISCARD = "discard"
    STAY = "stay"


def askAboutEdits(title: str, canStay: bool = True) -> Answer:
    """Ask about the unsaved edits of the case `title`. Without `canStay` the scene is about to go."""
    text = _("The label of {case} has changes that are not saved.").format(case=title)
    choices = [
        (_("Save label"), qt.QMessageBox.AcceptRole),
        (_("Discard changes"), qt.QMessageBox.DestructiveRole),
    ]
    more, escape = _("The scene is being closed: what is not saved now is lost."), 0
    if canStay:
        choices.append((_("Stay"), qt.QMessageBox.RejectRole))
        more, escape = "", 2
    pressed = ask(qt.QMessageBox.Warning, _("Unsaved label"), text, more, choices, escape)
    return (Answer.SAVE, Answer.DISCARD, Answer.STAY)[pressed]
