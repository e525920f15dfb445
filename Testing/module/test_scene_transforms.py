"""Volumes under transforms: files stay in the volume's own coordinates, what is shown lies on the image."""

from __future__ import annotations

import numpy as np
import pytest
import vtk

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.scene import (
    adoptVolume,
    changedVoxels,
    createSegmentation,
    exportVolume,
    importResult,
    loadPseudoLabel,
    loadVolume,
    saveSegmentation,
)
from CFRTrain.data.volumes import Volume, read_label, read_volume, write_volume
from Testing.module.scenes import (
    CLASSES,
    DIRECTIONS,
    add_transform,
    add_volume,
    harden,
    ijk_to_ras,
    mask_of,
    oblique,
    paint,
    random_image,
    random_labels,
    slicer,
    world_box,
    write_image,
)

ONE = CLASSES[:1]
BOX = np.zeros((9, 12, 15), bool)
BOX[2:5, 3:9, 4:12] = True
MOVE = ijk_to_ras(oblique(33), (1, 1, 1), (50, -7, 3))


@pytest.fixture
def volume(scene):
    return add_volume(random_image(), ijk_to_ras(DIRECTIONS["LPS"], (0.7, 0.7, 5)))


def box_on(volume_node):
    node = createSegmentation(volume_node, ONE, "label")
    paint(node, "class_2", BOX, volume_node)
    return node


def read_saved(path, volume_node, tmp_path):
    exportVolume(volume_node, tmp_path / "image.nrrd")
    return read_label(path, "a", read_volume(tmp_path / "image.nrrd", "a").geometry, [2]).array


def test_a_label_under_the_volumes_transform_is_saved_without_it(volume, tmp_path):
    volume.SetAndObserveTransformNodeID(add_transform(MOVE).GetID())
    node = box_on(volume)
    assert node.GetTransformNodeID() == volume.GetTransformNodeID()
    saveSegmentation(node, volume, ONE, tmp_path / "a.seg.nrrd")
    assert np.array_equal(read_saved(tmp_path / "a.seg.nrrd", volume, tmp_path) == 2, BOX)


def test_a_pseudo_label_overlaps_the_image_in_world_space(volume, tmp_path):
    before = world_box(box_on(volume), "class_2")
    volume.SetAndObserveTransformNodeID(add_transform(MOVE).GetID())
    exportVolume(volume, tmp_path / "image.nrrd")
    geometry = read_volume(tmp_path / "image.nrrd", "a").geometry
    write_volume(tmp_path / "p.nii.gz", Volume(BOX.astype(np.uint8) * 2, geometry))
    node = loadPseudoLabel(tmp_path / "p.nii.gz", volume, ONE, "case")
    assert np.array_equal(mask_of(node, "class_2", volume), BOX)
    center = MOVE @ [*before.reshape(3, 2).mean(axis=1), 1]
    assert np.allclose(world_box(node, "class_2").reshape(3, 2).mean(axis=1), center[:3], atol=1e-3)


def test_a_result_goes_under_the_transform_of_its_volume(volume, tmp_path):
    transform = add_transform(MOVE)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    exportVolume(volume, tmp_path / "image.nrrd")
    labels = read_volume(tmp_path / "image.nrrd", "a")
    write_volume(tmp_path / "out.nrrd", Volume(BOX.astype(np.uint8) * 2, labels.geometry))
    node = importResult(tmp_path / "out.nrrd", volume, ONE, "result")
    assert node.GetParentTransformNode() is transform and np.array_equal(
        mask_of(node, "class_2", volume), BOX
    )


def test_a_label_stays_on_its_voxels_when_both_are_hardened(scene, tmp_path):
    path = write_image(
        tmp_path / "image.nii.gz", random_image(), DIRECTIONS["LAS left-handed"], (0.7, 0.7, 5)
    )
    volume = loadVolume(path, "case")
    node = box_on(volume)
    saveSegmentation(node, volume, ONE, tmp_path / "before.seg.nrrd")
    harden(volume, MOVE)
    harden(node, MOVE)
    saveSegmentation(node, volume, ONE, tmp_path / "after.seg.nrrd")
    geometry = read_volume(path, "a").geometry
    before, after = (
        read_label(tmp_path / f"{n}.seg.nrrd", "a", geometry, [2]).array for n in ("before", "after")
    )
    assert np.array_equal(before, after) and np.array_equal(after[::-1] == 2, BOX)
    assert changedVoxels(node, volume, ONE, tmp_path / "before.seg.nrrd") == 0


