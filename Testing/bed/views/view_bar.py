"""The colored bar above a view."""

from __future__ import annotations

from typing import Any

from PySide6 import QtGui, QtWidgets


class ViewBar(QtWidgets.QFrame):
    """The letter of a view on the view's color; controllers add their own widgets to the right."""

    def __init__(self, node: Any, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        color = QtGui.QColor.fromRgbF(*node.GetLayoutColor()).name()
        self.setFixedHeight(22)
        label = QtWidgets.QLabel(node.GetLayoutLabel())
        label.setStyleSheet(f"background: {color}; color: black; font-weight: bold; padding: 0 6px;")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.addWidget(label)
        self.setStyleSheet(f"ViewBar {{ border-bottom: 3px solid {color}; }}")
