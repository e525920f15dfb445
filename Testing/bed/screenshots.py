"""Pictures of what is really on the screen, views of VTK and open menus included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6 import QtGui, QtWidgets

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events


class EmptyPictureError(AssertionError):
    """A screenshot of one color only: nothing was drawn."""


def screenshot(path: Path, widget: Any = None) -> Path:
    """Write the screen, or the part of it where `widget` (raw or proxy) is, as PNG; returns `path`."""
    process_events()
    picture = grab(widget)
    if _is_one_color(picture):
        raise EmptyPictureError(f"The screenshot {path.name} shows one color only.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(path), "PNG"):
        raise OSError(f"The screenshot could not be written to {path}.")
    return path


def grab(widget: Any = None) -> QtGui.QImage:
    """The pixels of the screen, or of the part where `widget` is."""
    raw = unwrap(widget)
    screen = QtGui.QGuiApplication.primaryScreen()
    if raw is None:
        return screen.grabWindow(0).toImage()
    if QtWidgets.QApplication.platformName() != "xcb":
        return raw.grab().toImage()
    corner = raw.mapToGlobal(raw.rect().topLeft())
    return screen.grabWindow(0, corner.x(), corner.y(), raw.width(), raw.height()).toImage()


def _is_one_color(picture: QtGui.QImage) -> bool:
    small = picture.scaled(64, 64)
    colors = {small.pixel(x, y) for x in range(small.width()) for y in range(small.height())}
    return len(colors) < 2
