"""`slicer.dicomDatabase` and `DICOMLib.DICOMUtils` on folders of DICOM files, read with SimpleITK."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore

from Testing.bed.pythonqt import unwrap

PATIENT_NAME, PATIENT_ID, STUDY_UID = "0010,0010", "0010,0020", "0020,000D"
SERIES_UID, INSTANCE_UID = "0020,000E", "0008,0018"
SERIES_NUMBER, SERIES_DESCRIPTION, STUDY_DESCRIPTION = "0020,0011", "0008,103E", "0008,1030"


@dataclass
class _Series:
    """Files of one series and what the first of them says."""

    tags: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)  # instance UID -> path


class ctkDICOMDatabase(QtCore.QObject):
    """Patients, studies and series of the files that were imported; tags are written as '0010,0010'."""

    databaseChanged = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self._series: dict[str, _Series] = {}
        self._open = True

    isOpen = QtCore.Property(bool, lambda self: self._open)

    def closeDatabase(self) -> None:
        """Close it; `isOpen` is false then."""
        self._open = False

    def import_folder(self, folder: Path) -> int:
        """Add every DICOM file below a folder; returns how many there are."""
        count = 0
        for path in sorted(item for item in Path(folder).rglob("*") if item.is_file()):
            tags = read_tags(path)
            if tags.get(SERIES_UID):
                series = self._series.setdefault(tags[SERIES_UID], _Series(tags))
                series.files[tags.get(INSTANCE_UID, str(path))] = str(path)
                count += 1
        self.databaseChanged.emit()
        return count

    def _distinct(self, tag: str, **wanted: str) -> list[str]:
        found = [item.tags.get(tag, "") for item in self._series.values() if _matches(item, wanted)]
        return list(dict.fromkeys(found))

    def patients(self) -> list[str]:
        """Patients; here the patient's ID serves as the database's own number."""
        return self._distinct(PATIENT_ID)

    def studiesForPatient(self, patient: str) -> list[str]:
        """UIDs of a patient's studies."""
        return self._distinct(STUDY_UID, **{PATIENT_ID: patient})

    def seriesForStudy(self, study: str) -> list[str]:
        """UIDs of a study's series."""
        return [uid for uid, item in self._series.items() if item.tags.get(STUDY_UID) == study]

    def filesForSeries(self, uid: str, _limit: int = -1) -> list[str]:
        """Files of a series."""
        return list(self._series[uid].files.values()) if uid in self._series else []

    def instancesForSeries(self, uid: str, _limit: int = -1) -> list[str]:
        """UIDs of a series' instances."""
        return list(self._series[uid].files) if uid in self._series else []

    def fileForInstance(self, instance: str) -> str:
        """The file of an instance, or an empty text."""
        return next((item.files[instance] for item in self._series.values() if instance in item.files), "")

    def fileValue(self, path: str, tag: str) -> str:
        """A tag of a file, or an empty text."""
        return read_tags(Path(path)).get(tag.upper(), "")

    def instanceValue(self, instance: str, tag: str) -> str:
        """A tag of an instance, or an empty text."""
        path = self.fileForInstance(instance)
        return self.fileValue(path, tag) if path else ""

    def _value(self, uid: str, tag: str) -> str:
        return self._series[uid].tags.get(tag, "") if uid in self._series else ""

    def descriptionForSeries(self, uid: str) -> str:
        return self._value(uid, SERIES_DESCRIPTION)

    def studyForSeries(self, uid: str) -> str:
        return self._value(uid, STUDY_UID)

    def patientForStudy(self, study: str) -> str:
        series = self.seriesForStudy(study)
        return self._value(series[0], PATIENT_ID) if series else ""

    def descriptionForStudy(self, study: str) -> str:
        series = self.seriesForStudy(study)
        return self._value(series[0], STUDY_DESCRIPTION) if series else ""

    def nameForPatient(self, patient: str) -> str:
        return next(iter(self._distinct(PATIENT_NAME, **{PATIENT_ID: patient})), "")


def _matches(series: _Series, wanted: dict[str, str]) -> bool:
    return all(series.tags.get(tag) == value for tag, value in wanted.items())


def read_tags(path: Path) -> dict[str, str]:
    """The tags of a file as {'0010,0010': text}; empty for files that are not DICOM."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return {}
    keys = reader.GetMetaDataKeys()
    return {key.replace("|", ",").upper(): reader.GetMetaData(key).strip() for key in keys}


def load_series(uids: list[str]) -> list[str]:
    """Load series as volumes, named and filed by patient and study as Slicer does; returns node ids."""
    database = slicer.dicomDatabase
    loaded = []
    for uid in uids:
        files = list(database.filesForSeries(uid))
        if not files:
            continue
        number = database.fileValue(files[0], SERIES_NUMBER) or "1"
        name = f"{number}: {database.descriptionForSeries(uid) or 'No description'}"
        properties = {"name": name, "fileNames": files, "show": True}
        node = slicer.util.loadVolume(files[0], properties)
        node.SetAttribute("DICOM.instanceUIDs", " ".join(database.instancesForSeries(uid)))
        _file_under_study(node, uid)
        loaded.append(node.GetID())
    return loaded


def _file_under_study(node: Any, uid: str) -> None:
    hierarchy, database = slicer.mrmlScene.GetSubjectHierarchyNode(), slicer.dicomDatabase
    study = database.studyForSeries(uid)
    patient = database.patientForStudy(study)
    parent = hierarchy.GetSceneItemID()
    names = ((database.nameForPatient(patient), "Patient"), (database.descriptionForStudy(study), "Study"))
    for (name, level), identity in zip(names, (patient, study), strict=True):
        item = hierarchy.GetItemByUID("DICOM", identity)
        if not item:
            item = hierarchy.CreateHierarchyItem(parent, name or level, level)
            hierarchy.SetItemUID(item, "DICOM", identity)
        parent = item
    item = hierarchy.GetItemByDataNode(node)
    hierarchy.SetItemParent(item, parent)
    hierarchy.SetItemUID(item, "DICOM", uid)


def python_modules() -> dict[str, types.ModuleType]:
    """`DICOMLib` with the functions of DICOMUtils that are offered here."""
    library, utilities = types.ModuleType("DICOMLib"), types.ModuleType("DICOMLib.DICOMUtils")
    utilities.loadSeriesByUID = load_series
    utilities.importDicom = lambda folder, *_: unwrap(slicer.dicomDatabase).import_folder(Path(folder))
    library.DICOMUtils = utilities
    return {"DICOMLib": library, "DICOMLib.DICOMUtils": utilities}
