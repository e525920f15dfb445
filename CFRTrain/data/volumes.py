"""Reading and writing volumes: whole, finite, 3D, on a grid that can be trusted, or a DataError."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CFRTrain.data.dicom_series import read_series, read_slices
from CFRTrain.data.file_checks import CheckedFile, check_file, verify_hash
from CFRTrain.data.file_problems import damaged, problem
from CFRTrain.data.geometry import SAME_GRID_VOXELS, Geometry, Volume, from_sitk, geometry_of, to_sitk
from CFRTrain.data.itk_names import names_to_read
from CFRTrain.data.resampling import resample_image, resample_label
from CFRTrain.data.volume_writing import write_volume
from CFRTrain.runs.errors import DataError

__all__ = [
    "Geometry",
    "Volume",
    "read_volume",
    "read_label",
    "write_volume",
    "to_sitk",
    "from_sitk",
    "resample_image",
    "resample_label",
]

SPACING_RANGE_MM = (0.001, 100.0)


def read_volume(path: Path | str, case: str, sha256: str | None = None, slices: Sequence[str] = ()) -> Volume:
    """An image (z, y, x): float32, or the integer type of the file; geometry exactly as stored.

    `path` is a .nii, .nii.gz, .nrrd or .mha file, or a folder with one DICOM series; `slices` are the files
    of one series, first slice to last, where the folder holds more. Raises DataError naming `case` for what
    is not a whole, finite 3D volume with two or more slices on a regular grid, and, if `sha256` is given, for
    a file that is not the one the hash was taken from.
    """
    path = Path(path)
    verify_hash(path, sha256, case)
    sitk.ProcessObject.GlobalWarningDisplayOff()
    try:
        image = _read_image(path, slices, case)
        if image.GetDimension() == 4:
            image = image[:, :, :, 0]
        _check_geometry(geometry_of(image), case)
        volume = from_sitk(image)
    except (OSError, RuntimeError, MemoryError) as error:
        raise damaged("The volume cannot be read.", case) from error
    volume.array = _finite(volume.array, case)
    return volume


def read_label(
    path: Path | str,
    case: str,
    reference: Geometry | None,
    values: Collection[int],
    sha256: str | None = None,
    empty_ok: bool = False,
) -> Volume:
    """A label map (z, y, x) uint8 of class values, on `reference`'s grid if given.

    A .seg.nrrd that 3D Slicer cropped to its segments is put back onto the grid it was cropped from. Raises
    DataError: what `read_volume` raises, other_grid, not_integer, label_values, overlapping, and empty_label
    unless `empty_ok`: to learn from, a label must show something; to measure with, it may say "nothing".
    """
    path = Path(path)
    segmentation = path.name.lower().endswith(".seg.nrrd")
    try:
        volume = read_volume(path, case, sha256)
    except DataError as error:
        if segmentation and error.code in ("not_3d", "multi_component"):
            raise problem("overlapping", "The segmentation has several layers.", case) from error
        if error.code == "one_slice" and segmentation:
            raise problem("other_grid", "The segmentation covers one slice only.", case) from error
        raise
    labels = Volume(_class_values(volume.array, values, case), volume.geometry)
    if reference is not None:
        labels = _on_grid(labels, reference, segmentation, case)
    if not empty_ok and not labels.array.any():
        raise problem("empty_label", "The label is empty.", case)
    return labels


def _read_image(path: Path, slices: Sequence[str], case: str) -> sitk.Image:
    if slices:
        return read_slices(list(slices), case)
    if path.is_dir():
        return read_series(path, case)
    checked = check_file(path, case)
    with names_to_read([path]) as [name]:
        return _read_file(name, checked, case)


def _read_file(name: str, checked: CheckedFile, case: str) -> sitk.Image:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(checked.image_io)
    reader.SetFileName(name)
    try:
        reader.ReadImageInformation()
        if reader.GetNumberOfComponents() != 1:
            raise problem("multi_component", "Every voxel holds several numbers.", case)
        if tuple(reader.GetSize()[:3]) != checked.size_xyz or any(
            extent != 1 for extent in reader.GetSize()[3:]
        ):
            raise damaged("The header can be read in two ways.", case)
        return reader.Execute()
    except RuntimeError as error:
        raise damaged("The volume cannot be read.", case) from error


def _check_geometry(geometry: Geometry, case: str) -> None:
    low, high = SPACING_RANGE_MM
    if not all(low <= value <= high for value in geometry.spacing_zyx):
        shown = " x ".join(f"{value:g}" for value in geometry.spacing_zyx[::-1])
        raise problem("spacing", f"The voxel spacing is {shown} mm.", case)
    axes = np.array(geometry.direction).reshape(3, 3)
    if not np.isfinite(axes).all() or np.abs(axes.T @ axes - np.eye(3)).max() > 1e-2:
        raise problem("geometry", "The axes of the volume are not perpendicular.", case)
    if not np.isfinite(geometry.origin_xyz).all() or np.abs(geometry.origin_xyz).max() > 1e6:
        raise problem("geometry", "The origin of the volume is not a place.", case)
    if min(geometry.size_zyx) < 2:
        raise problem("one_slice", "The volume has a single slice.", case)


def _finite(array: np.ndarray, case: str) -> np.ndarray:
    """`array` with float64 as float32, checked slice by slice so that no second volume is held."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        array = array.astype(np.float32, copy=False)
    wrong = sum(int(plane.size - np.isfinite(plane).sum()) for plane in array)
    if wrong:
        raise problem("not_finite", f"{wrong} voxels are NaN or infinite.", case)
    return array


