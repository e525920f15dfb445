"""The series of Slicer's DICOM database, without names and numbers of patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import slicer


@dataclass(frozen=True)
class DicomSeries:
    """One image series; `uid` is known to the cohort's owner only, never to a run."""

    uid: str
    description: str
    modality: str
    date: str  # of the study, ISO, empty when the database has none
    images: int


def dicomSeries(database: Any = None) -> tuple[DicomSeries, ...]:
    """Image series of the database (by default slicer.dicomDatabase), newest study first; none when it
    is closed.
    """
    raise NotImplementedError


def loadDicomSeries(
    uid: str, load: Callable[[Sequence[str]], Sequence[str]] | None = None
) -> tuple[slicer.vtkMRMLScalarVolumeNode, ...]:
    """Load one series with Slicer's DICOM plugins (`load` takes series UIDs and gives node IDs).

    Raises CohortError: dicom_not_loaded; volumes that cannot be cases are for the caller to check.
    """
    raise NotImplementedError
