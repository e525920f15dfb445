"""One DICOM series, a folder, as one volume; slices must be complete, parallel and evenly spaced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CFRTrain.data.dicom_elements import check_elements
from CFRTrain.data.file_checks import MAX_VOXELS
from CFRTrain.data.file_problems import damaged, problem
from CFRTrain.data.itk_names import folder_to_read, names_to_read

POSITION, ORIENTATION = "0020|0032", "0020|0037"
GAP_TOLERANCE = 0.05
"""Positions are stored with few decimals, so gaps differ a little; a missing slice doubles one."""
SIDE_FILES = (".txt", ".xml", ".json", ".html", ".htm")


def read_series(folder: Path, case: str) -> sitk.Image:
    """The 3D image of the only series in `folder`.

    Raises DataError: no_series, several_series, foreign_files, and what `read_slices` raises.
    """
    with folder_to_read(folder) as place:
        return read_slices(_series_files(place, case), case)


def read_slices(names: list[str], case: str) -> sitk.Image:
    """The 3D image of the files of one series, in the order of their slices, or of one multi-frame file.

    Raises DataError: missing_slices, tilted, geometry, multi_component, one_slice, too_large, damaged.
    """
    with names_to_read(names) as plain:
        return _read_slices(plain, case)


def _read_slices(names: list[str], case: str) -> sitk.Image:
    if len(names) == 1:
        return _read_multi_frame(names[0], case)
    headers = [read_header(name, case) for name in names]
    sizes = {header.GetSize()[:2] for header in headers}
    if len(sizes) > 1:
        raise problem("geometry", "The slices of the series differ in size.", case)
    if math.prod(sizes.pop()) * len(names) > MAX_VOXELS:
        raise problem("too_large", f"The series declares {len(names)} very large slices.", case)
    gap = _slice_gap(headers, case)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise damaged("The slices of the series cannot be read.", case) from error
    if abs(image.GetSpacing()[2] / gap - 1) > GAP_TOLERANCE:
        raise problem("missing_slices", "The slice positions contradict each other.", case)
    return image


def _series_files(folder: Path, case: str) -> list[str]:
    files = {item.name for item in folder.iterdir() if item.is_file() and not item.name.startswith(".")}
    files = {name for name in files if name.upper() != "DICOMDIR" and not name.lower().endswith(SIDE_FILES)}
    for name in sorted(files):
        check_elements(folder / name, case)
    try:
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)) if files else ()
        if len(series) > 1:
            raise problem("several_series", f"The folder holds {len(series)} DICOM series.", case)
        if not series:
            raise problem("no_series", "The folder holds no readable DICOM series.", case)
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    except RuntimeError as error:
        raise problem("no_series", "The folder holds no readable DICOM series.", case) from error
    # GDCM passes over what it cannot parse: a damaged first or last slice would only make the volume shorter.
    foreign = files - {Path(name).name for name in names}
    if foreign:
        raise problem(
            "foreign_files", f"{len(foreign)} file(s) in the folder do not belong to the series.", case
        )
    return list(names)


def _read_multi_frame(name: str, case: str) -> sitk.Image:
    header = read_header(name, case)
    if len(header.GetSize()) != 3 or header.GetSize()[2] == 1:
        raise problem("one_slice", "The series has a single slice.", case)
    if math.prod(header.GetSize()) > MAX_VOXELS:
        raise problem("too_large", "The DICOM file declares an absurd number of voxels.", case)
    try:
        return header.Execute()
    except RuntimeError as error:
        raise damaged("The DICOM file cannot be read.", case) from error


def in_slice_order(headers: Mapping[str, sitk.ImageFileReader], case: str) -> list[str]:
    """The names of a series' files from the first slice to the last, along the normal of the first header.

    `headers` by file name. Raises DataError `geometry` where a slice does not say where it lies.
    """
    if len(headers) == 1:
        return list(headers)
    axes = np.array(_numbers(next(iter(headers.values())), ORIENTATION, 6, case))
    normal = np.cross(axes[:3], axes[3:])
    along = {name: _numbers(header, POSITION, 3, case) @ normal for name, header in headers.items()}
    return sorted(along, key=lambda name: (along[name], name))


def read_header(name: str, case: str) -> sitk.ImageFileReader:
    """A reader that has read the header of a DICOM image. Raises DataError: damaged, multi_component."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    try:
        with names_to_read([name]) as [plain]:
            reader.SetFileName(plain)
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise damaged("A DICOM file of the series cannot be read.", case) from error
    if reader.GetNumberOfComponents() != 1:
        raise problem("multi_component", "The series has color images.", case)
    return reader


def _slice_gap(headers: list[sitk.ImageFileReader], case: str) -> float:
    """Distance in mm between neighboring slices, checked to be the same everywhere and along the normal."""
    positions = np.array([_numbers(header, POSITION, 3, case) for header in headers])
    axes = np.array([_numbers(header, ORIENTATION, 6, case) for header in headers])
    if np.abs(axes - axes[0]).max() > 1e-3:
        raise problem("geometry", "The slices of the series are not parallel.", case)
    normal = np.cross(axes[0, :3], axes[0, 3:])
    along = positions @ normal
    order = np.argsort(along)
    gaps = np.diff(along[order])
    gap = float(np.median(gaps))
    if gap <= 0 or np.abs(gaps - gap).max() > GAP_TOLERANCE * gap:
        raise problem(
            "missing_slices",
            f"The gaps between slices range from {gaps.min():.3f} to {gaps.max():.3f} mm.",
            case,
        )
    aside = np.diff(positions[order], axis=0) - np.outer(gaps, normal)
    if np.abs(aside).max() > GAP_TOLERANCE * gap:
        raise problem("tilted", "The slices are shifted against each other (gantry tilt).", case)
    return gap


def _numbers(header: sitk.ImageFileReader, tag: str, count: int, case: str) -> list[float]:
    try:
        values = [float(word) for word in header.GetMetaData(tag).split("\\")]
    except (RuntimeError, ValueError) as error:
        raise problem("geometry", "A slice of the series does not say where it lies.", case) from error
    if len(values) != count or not np.isfinite(values).all():
        raise problem("geometry", "A slice of the series does not say where it lies.", case)
    return values
