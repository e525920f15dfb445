"""Series of the DICOM database are listed without patients, and terminology is readable."""

from __future__ import annotations

import numpy as np
import pytest

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.scene import (
    DEFAULT_TERMINOLOGY,
    describeTerminology,
    dicomSeries,
    loadDicomSeries,
    serializeTerminology,
)
from Testing.module.scenes import HEART, add_volume, ijk_to_ras, random_image, slicer

FILES = {
    "1.1": {"0008,0060": "MR", "0008,103E": "T1 axial", "0008,0020": "20240131", "0010,0010": "DOE^JOHN"},
    "1.2": {"0008,0060": "SEG", "0008,103E": "Segmentation", "0008,0020": "20240131"},
    "2.1": {"0008,0060": "CT", "0008,103E": "", "0008,0020": "20251231", "0010,0020": "4711"},
    "2.2": {},
}


class Database:
    """The calls of ctkDICOMDatabase that are used; `isOpen` is a property there."""

    isOpen = True
    asked: list[str] = []

    def patients(self):
        return ("7", "8")

    def studiesForPatient(self, patient):
        return {"7": ("s1",), "8": ("s2",)}[patient]

    def seriesForStudy(self, study):
        return {"s1": ("1.1", "1.2"), "s2": ("2.1", "2.2")}[study]

    def filesForSeries(self, uid):
        return tuple(f"{uid}/{n}" for n in range(3)) if FILES[uid] else ()

    def fileValue(self, file, tag):
        self.asked.append(tag)
        return FILES[file.split("/")[0]].get(tag, "")


def test_image_series_are_listed_newest_first_without_patients():
    found = dicomSeries(Database())
    assert [(one.uid, one.modality, one.date, one.images) for one in found] == [
        ("2.1", "CT", "2025-12-31", 3),
        ("1.1", "MR", "2024-01-31", 3),
    ]
    assert found[1].description == "T1 axial" and "DOE" not in repr(found)
    assert not any(tag.startswith("0010") for tag in Database.asked)


def test_a_database_that_is_closed_or_missing_has_no_series():
    closed = Database()
    closed.isOpen = False
    assert dicomSeries(closed) == () and dicomSeries() == ()


def test_a_series_is_loaded_with_slicer_s_plugins(scene):
    volume = add_volume(random_image(), ijk_to_ras(np.eye(3), (1, 1, 1)))
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    assert loadDicomSeries("1.1", lambda uids: [model.GetID(), volume.GetID()]) == (volume,)
    with pytest.raises(CohortError, match="DICOM module"):
        loadDicomSeries("1.1", lambda uids: [])


def test_terminology_is_read_by_slicer_and_by_people(slicer_core):
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer_core.logics["Terminologies"]
    assert logic.DeserializeTerminologyEntry(HEART, entry)
    assert entry.GetTypeObject().GetCodeValue() == "80891009"
    assert entry.GetCategoryObject().GetCodeMeaning() == "Anatomical Structure"
    assert describeTerminology(HEART) == "Anatomical Structure, Heart"
    assert describeTerminology(DEFAULT_TERMINOLOGY) == "Tissue, Tissue"
    assert describeTerminology("") == describeTerminology("a~b") == ""


def test_codes_cannot_break_the_entry():
    with pytest.raises(ValueError):
        serializeTerminology(("SCT", "1", "a~b"), ("SCT", "2", "c"))
