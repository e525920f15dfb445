"""Slicer's terminology selector: which coded term a class stands for."""

from __future__ import annotations

import qt
import slicer

from ..i18n import _
from ..scene import DEFAULT_TERMINOLOGY

WIDTH, HEIGHT = 620, 480


def isAvailable() -> bool:
    """Whether this Slicer has the selector."""
    return hasattr(slicer, "qSlicerTerminologyNavigatorWidget")


def chooseTerminology(title: str, terminology: str) -> tuple[str, str] | None:
    """Ask for a term; gives Slicer's serialized entry and the name of the term, None after Cancel."""
    logic = slicer.vtkSlicerTerminologiesModuleLogic
    entry = slicer.vtkSlicerTerminologyEntry()
    logic.DeserializeTerminologyEntry(terminology or DEFAULT_TERMINOLOGY, entry)
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.windowTitle = title
    dialog.resize(WIDTH, HEIGHT)
    navigator = slicer.qSlicerTerminologyNavigatorWidget()
    navigator.overrideSectionVisible = False
    navigator.setTerminologyEntry(entry)
    buttons = qt.QDialogButtonBox()
    select = buttons.addButton(_("Select"), qt.QDialogButtonBox.AcceptRole)
    buttons.addButton(_("Cancel"), qt.QDialogButtonBox.RejectRole)
    layout = qt.QVBoxLayout(dialog)
    layout.addWidget(navigator)
    layout.addWidget(buttons)
    navigator.connect("selectionValidityChanged(bool)", select.setEnabled)
    buttons.connect("accepted()", dialog.accept)
    buttons.connect("rejected()", dialog.reject)
    accepted = dialog.exec_() == qt.QDialog.Accepted
    found = slicer.vtkSlicerTerminologyEntry()
    accepted = accepted and navigator.terminologyEntry(found)
    name = navigator.nameFromTerminology(found) if accepted else ""
    dialog.deleteLater()
    return (logic.SerializeTerminologyEntry(found), name) if accepted else None
