"""Reading and writing through Slicer's own storage nodes, outside the scene: nothing is left in it.

No node of the scene ever has a storage node that points into the cohort: Slicer's Save would write there.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.cohort.label_files import putInPlace
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.file_headers import isCutOff, readHeader
from CFRSegmentLib.scene.grids import Grid, elements, gridOf


def checkFile(path: Path, title: str) -> None:
    """Look at a volume file's header and size: a few milliseconds, no voxel is read.

    Raises CohortError: missing, unreadable, four_dimensional, multi_component, naming `title`.
    """
    try:
        header = readHeader(path)
        cutOff = header is not None and isCutOff(path, header)
    except FileNotFoundError as error:
        raise _missing(title) from error
    except OSError as error:
        raise unreadable(title) from error
    if header is None or cutOff or len(header.dimensions) < 3:
        raise unreadable(title)
    if len(header.dimensions) > 3:
        raise fourDimensional(title)
    if header.components > 1:
        raise multiComponent(title)


def readVolumeNode(path: Path, title: str) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume node outside any scene, voxels in the order of the file. Raises as `checkFile`."""
    checkFile(path, title)
    node = slicer.vtkMRMLScalarVolumeNode()
    _read(node, path, title)
    return node


def readArray(path: Path, title: str) -> tuple[np.ndarray, Grid]:
    """Voxels (k, j, i), a copy, in the order of the file, and their grid. Raises as `checkFile`."""
    node = readVolumeNode(path, title)
    return voxelsOf(node.GetImageData()).copy(), gridOf(node)


def writeVolume(path: Path, voxels: np.ndarray, grid: Grid, compressed: bool = True) -> None:
    """Write voxels (k, j, i) and their grid as .nrrd, nothing else. Raises CohortError (not_written)."""
    flat = np.ascontiguousarray(voxels).ravel()
    image = vtk.vtkImageData()
    image.SetDimensions(*grid.size)
    image.GetPointData().SetScalars(numpy_to_vtk(flat))
    # The general storage node would make a folder TempWrite beside the file and leave it there when killed.
    node, storage = slicer.vtkMRMLScalarVolumeNode(), slicer.vtkMRMLNRRDStorageNode()
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(grid.vtkMatrix())
    storage.SetUseCompression(compressed)
    _writeWhole(path, ".nrrd", lambda partial: _store(storage, node, partial))


def writeSegmentation(path: Path, node: slicer.vtkMRMLSegmentationNode) -> None:
    """Write a segmentation node that is outside the scene as .seg.nrrd. Raises CohortError (not_written)."""
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetUseCompression(True)
    storage.SetCropToMinimumExtent(False)
    _writeWhole(path, ".seg.nrrd", lambda partial: _store(storage, node, partial))


def readLayers(path: Path, title: str) -> tuple[list[np.ndarray], Grid]:
    """The layers of a .seg.nrrd file, each an array (k, j, i), and their grid.

    Raises CohortError: missing, unreadable.
    """
    try:
        header = readHeader(path)
    except FileNotFoundError as error:
        raise _missing(title) from error
    if header is None or len(header.dimensions) != 3:
        raise unreadable(title)
    if header.components == 1:
        array, grid = readArray(path, title)
        return [array], grid
    node = slicer.vtkMRMLVectorVolumeNode()
    image, grid = _read(node, path, title), gridOf(node)
    flat = vtk_to_numpy(image.GetPointData().GetScalars())
    return [np.ascontiguousarray(layer).reshape(grid.shape) for layer in flat.T], grid


def voxelsOf(imageData: vtk.vtkImageData) -> np.ndarray:
    """The voxels (k, j, i) of a scalar image, a view of VTK's memory."""
    return vtk_to_numpy(imageData.GetPointData().GetScalars()).reshape(imageData.GetDimensions()[::-1])


def orientedImage(labels: np.ndarray, grid: Grid) -> slicer.vtkOrientedImageData:
    """A label map (k, j, i) uint8 on `grid` as Slicer's image for segmentations; owns a copy."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*grid.size)
    flat = np.ascontiguousarray(labels, np.uint8).ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    image.SetImageToWorldMatrix(grid.vtkMatrix())
    return image


def gridOfImage(image: slicer.vtkOrientedImageData) -> Grid:
    """The grid of an image for segmentations; index 0 is the first voxel of its extent."""
    matrix, extent = vtk.vtkMatrix4x4(), image.GetExtent()
    image.GetImageToWorldMatrix(matrix)
    first = np.eye(4)
    first[:3, 3] = extent[::2]
    size = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in range(3))
    whole = np.array(elements(matrix)).reshape(4, 4) @ first
    return Grid(size, tuple(whole.ravel().tolist()))


def _read(node: slicer.vtkMRMLVolumeNode, path: Path, title: str) -> vtk.vtkImageData:
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetSingleFile(True)
    storage.SetForceRightHandedIJKCoordinateSystem(False)
    if not storage.ReadData(node) or node.GetImageData() is None:
        raise unreadable(title)
    return node.GetImageData()


def _store(storage: slicer.vtkMRMLStorageNode, node: slicer.vtkMRMLNode, path: Path) -> bool:
    storage.SetFileName(str(path))
    return bool(storage.WriteData(node))


def _writeWhole(path: Path, suffix: str, write: Callable[[Path], bool]) -> None:
    """Write beside `path` under a name with the same ending, then rename: whole, or not at all."""
    partial = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        if not write(partial):
            raise OSError("the storage node reported a failure")
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        putInPlace(partial, path)
    except OSError as error:
        raise CohortError(
            "not_written",
            _("The file {name} could not be written.").format(name=path.name),
            _("Check that the disk has space and that you may write into the folder, then save again."),
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def unreadable(title: str) -> CohortError:
    """The file is damaged or in a format that is not read."""
    return CohortError(
        "unreadable",
        _("The file of {name} cannot be read; it is damaged, not complete or not an image volume.").format(
            name=title
        ),
        _("Export the volume again, as NRRD or NIfTI."),
    )


def fourDimensional(title: str) -> CohortError:
    """A time series."""
    return CohortError(
        "four_dimensional",
        _("{name} has several time points; one 3D volume is needed.").format(name=title),
        _("Load it as a sequence, choose one time point, and add that volume."),
    )


def multiComponent(title: str) -> CohortError:
    """Color, vectors, tensors."""
    return CohortError(
        "multi_component",
        _("{name} holds several numbers per voxel, as color images do; one is needed.").format(name=title),
        _("Make a gray-scale volume of it with the module Vector to Scalar Volume, and add that one."),
    )


def _missing(title: str) -> CohortError:
    return CohortError(
        "missing",
        _("The file of {name} is not there any more.").format(name=title),
        _("Put it back, or remove the case."),
    )
