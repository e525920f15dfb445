"""The parts of the CFRSegment module: cohort, engine, scene, setup, panels.

Importing this package makes the engine's package `CFRTrain` importable; the viewer uses from it only what
needs the standard library.
"""

from .engine_path import makeEngineImportable

makeEngineImportable()
