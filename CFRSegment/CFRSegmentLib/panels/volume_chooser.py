"""A list of volumes to choose from; those that cannot be used say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import qt
import slicer

from ..i18n import _

WIDTH, HEIGHT = 520, 380


@dataclass(frozen=True)
class Choice:
    """One line; with a `problem` it cannot be chosen. checked: chosen at first."""

    text: str
    problem: str = ""
    checked: bool = False


def chooseVolumes(title: str, choices: Sequence[Choice]) -> tuple[int, ...]:
    """Ask which ones; their indices, none after Cancel."""
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.windowTitle = title
    dialog.resize(WIDTH, HEIGHT)
    view = _listView(choices)
    buttons = qt.QDialogButtonBox()
    add = buttons.addButton(_("Add"), qt.QDialogButtonBox.AcceptRole)
    buttons.addButton(_("Cancel"), qt.QDialogButtonBox.RejectRole)
    layout = qt.QVBoxLayout(dialog)
    layout.addWidget(view)
    layout.addWidget(buttons)

    def onChanged() -> None:
        count = len(_checked(view))
        add.enabled = count > 0
        add.text = _("Add {count}").format(count=count) if count else _("Add")

    view.connect("itemChanged(QListWidgetItem*)", onChanged)
    buttons.connect("accepted()", dialog.accept)
    buttons.connect("rejected()", dialog.reject)
    onChanged()
    accepted = dialog.exec_() == qt.QDialog.Accepted
    chosen = _checked(view) if accepted else ()
    dialog.deleteLater()
    return chosen


def _listView(choices: Sequence[Choice]) -> qt.QListWidget:
    view = qt.QListWidget()
    view.objectName = "volumeList"
    view.alternatingRowColors = True
    view.wordWrap = True
    for choice in choices:
        text = f"{choice.text}\n{choice.problem}" if choice.problem else choice.text
        item = qt.QListWidgetItem(text, view)
        if choice.problem:
            item.setFlags(qt.Qt.NoItemFlags)
            item.setToolTip(choice.problem)
        else:
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Checked if choice.checked else qt.Qt.Unchecked)
    return view


def _checked(view: qt.QListWidget) -> tuple[int, ...]:
    items = [view.item(row) for row in range(view.count)]
    return tuple(row for row, item in enumerate(items) if item.checkState() == qt.Qt.Checked)
