"""Slicer's real scene for the tests of `scene`, and volumes of every orientation to put into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.scene.terminology import serializeTerminology

HEART = serializeTerminology(("SCT", "123037004", "Anatomical Structure"), ("SCT", "80891009", "Heart"))
CLASSES = (
    SegmentClass(2, "posterior é 空", (255, 128, 3), HEART),
    SegmentClass(1, "anterior", (0, 77, 200), ""),
    SegmentClass(7, "tumor: a=b", (10, 20, 30), HEART),
)
# Columns: where i, j, k point to in RAS. Files with left-handed axes are common (FSL's "radiological" order).
DIRECTIONS = {
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "RAS": np.eye(3),
    "PIR": np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "LAS left-handed": np.diag([-1.0, 1.0, 1.0]),
}
SPACINGS = {"isotropic": (1.0, 1.0, 1.0), "thick slices": (0.7, 0.7, 5.0)}


def oblique(degrees: float = 25.0) -> np.ndarray:
    """A rotation about an axis that is none of the three (Rodrigues' formula)."""
    x, y, z = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


DIRECTIONS["oblique"] = oblique()
DIRECTIONS["oblique left-handed"] = oblique(-40.0) @ DIRECTIONS["LAS left-handed"]


def ijk_to_ras(direction: np.ndarray, spacing: tuple[float, float, float], origin=(10.5, -20.25, 30.125)):
    """A 4 x 4 array from axes, millimeters per voxel and the place of the first voxel."""
    matrix = np.eye(4)
    matrix[:3, :3] = direction * np.array(spacing)
    matrix[:3, 3] = origin
    return matrix


def vtk_matrix(matrix: np.ndarray) -> vtk.vtkMatrix4x4:
    """A 4 x 4 array as VTK's matrix."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, float).ravel())
    return result


def add_volume(array: np.ndarray, matrix: np.ndarray, name: str = "volume"):
    """A volume (k, j, i) as a user of Slicer would have it in the scene."""
    node = slicer.util.addVolumeFromArray(np.ascontiguousarray(array), name=name, ijkToRAS=vtk_matrix(matrix))
    node.CreateDefaultDisplayNodes()
    return node


def random_image(shape=(9, 12, 15), seed: int = 0) -> np.ndarray:
    """Gray values; no two slices alike."""
    return np.random.default_rng(seed).integers(0, 1000, shape).astype(np.int16)


def random_labels(shape=(9, 12, 15), values=(0, 1, 2, 7), seed: int = 1) -> np.ndarray:
    """Labels without any symmetry, so that every shift, flip or swap of axes is seen."""
    return np.random.default_rng(seed).choice(np.array(values, np.uint8), shape)


def write_image(path: Path, array: np.ndarray, direction=None, spacing=(1, 1, 1), origin=(0, 0, 0)) -> Path:
    """A file as other programs write it; `direction` and `origin` in LPS, as in files."""
    image = sitk.GetImageFromArray(array)
    image.SetDirection(np.asarray(np.eye(3) if direction is None else direction, float).ravel().tolist())
    image.SetSpacing([float(value) for value in spacing])
    image.SetOrigin([float(value) for value in origin])
    sitk.WriteImage(image, str(path))
    return path


def paint(segmentation_node, segment_id: str, mask: np.ndarray, volume_node) -> None:
    """Set a segment's voxels (k, j, i) on the volume's grid the way Segment Editor effects do."""
    labels = slicer.vtkOrientedImageData()
    labels.SetDimensions(*mask.shape[::-1])
    flat = np.ascontiguousarray(mask, np.uint8).ravel()
    labels.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    labels.SetImageToWorldMatrix(matrix)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(labels, segmentation_node, segment_id)


def mask_of(segmentation_node, segment_id: str, volume_node) -> np.ndarray:
    """A segment's voxels on the volume's grid, by Slicer's own means."""
    matrix, reference = vtk.vtkMatrix4x4(), slicer.vtkOrientedImageData()
    volume_node.GetIJKToRASMatrix(matrix)
    reference.SetDimensions(volume_node.GetImageData().GetDimensions())
    reference.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    reference.SetImageToWorldMatrix(matrix)
    merged, ids = slicer.vtkOrientedImageData(), vtk.vtkStringArray()
    ids.InsertNextValue(segment_id)
    segmentation_node.GenerateMergedLabelmapForAllSegments(merged, 0, reference, ids)
    shape = volume_node.GetImageData().GetDimensions()[::-1]
    return vtk_to_numpy(merged.GetPointData().GetScalars()).reshape(shape) != 0


def harden(node, matrix: np.ndarray) -> None:
    """Put the node under a linear transform and harden it, as in the Transforms module."""
    transform = add_transform(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert node.HardenTransform()
    slicer.mrmlScene.RemoveNode(transform)


def add_transform(matrix: np.ndarray):
    """A linear transform node."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(matrix))
    return transform


def world_box(segmentation_node, segment_id: str) -> np.ndarray:
    """Bounds (x0, x1, y0, y1, z0, z1) in world coordinates of what is shown of a segment."""
    points = []
    labels = slicer.vtkOrientedImageData()
    segmentation_node.GetBinaryLabelmapRepresentation(segment_id, labels)
    inside = np.argwhere(
        vtk_to_numpy(labels.GetPointData().GetScalars()).reshape(labels.GetDimensions()[::-1])
    )
    matrix, world = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    labels.GetImageToWorldMatrix(matrix)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        segmentation_node.GetParentTransformNode(), None, world
    )
    for k, j, i in inside + np.array(labels.GetExtent()[::2])[::-1]:
        points.append(world.TransformPoint(matrix.MultiplyPoint((i, j, k, 1))[:3]))
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    return np.stack([low, high], axis=1).ravel()
