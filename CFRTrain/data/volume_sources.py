"""Which volumes there are under some files and folders: one per volume file, one per DICOM series.

Needs SimpleITK and NumPy alone, so that a viewer can have volumes collected before PyTorch is installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from CFRTrain.data.dicom_elements import check_elements
from CFRTrain.data.dicom_series import in_slice_order, read_header
from CFRTrain.data.file_checks import suffix_of
from CFRTrain.data.file_problems import problem
from CFRTrain.runs.errors import DataError

SEGMENTATION = ".seg.nrrd"
UNSUPPORTED = (".mhd", ".nhdr", ".hdr", ".mgz", ".mgh", ".mnc", ".par", ".nrrd.gz", ".vtk")
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
DICOM_MARK, DICOM_MARK_AT = b"DICM", 128
SERIES_UID, MODALITY, NUMBER, DESCRIPTION = "0020|000e", "0008|0060", "0020|0011", "0008|103e"
# Objects that hold no voxels, by their modality; they often lie beside the images they belong to.
WITHOUT_IMAGE = {
    "RTSTRUCT",
    "RTPLAN",
    "RTRECORD",
    "SR",
    "PR",
    "KO",
    "REG",
    "FID",
    "DOC",
    "PLAN",
    "SEG",
    "RWV",
}
MODALITY_BYTES, VALUE_AT, HEADER_BYTES = b"\x08\x00\x60\x00", 8, 1 << 16
Found = Callable[[int], None]
"""Takes the number of files looked at so far, and may raise to stop."""


@dataclass(frozen=True)
class VolumeSource:
    """One volume to read, or the reason why it cannot be: `error` is set, or else `files`.

    path: the file, or the folder of the series. files: the volume file, or the series' slices in order.
    """

    path: Path
    files: tuple[str, ...] = ()
    error: DataError | None = None
    series_uid: str | None = None
    modality: str | None = None
    series_number: str | None = None
    description: str | None = None

    @property
    def is_dicom(self) -> bool:
        """Whether it is a DICOM series."""
        return self.series_uid is not None


def find_sources(paths: Iterable[Path], found: Found | None = None) -> list[VolumeSource]:
    """Every volume under `paths`, in the order given; folders are searched with all folders inside them.

    In a folder, files that are no volumes are passed over; a file that is named itself never is.
    """
    tell = _Counter(found)
    sources: list[VolumeSource] = []
    slices: list[Path] = []
    for path in paths:
        if path.is_dir():
            for folder, files in _folders(path):
                sources += _in_folder(folder, files, tell)
        elif _is_dicom(path):
            tell()
            slices.append(path)
        else:
            tell()
            sources.append(_file(path) or VolumeSource(path, error=_format(path)))
    return sources + _series(slices, tell)


class _Counter:
    def __init__(self, found: Found | None) -> None:
        self._found, self._count = found, 0

    def __call__(self) -> None:
        self._count += 1
        if self._found is not None:
            self._found(self._count)


def _folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """`root` and the folders inside it, each with its files, sorted; hidden ones are left out."""
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        yield Path(folder), [Path(folder, name) for name in sorted(names) if not name.startswith(".")]


def _in_folder(folder: Path, files: Sequence[Path], tell: _Counter) -> list[VolumeSource]:
    sources, slices = [], []
    for path in files:
        tell()
        if suffix_of(path) or path.name.lower().endswith(UNSUPPORTED):
            found = _file(path)
            sources += [found] if found is not None else []
        elif path.name.upper() != "DICOMDIR" and _is_dicom(path):
            slices.append(path)
    return sources + _series(slices, tell)


def _file(path: Path) -> VolumeSource | None:
    """A volume file as a source; None for a segmentation, which is no image."""
    if path.name.lower().endswith(SEGMENTATION):
        return None
    if suffix_of(path) or not path.is_file():
        return VolumeSource(path, (str(path),))
    return VolumeSource(path, error=_format(path))


def _format(path: Path) -> DataError:
    return problem("format", "The file is of a kind that is not supported.", path.name)


def _is_dicom(path: Path) -> bool:
    """Whether a file says that it is DICOM, by its content or its name."""
    try:
        with path.open("rb") as stream:
            stream.seek(DICOM_MARK_AT)
            marked = stream.read(len(DICOM_MARK)) == DICOM_MARK
    except OSError:
        marked = False
    return marked or path.name.lower().endswith(DICOM_SUFFIXES)


def _series(slices: Sequence[Path], tell: _Counter) -> list[VolumeSource]:
    """The series of some DICOM files; those that are damaged or hold no image are sources with an error."""
    headers: dict[str, dict[str, sitk.ImageFileReader]] = {}
    without_image: list[Path] = []
    damaged_files: dict[Path, DataError] = {}
    for path in slices:
        tell()
        try:
            check_elements(path, path.name)
            header = read_header(str(path), path.name)
        except DataError as error:
            if error.code == "damaged" and _modality(path) in WITHOUT_IMAGE:
                without_image.append(path)
            else:
                damaged_files[path] = error
            continue
        headers.setdefault(_tag(header, SERIES_UID) or "", {})[str(path)] = header
    found = []
    for uid, members in headers.items():
        lost = [path for path in damaged_files if len(headers) == 1 or _names(path, uid)]
        found.append(_one_series(uid, members, len(lost)))
        damaged_files = {path: error for path, error in damaged_files.items() if path not in lost}
    found += [VolumeSource(path, error=error) for path, error in damaged_files.items()]
    return found + _unreadable(without_image)


def _one_series(uid: str, headers: dict[str, sitk.ImageFileReader], lost: int) -> VolumeSource:
    """One series, refused where files of it are damaged: without its last slice nobody would notice."""
    first = next(iter(headers.values()))
    path, files, error = Path(next(iter(headers))).parent, (), None
    try:
        if lost:
            raise problem("foreign_files", f"{lost} file(s) of the series are damaged.", path.name)
        files = tuple(in_slice_order(headers, path.name))
    except DataError as reason:
        error = reason
    return VolumeSource(
        path, files, error, uid, _tag(first, MODALITY), _tag(first, NUMBER), _tag(first, DESCRIPTION)
    )


def _modality(path: Path) -> str:
    """What a DICOM file that cannot be read says it is, from its first bytes; empty where it does not say."""
    start = _start(path)
    at = start.find(MODALITY_BYTES)
    text = start[at + VALUE_AT : at + VALUE_AT + 16] if at >= 0 else b""
    return text.split(b"\0")[0].split(b"\x08")[0].decode("ascii", "replace").strip()


def _names(path: Path, uid: str) -> bool:
    """Whether a damaged file says that it is of the series `uid`."""
    return bool(uid) and uid.encode("ascii", "replace") in _start(path)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEADER_BYTES)
    except OSError:
        return b""


def _unreadable(files: Sequence[Path]) -> list[VolumeSource]:
    """One source for all DICOM files of a folder without an image: reports, contours, damaged pixels."""
    if not files:
        return []
    text = f"{len(files)} DICOM file(s) hold no readable image."
    return [VolumeSource(files[0].parent, error=problem("no_series", text, files[0].parent.name))]


def _tag(header: sitk.ImageFileReader, tag: str) -> str | None:
    text = header.GetMetaData(tag).strip(" \0") if header.HasMetaDataKey(tag) else ""
    return text.encode("utf-8", "replace").decode("utf-8") or None