def _class_values(array: np.ndarray, values: Collection[int], case: str) -> np.ndarray:
    if array.dtype.kind == "f" and any((plane != np.rint(plane)).any() for plane in array):
        raise problem("not_integer", "The label holds fractions.", case)
    allowed = {0, *(int(value) for value in values)}
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise problem(
            "label_values", f"The label reaches from {low:g} to {high:g}; classes: {_list(allowed)}.", case
        )
    labels = array.astype(np.uint8)
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=1))
    outside = sorted(set(present.tolist()) - allowed)
    if outside:
        raise problem(
            "label_values", f"The label has the values {_list(outside)}; classes: {_list(allowed)}.", case
        )
    return labels


def _list(values: Collection[int]) -> str:
    shown = [str(value) for value in sorted(values) if value]
    return ", ".join(shown[:8]) + (" ..." if len(shown) > 8 else "")


def _on_grid(labels: Volume, reference: Geometry, cropped: bool, case: str) -> Volume:
    if labels.geometry.same_grid(reference, SAME_GRID_VOXELS):
        return Volume(labels.array, reference)
    start = np.round(reference.index(labels.geometry.origin_xyz)).astype(int)
    stop = start + labels.array.shape
    inside = (start >= 0).all() and (stop <= np.array(reference.size_zyx)).all()
    if cropped and inside:
        part = Geometry(
            labels.geometry.size_zyx,
            reference.spacing_zyx,
            tuple(reference.physical(start).tolist()),
            reference.direction,
        )
        if labels.geometry.same_grid(part, SAME_GRID_VOXELS):
            whole = np.zeros(reference.size_zyx, np.uint8)
            whole[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = labels.array
            return Volume(whole, reference)
    raise problem(
        "other_grid",
        f"The label has {_shape(labels.geometry)}, the image {_shape(reference)}, "
        "or they lie in different places.",
        case,
    )


def _shape(geometry: Geometry) -> str:
    size = " x ".join(str(extent) for extent in geometry.size_zyx[::-1])
    return f"{size} voxels of {' x '.join(f'{value:.4g}' for value in geometry.spacing_zyx[::-1])} mm"
