"""Labels go to files and come back voxel for voxel, whatever the volume's axes and spacing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from CFRSegmentLib.scene import (
    changedVoxels,
    createSegmentation,
    exportVolume,
    importResult,
    loadSegmentation,
    loadVolume,
    saveSegmentation,
)
from CFRSegmentLib.scene.grids import gridOf
from CFRTrain.data.volumes import Volume, read_label, read_volume, write_volume
from Testing.module.scenes import (
    CLASSES,
    DIRECTIONS,
    SPACINGS,
    add_volume,
    ijk_to_ras,
    mask_of,
    oblique,
    paint,
    random_image,
    random_labels,
    slicer,
    write_image,
)

GRIDS = [
    pytest.param(DIRECTIONS[axes], SPACINGS[spacing], id=f"{axes}, {spacing}")
    for axes, spacing in itertools.product(DIRECTIONS, SPACINGS)
]
VALUES = [item.value for item in CLASSES]


def draw(volume_node, labels):
    """A segmentation of the volume with the labels painted into it, one class after the other."""
    node = createSegmentation(volume_node, CLASSES, "label")
    for item in CLASSES:
        paint(node, f"class_{item.value}", labels == item.value, volume_node)
    return node


@pytest.mark.parametrize(("direction", "spacing"), GRIDS)
def test_a_label_of_a_scene_volume_reaches_the_engine_voxel_for_voxel(scene, tmp_path, direction, spacing):
    image, labels = random_image(), random_labels()
    volume = add_volume(image, ijk_to_ras(direction, spacing))
    exportVolume(volume, tmp_path / "image.nrrd")
    saveSegmentation(draw(volume, labels), volume, CLASSES, tmp_path / "label.seg.nrrd")

    read = read_volume(tmp_path / "image.nrrd", "a")
    label = read_label(tmp_path / "label.seg.nrrd", "a", read.geometry, VALUES)
    assert np.array_equal(read.array, image)
    assert np.array_equal(label.array, labels)
    alone = read_volume(tmp_path / "label.seg.nrrd", "a")
    assert alone.geometry.same_grid(read.geometry, 1e-6) and alone.array.dtype == np.uint8


@pytest.mark.parametrize(("direction", "spacing"), GRIDS)
@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_a_label_of_a_file_lies_on_the_voxels_of_that_file(scene, tmp_path, direction, spacing, suffix):
    flip = np.diag([-1.0, -1.0, 1.0])
    image, labels = random_image(), random_labels()
    path = write_image(tmp_path / f"image{suffix}", image, flip @ direction, spacing, (1, 2, 3))
    truth = write_image(tmp_path / f"truth{suffix}", labels, flip @ direction, spacing, (1, 2, 3))

    volume = loadVolume(path, "case")
    node = loadSegmentation(truth, volume, CLASSES, "label")
    saveSegmentation(node, volume, CLASSES, tmp_path / "label.seg.nrrd")
    assert changedVoxels(node, volume, CLASSES, truth) == 0

    reference = read_volume(path, "a")
    label = read_label(tmp_path / "label.seg.nrrd", "a", reference.geometry, VALUES)
    assert np.array_equal(label.array, labels)


@pytest.mark.parametrize("axes", DIRECTIONS)
def test_label_and_image_of_a_file_meet_in_the_scene(scene, tmp_path, axes):
    labels = random_labels()
    direction = np.diag([-1.0, -1.0, 1.0]) @ DIRECTIONS[axes]
    path = write_image(tmp_path / "image.nii.gz", labels.astype(np.int16) * 100, direction, (0.7, 0.7, 5))
    truth = write_image(tmp_path / "truth.nii.gz", labels, direction, (0.7, 0.7, 5))
    volume = loadVolume(path, "case")
    node = loadSegmentation(truth, volume, CLASSES, "label")
    shown = slicer.util.arrayFromVolume(volume)
    for value in VALUES:
        assert np.array_equal(mask_of(node, f"class_{value}", volume), shown == 100 * value)
    assert np.linalg.det(gridOf(volume).matrix) > 0, "Slicer's tools expect right-handed axes"


@pytest.mark.parametrize(("axes", "spacing"), [("LPS", "isotropic"), ("oblique left-handed", "thick slices")])
def test_a_result_of_the_engine_lies_over_the_volume_it_was_made_for(scene, tmp_path, axes, spacing):
    labels = random_labels()
    volume = add_volume(labels.astype(np.int16), ijk_to_ras(DIRECTIONS[axes], SPACINGS[spacing]))
    exportVolume(volume, tmp_path / "input.nrrd")
    read = read_volume(tmp_path / "input.nrrd", "a")
    write_volume(tmp_path / "output.nii.gz", Volume(read.array.astype(np.uint8), read.geometry))
    node = importResult(tmp_path / "output.nii.gz", volume, CLASSES, "result")
    for value in VALUES:
        assert np.array_equal(mask_of(node, f"class_{value}", volume), labels == value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    angle=st.floats(-180, 180),
    spacing=st.tuples(*[st.floats(0.1, 8)] * 3),
    origin=st.tuples(*[st.floats(-2000, 2000)] * 3),
    shape=st.tuples(*[st.integers(2, 7)] * 3),
    seed=st.integers(0, 99),
)
def test_12_no_voxel_moves_on_any_grid(scene, tmp_path, axes, signs, angle, spacing, origin, shape, seed):
    direction = oblique(angle) @ (np.eye(3)[list(axes)] * signs)
    labels = random_labels(shape, seed=seed)
    volume = add_volume(labels.astype(np.int16), ijk_to_ras(direction, spacing, origin))
    exportVolume(volume, tmp_path / "image.nrrd")
    saveSegmentation(draw(volume, labels), volume, CLASSES, tmp_path / "label.seg.nrrd")
    read = read_volume(tmp_path / "image.nrrd", "a")
    label = read_volume(tmp_path / "label.seg.nrrd", "a")
    assert label.geometry.same_grid(read.geometry, 1e-6)
    assert np.array_equal(label.array, read.array) and np.array_equal(read.array, labels)
    if labels.any():
        node = importResult(tmp_path / "label.seg.nrrd", volume, CLASSES, "result")
        assert all(np.array_equal(mask_of(node, f"class_{v}", volume), labels == v) for v in VALUES)


def test_real_volumes_come_back_identical(scene, tmp_path, hippocampus):
    classes = CLASSES[:2]
    for image, label in hippocampus[:3]:
        volume = loadVolume(image, "case")
        node = loadSegmentation(label, volume, classes, "label")
        saveSegmentation(node, volume, classes, tmp_path / "label.seg.nrrd")
        reference = read_volume(image, "a")
        saved = read_label(tmp_path / "label.seg.nrrd", "a", reference.geometry, [1, 2])
        assert np.array_equal(saved.array, read_label(label, "a", reference.geometry, [1, 2]).array)
        assert np.array_equal(
            np.sort(slicer.util.arrayFromVolume(volume), axis=None), np.sort(reference.array, axis=None)
        )
