"""The .ui files of the panels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

RESOURCES = Path(__file__).resolve().parents[2] / "Resources"


def resource(name: str) -> str:
    """The path of a file in the module's Resources folder, as `Icons/CFRSegment.png`."""
    return str(RESOURCES / name)


def loadPanelUi(name: str, parent: Any) -> Any:
    """Load Resources/UI/<name>.ui into the layout of `parent`; gives its widgets by name, the top one as
    `top`.
    """
    widget = slicer.util.loadUI(resource(f"UI/{name}.ui"))
    parent.layout().addWidget(widget)
    if hasattr(widget, "setMRMLScene"):
        widget.setMRMLScene(slicer.mrmlScene)
    ui = slicer.util.childWidgetVariables(widget)
    ui.top = widget
    return ui
