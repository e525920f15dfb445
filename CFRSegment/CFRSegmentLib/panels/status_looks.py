"""How the statuses of cases look: a word, a shape and a color each; none is told by its color alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import qt

from ..cohort import Status
from ..i18n import _

SIZE = 32  # drawn larger than shown, for screens of high resolution
GREEN, BLUE, ORANGE, RED, GRAY = "#2e9d4c", "#2f7fd1", "#e08a00", "#d0342c", "#8a8f98"
COLORS = {
    Status.UNLABELED: GRAY,
    Status.LABELED: GREEN,
    Status.PSEUDO_LABELED: ORANGE,
    Status.ACCEPTED: GREEN,
    Status.CORRECTED: BLUE,
    Status.REJECTED: RED,
    Status.FAILED: RED,
}


@cache
def statusText(status: Status) -> str:
    """The status as people read it."""
    return {
        Status.UNLABELED: _("Unlabeled"),
        Status.LABELED: _("Labeled"),
        Status.PSEUDO_LABELED: _("Pseudo-labeled"),
        Status.ACCEPTED: _("Accepted"),
        Status.CORRECTED: _("Corrected"),
        Status.REJECTED: _("Rejected"),
        Status.FAILED: _("Unreadable"),
    }[status]


@cache
def statusHelp(status: Status) -> str:
    """What the status means for the next training."""
    return {
        Status.UNLABELED: _("No label yet. It trains without a label."),
        Status.LABELED: _("Labeled by hand. It trains with this label."),
        Status.PSEUDO_LABELED: _("Labeled by the last training and waiting for your review."),
        Status.ACCEPTED: _("Its pseudo-label was accepted and trains as its label."),
        Status.CORRECTED: _("Its pseudo-label was corrected by hand. It trains with the corrected label."),
        Status.REJECTED: _("Its pseudo-label was rejected. It does not train until it is labeled."),
        Status.FAILED: _("The volume cannot be used. It does not train."),
    }[status]


def statusColor(status: Status) -> qt.QColor:
    """The color of the status, readable on light and dark."""
    return qt.QColor(COLORS[status])


def statusIcon(status: Status) -> qt.QIcon:
    """The shape of the status in its color; in a selected row on white, for blue on blue is not seen."""
    icon = qt.QIcon(_picture(status, qt.QColor(0, 0, 0, 0)))
    icon.addPixmap(_picture(status, qt.QColor("white")), qt.QIcon.Selected)
    return icon


def _picture(status: Status, background: qt.QColor) -> qt.QPixmap:
    pixmap = qt.QPixmap(SIZE, SIZE)
    pixmap.fill(background)
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing, True)
    color = statusColor(status)
    pen = qt.QPen(color)
    pen.setWidthF(SIZE / 8)
    painter.setPen(pen)
    painter.setBrush(qt.QBrush(qt.Qt.NoBrush))
    _SHAPES[status](painter, color)
    painter.end()
    return pixmap


def _ring(painter: qt.QPainter, _color: qt.QColor) -> None:
    painter.drawEllipse(5, 5, 22, 22)


def _disc(painter: qt.QPainter, color: qt.QColor) -> None:
    painter.setBrush(qt.QBrush(color))
    painter.drawEllipse(5, 5, 22, 22)


def _halfDisc(painter: qt.QPainter, color: qt.QColor) -> None:
    painter.drawEllipse(5, 5, 22, 22)
    painter.setBrush(qt.QBrush(color))
    painter.drawChord(5, 5, 22, 22, 90 * 16, 180 * 16)


def _tick(painter: qt.QPainter, _color: qt.QColor) -> None:
    painter.drawLine(5, 17, 13, 25)
    painter.drawLine(13, 25, 27, 7)


def _diamond(painter: qt.QPainter, color: qt.QColor) -> None:
    painter.setBrush(qt.QBrush(color))
    painter.translate(SIZE / 2, SIZE / 2)
    painter.rotate(45)
    painter.drawRect(-8, -8, 16, 16)


def _cross(painter: qt.QPainter, _color: qt.QColor) -> None:
    painter.drawLine(7, 7, 25, 25)
    painter.drawLine(25, 7, 7, 25)


def _bar(painter: qt.QPainter, color: qt.QColor) -> None:
    painter.drawEllipse(4, 4, 24, 24)
    painter.setBrush(qt.QBrush(color))
    painter.drawRect(10, 15, 12, 2)


_SHAPES: dict[Status, Callable[[qt.QPainter, qt.QColor], None]] = {
    Status.UNLABELED: _ring,
    Status.LABELED: _disc,
    Status.PSEUDO_LABELED: _halfDisc,
    Status.ACCEPTED: _tick,
    Status.CORRECTED: _diamond,
    Status.REJECTED: _cross,
    Status.FAILED: _bar,
}