def test_a_volume_hardened_after_it_was_adopted_keeps_its_file_grid(volume, tmp_path):
    exportVolume(volume, tmp_path / "case.nrrd")
    adoptVolume(volume, "case_0001")
    harden(volume, MOVE)
    saveSegmentation(box_on(volume), volume, ONE, tmp_path / "a.seg.nrrd")
    geometry = read_volume(tmp_path / "case.nrrd", "a").geometry
    assert np.array_equal(read_label(tmp_path / "a.seg.nrrd", "a", geometry, [2]).array == 2, BOX)


def test_a_case_that_was_hardened_is_segmented_on_its_file_s_grid(scene, tmp_path):
    axes = DIRECTIONS["LAS left-handed"]
    path = write_image(tmp_path / "image.nii.gz", random_image(), axes, (0.7, 0.7, 5))
    volume = loadVolume(path, "case", "case_0001")
    harden(volume, MOVE)
    exportVolume(volume, tmp_path / "input.nrrd")
    file, exported = read_volume(path, "a"), read_volume(tmp_path / "input.nrrd", "a")
    assert exported.geometry.same_grid(file.geometry, 1e-3) and np.array_equal(exported.array, file.array)
    write_volume(tmp_path / "out.nii.gz", Volume(BOX[::-1].astype(np.uint8) * 2, exported.geometry))
    node = importResult(tmp_path / "out.nii.gz", volume, ONE, "result")
    assert np.array_equal(mask_of(node, "class_2", volume), BOX)


def test_only_the_label_is_under_a_transform(volume, tmp_path):
    node = box_on(volume)
    shift = ijk_to_ras(np.eye(3), (1, 1, 1), (-2 * 0.7, 0, 5))
    node.SetAndObserveTransformNodeID(add_transform(shift).GetID())
    saveSegmentation(node, volume, ONE, tmp_path / "a.seg.nrrd")
    expected = np.roll(BOX, (1, 0, 2), axis=(0, 1, 2))
    assert np.array_equal(read_saved(tmp_path / "a.seg.nrrd", volume, tmp_path) == 2, expected)


def test_the_transforms_of_label_and_volume_are_taken_together(volume, tmp_path):
    node, turn = box_on(volume), ijk_to_ras(oblique(12), (1, 1, 1), (1, 2, 3))
    harden(node, np.linalg.inv(turn))
    node.SetAndObserveTransformNodeID(add_transform(turn).GetID())
    saveSegmentation(node, volume, ONE, tmp_path / "a.seg.nrrd")
    assert np.array_equal(read_saved(tmp_path / "a.seg.nrrd", volume, tmp_path) == 2, BOX)


def test_a_label_under_a_bend_is_brought_onto_the_volume(volume, tmp_path):
    node = box_on(volume)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in np.argwhere(np.ones((2, 2, 2))) * 40.0:
        source.InsertNextPoint(corner)
        target.InsertNextPoint(corner + [0, 0, 5])
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    spline.SetBasisToR()
    transform.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert saveSegmentation(node, volume, ONE, tmp_path / "a.seg.nrrd").resampled
    expected = np.roll(BOX, 1, axis=0)
    saved = read_saved(tmp_path / "a.seg.nrrd", volume, tmp_path) == 2
    assert np.array_equal(saved, expected)


def test_a_cropped_volume_is_refused_by_name(scene, tmp_path):
    volume = loadVolume(write_image(tmp_path / "image.nii.gz", random_image()), "case 3", "case_0003")
    node = createSegmentation(volume, ONE, "label")
    slicer.util.updateVolumeFromArray(volume, random_labels((4, 12, 15)))
    with pytest.raises(CohortError, match="case 3 was cropped") as caught:
        saveSegmentation(node, volume, ONE, tmp_path / "a.seg.nrrd")
    assert caught.value.code == "resized" and not (tmp_path / "a.seg.nrrd").exists()
