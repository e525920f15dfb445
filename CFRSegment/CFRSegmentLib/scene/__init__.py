"""Between the cohort's files and the MRML scene: volumes, segmentations, what is shown.

Slicer's libraries, vtk and numpy only; no Qt. Arrays are (k, j, i), that is z, y, x. Files of the cohort are
read and written outside the scene's own storage: Slicer's Save never writes into the cohort, and a saved
scene keeps its own copy of what it shows. What a user can act on is a CohortError: what happened, what to do.
"""

from CFRSegmentLib.scene.cleanup import removeCaseNodes, temporaryNodes
from CFRSegmentLib.scene.dicom import DicomSeries, dicomSeries, loadDicomSeries
from CFRSegmentLib.scene.hierarchy import caseFolder, placeBeside, placeInFolder
from CFRSegmentLib.scene.node_roles import (
    Role,
    caseIdOf,
    caseNode,
    caseNodes,
    isInScene,
    markNode,
    requireInScene,
    roleOf,
)
from CFRSegmentLib.scene.results import importResult
from CFRSegmentLib.scene.review_nodes import (
    hideUncertainty,
    loadPseudoLabel,
    showUncertainty,
    uncertaintyColor,
)
from CFRSegmentLib.scene.segmentation_files import (
    SaveReport,
    changedVoxels,
    loadSegmentation,
    saveSegmentation,
)
from CFRSegmentLib.scene.segmentations import applyClasses, createSegmentation
from CFRSegmentLib.scene.terminology import DEFAULT_TERMINOLOGY, describeTerminology, serializeTerminology
from CFRSegmentLib.scene.views import showPoint, showSegmentation, showVolume, viewsKept
from CFRSegmentLib.scene.volumes import (
    Candidate,
    adoptVolume,
    candidateVolumes,
    exportVolume,
    loadVolume,
    volumeProblem,
)

__all__ = [
    "DEFAULT_TERMINOLOGY",
    "Candidate",
    "DicomSeries",
    "Role",
    "SaveReport",
    "adoptVolume",
    "applyClasses",
    "candidateVolumes",
    "caseFolder",
    "caseIdOf",
    "caseNode",
    "caseNodes",
    "changedVoxels",
    "createSegmentation",
    "describeTerminology",
    "dicomSeries",
    "exportVolume",
    "hideUncertainty",
    "importResult",
    "isInScene",
    "loadDicomSeries",
    "loadPseudoLabel",
    "loadSegmentation",
    "loadVolume",
    "markNode",
    "placeBeside",
    "placeInFolder",
    "removeCaseNodes",
    "requireInScene",
    "roleOf",
    "saveSegmentation",
    "serializeTerminology",
    "showPoint",
    "showSegmentation",
    "showUncertainty",
    "showVolume",
    "temporaryNodes",
    "uncertaintyColor",
    "viewsKept",
    "volumeProblem",
]
