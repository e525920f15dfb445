"""The one question when Slicer closes during a training: stop it, leave it running, or stay."""

from __future__ import annotations

from enum import StrEnum

import qt
import slicer

from ..i18n import _


class Answer(StrEnum):
    """What becomes of a training when Slicer closes."""

    LEAVE = "leave"
    STOP = "stop"
    STAY = "stay"


def askAboutRun() -> Answer:
    """Ask what becomes of the training that is under way."""
    box = qt.QMessageBox(slicer.util.mainWindow())
    box.setIcon(qt.QMessageBox.Question)
    box.windowTitle = _("Training is running")
    box.text = _("A training of CFRSegment is running.")
    box.informativeText = _(
        "It can go on without Slicer; open the cohort again to follow it. Or stop it: it keeps a checkpoint "
        "and can be resumed."
    )
    leave = box.addButton(_("Leave running"), qt.QMessageBox.AcceptRole)
    stop = box.addButton(_("Stop training"), qt.QMessageBox.DestructiveRole)
    box.setEscapeButton(box.addButton(_("Do not close"), qt.QMessageBox.RejectRole))
    box.setDefaultButton(leave)
    box.exec_()
    clicked = box.clickedButton()
    box.deleteLater()
    if clicked == leave:
        return Answer.LEAVE
    return Answer.STOP if clicked == stop else Answer.STAY
