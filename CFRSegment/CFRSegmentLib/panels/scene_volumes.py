"""Volumes of the scene and of the DICOM database become cases."""

from __future__ import annotations

import uuid
from pathlib import Path

import slicer

from .. import scene
from ..cohort import Case, Cohort, CohortError, Origin
from ..scene import DicomSeries
from .case_titles import freeTitle, seriesTitle

ORIGIN_ATTRIBUTE = "CFRSegment.Origin"
INSTANCES_ATTRIBUTE = "DICOM.instanceUIDs"
SERIES_UID_TAG = "0020,000E"


def addSceneVolume(cohort: Cohort, volumeNode: slicer.vtkMRMLScalarVolumeNode, title: str = "") -> Case:
    """Make a volume of the scene a case; the same volume, its file or its DICOM series twice is one case.

    Its voxels are copied into the cohort in the volume's own coordinates, without a parent transform; the
    node becomes the image of the case. Raises CohortError for what cannot be a case.
    """
    problem = scene.volumeProblem(volumeNode)
    if problem is not None:
        raise problem
    origin = originOf(volumeNode)
    known = cohort.findOrigin(origin)
    if known is not None and known.image is not None:
        return known
    image = cohort.newImageFile()
    try:
        scene.exportVolume(volumeNode, image)
        name = freeTitle(title or volumeNode.GetName(), None, cohort)
        case = cohort.addCase(origin, name, image, _modality(volumeNode))
    finally:
        image.unlink(missing_ok=True)
    scene.adoptVolume(volumeNode, case.id)
    return case


def addDicomSeries(cohort: Cohort, series: DicomSeries) -> Case:
    """Make a series of the DICOM database a case; it is loaded, copied, and taken out of the scene again.

    One that cannot be a case becomes a row with the reason. Raises CohortError where the cohort cannot be
    written to.
    """
    origin, title = Origin("dicom", series.uid), seriesTitle(series.description, "")
    known = cohort.findOrigin(origin)
    if known is not None and known.image is not None:
        return known
    image = cohort.newImageFile()
    try:
        with scene.viewsKept(), scene.temporaryNodes():
            volumeNode = scene.loadDicomSeries(series.uid)[0]
            scene.exportVolume(volumeNode, image)
        return cohort.addCase(origin, freeTitle(title, None, cohort), image, series.modality)
    except CohortError as error:
        if error.code in ("read_only", "disk_full", "not_written"):
            raise
        return cohort.addFailure(origin, title, str(error))
    finally:
        image.unlink(missing_ok=True)


def originOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Origin:
    """Where a volume of the scene came from: its DICOM series, its unchanged file, or the node itself."""
    series = _seriesOf(volumeNode)
    if series:
        return Origin("dicom", series)
    storage = volumeNode.GetStorageNode()
    file = storage.GetFileName() if storage is not None else None
    if file and Path(file).is_file() and not volumeNode.GetModifiedSinceRead():
        return Origin("file", file)
    if not volumeNode.GetAttribute(ORIGIN_ATTRIBUTE):
        volumeNode.SetAttribute(ORIGIN_ATTRIBUTE, uuid.uuid4().hex)  # saved with the scene
    return Origin("scene", volumeNode.GetAttribute(ORIGIN_ATTRIBUTE))


def _seriesOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str:
    """The series UID of a volume that was loaded from the DICOM database; empty for others."""
    instances = (volumeNode.GetAttribute(INSTANCES_ATTRIBUTE) or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    if not instances or database is None or not database.isOpen:
        return ""
    return database.instanceValue(instances[0], SERIES_UID_TAG) or ""


def _modality(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str:
    """The DICOM modality of a volume, from its place in the subject hierarchy; empty where it has none."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = tree.GetItemByDataNode(volumeNode)
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    return tree.GetItemAttribute(item, name) or ""
