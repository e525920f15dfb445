"""A test bed for scripted modules of 3D Slicer: Slicer's core libraries, and stand-ins for its application.

The scene, the segmentations, the module logics, the displayable managers and the storage nodes are Slicer's
own, from the slicer-core wheel. Qt comes from PySide6, with PythonQt's conventions on top (`pythonqt`).
Written here are the application object, the main window, the widgets of ctk and qMRML, the Segment Editor and
the base classes of scripted modules. So a module that works here was tested on Slicer's core libraries in a
test bed, not in Slicer.

    from Testing.bed import startBed

    bed = startBed()
    widget = bed.loadModule("CFRSegment/CFRSegment.py")

Rooms: `pythonqt` (qt), `ctk` (ctk), `mrml_widgets` and `segment_editor` (widgets on the scene), `views`
(slice and 3D views, layouts), `parameter_nodes` (parameterNodeWrapper). `display`, `qt_application`,
`watchdog`, `waiting`, `screenshots` and `pytest_plugin` serve tests with real windows.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Bed", "leave", "startBed"]


def __getattr__(name: str) -> Any:
    """Import slicer and Qt only when the bed is really started."""
    if name in __all__:
        from Testing.bed import bed

        return getattr(bed, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
