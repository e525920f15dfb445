"""The one question about unsaved edits: save, discard, or stay."""

from __future__ import annotations

from enum import StrEnum

import qt
import slicer

from ..i18n import _


class Answer(StrEnum):
    """What the user wants to become of unsaved edits."""

    SAVE = "save"
    DISCARD = "discard"
    STAY = "stay"


def askAboutEdits(title: str, canStay: bool = True) -> Answer:
    """Ask about the unsaved edits of the case `title`. Without `canStay` the scene is about to go."""
    box = qt.QMessageBox(slicer.util.mainWindow())
    box.setIcon(qt.QMessageBox.Warning)
    box.windowTitle = _("Unsaved label")
    box.text = _("The label of {case} has changes that are not saved.").format(case=title)
    save = box.addButton(_("Save label"), qt.QMessageBox.AcceptRole)
    discard = box.addButton(_("Discard changes"), qt.QMessageBox.DestructiveRole)
    box.setDefaultButton(save)
    if canStay:
        box.setEscapeButton(box.addButton(_("Stay"), qt.QMessageBox.RejectRole))
    else:
        box.informativeText = _("The scene is being closed: what is not saved now is lost.")
        box.setEscapeButton(save)
    box.exec_()
    clicked = box.clickedButton()
    box.deleteLater()
    if clicked == save:
        return Answer.SAVE
    return Answer.DISCARD if clicked == discard else Answer.STAY
