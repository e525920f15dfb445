"""The review log in the panel: who decided what, and when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import qt

from ..cohort import ReviewRecord
from ..i18n import _

TIME, ALIAS, CASE, ACTION, CHANGED = range(5)


def actionText(action: str) -> str:
    """What was done, as people read it."""
    return {
        "label": _("Labeled"),
        "accept": _("Accepted"),
        "correct": _("Corrected"),
        "reject": _("Rejected"),
        "reopen": _("Opened again"),
        "undo": _("Undone"),
    }.get(action, action)


class ReviewHistory:
    """Shows records in a tree view, the newest first."""

    def __init__(self, view: qt.QTreeView) -> None:
        self._view = view
        self._shown: object = None
        self._model = qt.QStandardItemModel(0, 5)
        self._model.setHorizontalHeaderLabels([_("Time"), _("Who"), _("Case"), _("Action"), _("Changed")])
        view.setModel(self._model)
        header = view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(CASE, qt.QHeaderView.Stretch)
        widest = {TIME: "2000-00-00", ALIAS: "initials", ACTION: _("Opened again")}
        for column, text in {**widest, CHANGED: _("Changed")}.items():
            header.resizeSection(column, view.fontMetrics().boundingRect(text).width() + 16)

    def show(self, records: Sequence[ReviewRecord], titles: Mapping[str, str]) -> None:
        """Show these records; `titles` names the cases that are still there."""
        now = tuple(records), tuple(titles.items())
        if now == self._shown:
            return
        self._shown = now
        self._model.setRowCount(0)
        for row, record in enumerate(records):
            for column, text in enumerate(_texts(record, titles)):
                item = qt.QStandardItem(text)
                item.setToolTip(_toolTip(record))
                self._model.setItem(row, column, item)


def _texts(record: ReviewRecord, titles: Mapping[str, str]) -> tuple[str, ...]:
    changed = "" if record.changedVoxels is None else str(record.changedVoxels)
    title = titles.get(record.case, record.case)
    return _timeText(record.time), record.alias, title, actionText(record.action), changed


def _timeText(time: str) -> str:
    """The time of day for today, else the day."""
    try:
        local = datetime.datetime.fromisoformat(time).astimezone()
    except ValueError:
        return time
    isToday = local.date() == datetime.datetime.now().astimezone().date()
    return f"{local:%H:%M}" if isToday else f"{local:%Y-%m-%d}"


def _toolTip(record: ReviewRecord) -> str:
    lines = [_("Record {number}, case {case}").format(number=record.number, case=record.case), record.time]
    if record.run:
        lines.append(_("Pseudo-label of {run}").format(run=record.run.replace("_", " ")))
    if record.changedVoxels is not None:
        lines.append(_("{count} voxels changed").format(count=record.changedVoxels))
    if record.undoes is not None:
        lines.append(_("Takes record {number} back").format(number=record.undoes))
    return "\n".join(lines)
