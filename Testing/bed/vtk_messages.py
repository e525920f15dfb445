"""Errors and warnings of VTK and MRML, which Slicer writes into its log, go to Python's logging."""

from __future__ import annotations

import logging

import vtk

LOGGER = logging.getLogger("slicer.vtk")
LEVELS = {"ErrorEvent": logging.ERROR, "WarningEvent": logging.WARNING}


def log_vtk_messages() -> None:
    """Send them to the logger `slicer.vtk`, each once, instead of to the terminal, twice."""
    window = vtk.vtkOutputWindow.GetInstance()
    if getattr(window, "logged_by_the_bed", False):
        return
    window.logged_by_the_bed = True
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    window.SetDisplayModeToNever()
    for event, level in LEVELS.items():
        window.AddObserver(event, _observer(level))


def _observer(level: int):
    @vtk.calldata_type(vtk.VTK_STRING)
    def observer(_window: vtk.vtkOutputWindow, _event: str, text: str) -> None:
        LOGGER.log(level, text.strip())

    return observer
