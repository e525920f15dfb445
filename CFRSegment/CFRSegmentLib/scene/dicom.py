"""The series of Slicer's DICOM database, without names and numbers of patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import slicer

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _

MODALITY, DESCRIPTION, STUDY_DATE = "0008,0060", "0008,103E", "0008,0020"
NO_IMAGES = {"SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "REG", "DOC", "ECG", "AU"}


@dataclass(frozen=True)
class DicomSeries:
    """One image series; `uid` is known to the cohort's owner only, never to a run."""

    uid: str
    description: str
    modality: str
    date: str  # of the study, as 2026-11-21, empty when the database has none
    images: int


def dicomSeries(database: Any = None) -> tuple[DicomSeries, ...]:
    """Image series of the database (by default slicer.dicomDatabase), newest first; none when it is closed.

    Only the first file of each series is asked, for nothing that says who the patient is.
    """
    database = database if database is not None else getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        return ()
    found = [
        _series(database, uid)
        for patient in database.patients()
        for study in database.studiesForPatient(patient)
        for uid in database.seriesForStudy(study)
    ]
    images = [series for series in found if series.images and series.modality not in NO_IMAGES]
    return tuple(sorted(images, key=lambda series: series.date, reverse=True))


def loadDicomSeries(
    uid: str, load: Callable[[Sequence[str]], Sequence[str]] | None = None
) -> tuple[slicer.vtkMRMLVolumeNode, ...]:
    """Load one series with Slicer's DICOM plugins (`load` takes series UIDs and gives node IDs).

    Raises CohortError (dicom_not_loaded); volumes that cannot be cases are for the caller to check.
    """
    nodes = [slicer.mrmlScene.GetNodeByID(nodeId) for nodeId in (load or _loadWithSlicer)([uid])]
    volumes = tuple(node for node in nodes if node is not None and node.IsA("vtkMRMLVolumeNode"))
    if not volumes:
        raise CohortError(
            "dicom_not_loaded",
            _("The DICOM series could not be loaded as a volume."),
            _("Load it in the DICOM module, which shows the reason, and add the volume from the scene."),
        )
    return volumes


def _series(database: Any, uid: str) -> DicomSeries:
    files = database.filesForSeries(uid)
    value = (lambda tag: database.fileValue(files[0], tag)) if files else (lambda tag: "")
    return DicomSeries(uid, value(DESCRIPTION), value(MODALITY), _isoDate(value(STUDY_DATE)), len(files))


def _isoDate(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else ""


def _loadWithSlicer(uids: Sequence[str]) -> Sequence[str]:
    from DICOMLib import DICOMUtils

    return DICOMUtils.loadSeriesByUID(list(uids))
