"""Segmentations hold exactly the cohort's classes; files hold them so that they reload identically."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.scene import (
    DEFAULT_TERMINOLOGY,
    applyClasses,
    changedVoxels,
    createSegmentation,
    loadSegmentation,
    saveSegmentation,
)
from Testing.module.scenes import (
    CLASSES,
    DIRECTIONS,
    HEART,
    add_volume,
    ijk_to_ras,
    mask_of,
    paint,
    random_image,
    random_labels,
    slicer,
    write_image,
)

NAMES = [item.name for item in CLASSES]


@pytest.fixture
def volume(scene):
    return add_volume(random_image(), ijk_to_ras(DIRECTIONS["PIR"], (0.7, 0.7, 5)))


def looks(node) -> list[tuple]:
    """Id, name, color and terminology of all segments in order, as a user sees them."""
    segmentation = node.GetSegmentation()
    segments = [
        (segmentation.GetNthSegmentID(i), segmentation.GetNthSegment(i))
        for i in range(segmentation.GetNumberOfSegments())
    ]
    return [
        (key, one.GetName(), tuple(round(255 * part) for part in one.GetColor()), one.GetTerminology())
        for key, one in segments
    ]


def looks_of(classes) -> list[tuple]:
    return [(f"class_{c.value}", c.name, c.color, c.terminology or DEFAULT_TERMINOLOGY) for c in classes]


def read_with_slicer(path):
    """What a user gets who drops the file onto Slicer."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    return node


def test_a_new_segmentation_has_exactly_the_classes_in_order(volume):
    node = createSegmentation(volume, CLASSES, "label", "case_0001")
    assert looks(node) == looks_of(CLASSES)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    assert node.GetStorageNode() is None and node.GetDisplayNode() is not None


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:1]], ids=["three", "one"])
def test_a_saved_label_reloads_identically(volume, tmp_path, classes):
    node = createSegmentation(volume, classes, "label")
    labels = random_labels(values=(0, *(item.value for item in classes)))
    for item in classes:
        paint(node, f"class_{item.value}", labels == item.value, volume)
    path = tmp_path / "label.seg.nrrd"
    report = saveSegmentation(node, volume, classes, path)
    assert report.voxels == {item.name: int((labels == item.value).sum()) for item in classes}
    assert not (report.empty or report.overlaps or report.ignored or report.outside)

    for again in (loadSegmentation(path, volume, classes, "again"), read_with_slicer(path)):
        assert looks(again) == looks_of(classes)
        for item in classes:
            assert np.array_equal(mask_of(again, f"class_{item.value}", volume), labels == item.value)
    assert changedVoxels(node, volume, classes, path) == 0


def test_a_cohort_without_classes_has_no_labels(volume, tmp_path):
    with pytest.raises(CohortError, match="Add a class"):
        saveSegmentation(createSegmentation(volume, (), "label"), volume, (), tmp_path / "a.seg.nrrd")


def test_geometry_of_a_saved_label_is_that_of_the_volume(volume, tmp_path):
    saveSegmentation(createSegmentation(volume, CLASSES, "a"), volume, CLASSES, tmp_path / "a.seg.nrrd")
    image = sitk.ReadImage(str(tmp_path / "a.seg.nrrd"))
    lps = np.diag([-1, -1, 1])
    assert image.GetSize() == volume.GetImageData().GetDimensions()
    assert image.GetNumberOfComponentsPerPixel() == 1 and image.GetPixelID() == sitk.sitkUInt8
    assert np.allclose(image.GetSpacing(), (0.7, 0.7, 5), atol=1e-6)
    assert np.allclose(image.GetOrigin(), lps @ np.array((10.5, -20.25, 30.125)), atol=1e-6)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    assert np.allclose(direction, lps @ DIRECTIONS["PIR"], atol=1e-6)


@pytest.mark.parametrize("voxels", [0, 1], ids=["empty", "one voxel"])
def test_a_sparse_label_covers_the_whole_grid(volume, tmp_path, voxels):
    node, mask = createSegmentation(volume, CLASSES, "a"), np.zeros((9, 12, 15), bool)
    mask[4, 5, 6] = voxels
    paint(node, "class_7", mask, volume)
    saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    saved = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.seg.nrrd")))
    assert np.array_equal(saved == 7, mask)
    assert looks(read_with_slicer(tmp_path / "a.seg.nrrd")) == looks_of(CLASSES)


def test_an_empty_class_is_kept_and_reported(volume, tmp_path):
    node = createSegmentation(volume, CLASSES, "label")
    paint(node, "class_1", random_labels() == 1, volume)
    report = saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    assert report.empty == (NAMES[0], NAMES[2])
    assert looks(read_with_slicer(tmp_path / "a.seg.nrrd")) == looks_of(CLASSES)
    assert looks(loadSegmentation(tmp_path / "a.seg.nrrd", volume, CLASSES, "b")) == looks_of(CLASSES)


def overlapping(volume, first, second, order):
    node = createSegmentation(volume, CLASSES, "label")
    masks = {"class_2": first, "class_1": second}
    for segment_id in order:
        paint(node, segment_id, masks[segment_id], volume)
    return node


def test_overlaps_are_reported_and_the_first_class_wins_whoever_was_painted_first(volume, tmp_path):
    first, second = np.zeros((9, 12, 15), bool), np.zeros((9, 12, 15), bool)
    first[2:6], second[4:8] = True, True
    saved = []
    for number, order in enumerate([("class_2", "class_1"), ("class_1", "class_2")]):
        path = tmp_path / f"{number}.seg.nrrd"
        report = saveSegmentation(overlapping(volume, first, second, order), volume, CLASSES, path)
        assert report.overlaps == ((NAMES[0], NAMES[1], 2 * 12 * 15),)
        saved.append(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    assert np.array_equal(saved[0], saved[1])
    assert np.array_equal(saved[0], np.where(first, 2, np.where(second, 1, 0)))


def test_saving_does_not_change_the_node_or_the_scene(volume, tmp_path):
    node = overlapping(volume, random_labels() == 2, random_labels() > 0, ("class_2", "class_1"))
    before = [mask_of(node, key, volume) for key in ("class_2", "class_1")]
    nodes, layers = slicer.mrmlScene.GetNumberOfNodes(), node.GetSegmentation().GetNumberOfLayers()
    saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    changedVoxels(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert node.GetSegmentation().GetNumberOfLayers() == layers == 2
    after = [mask_of(node, key, volume) for key in ("class_2", "class_1")]
    assert np.array_equal(before, after)


def test_changed_voxels_are_counted(volume, tmp_path):
    labels = random_labels(values=(0, 1, 2))
    truth = write_image(tmp_path / "plain.nrrd", labels)
    plain = add_volume(random_image(), ijk_to_ras(DIRECTIONS["LPS"], (1, 1, 1), (0, 0, 0)))
    node = loadSegmentation(truth, plain, CLASSES, "a")
    edited = labels == 1
    changed = tuple(np.argwhere(labels != 2)[:5].T)
    edited[changed] ^= True
    paint(node, "class_1", edited, plain)
    assert changedVoxels(node, plain, CLASSES, truth) == 5


def test_segments_that_are_no_class_are_reported_and_not_written(volume, tmp_path):
    node = createSegmentation(volume, CLASSES, "label")
    node.GetSegmentation().AddEmptySegment("scratch", "scratch")
    paint(node, "scratch", random_labels() == 7, volume)
    report = saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    assert report.ignored == ("scratch",) and sum(report.voxels.values()) == 0


def test_a_renamed_segment_and_a_redrawn_one_still_belong_to_their_classes(volume, tmp_path):
    node = createSegmentation(volume, CLASSES, "label")
    segmentation = node.GetSegmentation()
    segmentation.GetSegment("class_2").SetName("whatever")
    segmentation.RemoveSegment("class_1")
    segmentation.AddEmptySegment("Segment_9", "Anterior")
    paint(node, "class_2", random_labels() == 2, volume)
    paint(node, "Segment_9", random_labels() == 1, volume)
    report = saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    assert report.voxels[NAMES[0]] and report.voxels["anterior"] and not report.ignored


def test_new_names_colors_and_order_of_the_cohort_replace_those_of_the_file(volume, tmp_path):
    node = createSegmentation(volume, CLASSES, "label")
    labels = random_labels()
    for item in CLASSES:
        paint(node, f"class_{item.value}", labels == item.value, volume)
    saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    changed = [replace(item, name=f"new {item.value}", color=(1, 2, 3)) for item in CLASSES[::-1]]
    changed.append(SegmentClass(9, "added", (4, 5, 6), HEART))
    again = loadSegmentation(tmp_path / "a.seg.nrrd", volume, changed, "b")
    assert looks(again) == looks_of(changed)
    for item in CLASSES:
        assert np.array_equal(mask_of(again, f"class_{item.value}", volume), labels == item.value)


def test_a_segmentation_of_the_user_gets_the_classes(volume):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name in ("something", "ANTERIOR "):
        node.GetSegmentation().AddEmptySegment("", name)
        paint(node, node.GetSegmentation().GetSegmentIdBySegmentName(name), random_labels() == 1, volume)
    assert applyClasses(node, CLASSES) == ("something",)
    assert [name for _key, name, *_rest in looks(node)] == [*NAMES, "something"]
    anterior = node.GetSegmentation().GetSegmentIdBySegmentName("anterior")
    assert np.array_equal(mask_of(node, anterior, volume), random_labels() == 1)


def test_a_segmentation_of_slicer_with_other_values_and_a_crop_is_read(volume, tmp_path):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    node.CreateDefaultDisplayNodes()
    first, second = np.zeros((9, 12, 15), bool), np.zeros((9, 12, 15), bool)
    first[2:6, 3:5, 4:9], second[4:8, 4:6, 5:7] = True, True
    for name, mask in (("anterior", first), (NAMES[0], second)):
        node.GetSegmentation().AddEmptySegment(name, name)
        paint(node, name, mask, volume)
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    storage.SetCropToMinimumExtent(True)
    assert storage.WriteData(node)
    again = loadSegmentation(tmp_path / "a.seg.nrrd", volume, CLASSES, "b")
    assert np.array_equal(mask_of(again, "class_2", volume), second)
    assert np.array_equal(mask_of(again, "class_1", volume), first & ~second)


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (random_labels((9, 12, 15), (0, 1, 5)), "label_values"),
        (random_labels((9, 12, 15)).astype(np.float32) / 2, "label_values"),
        (random_labels((9, 12, 14)), "other_grid"),
    ],
    ids=["value 5", "fractions", "other size"],
)
def test_a_label_that_does_not_fit_adds_nothing_to_the_scene(scene, tmp_path, labels, code):
    volume = add_volume(random_image(), ijk_to_ras(DIRECTIONS["LPS"], (1, 1, 1), (0, 0, 0)), "case 7")
    path, nodes = write_image(tmp_path / "a.nrrd", labels), scene.GetNumberOfNodes()
    with pytest.raises(CohortError, match="case 7") as caught:
        loadSegmentation(path, volume, CLASSES, "b")
    assert caught.value.code == code and scene.GetNumberOfNodes() == nodes


def test_a_segment_with_a_name_of_its_own_is_not_taken_for_a_class_of_the_same_value(volume, tmp_path):
    other = [SegmentClass(1, "liver", (1, 2, 3))]
    saveSegmentation(createSegmentation(volume, other, "a"), volume, other, tmp_path / "a.seg.nrrd")
    node = read_with_slicer(tmp_path / "a.seg.nrrd")
    assert looks(node)[0][:2] == ("class_1", "liver")
    foreign = [SegmentClass(3, "liver", (1, 2, 3))]
    saveSegmentation(createSegmentation(volume, foreign, "a"), volume, foreign, tmp_path / "b.seg.nrrd")
    with pytest.raises(CohortError, match="liver"):
        loadSegmentation(tmp_path / "b.seg.nrrd", volume, CLASSES, "c")


def test_a_segmentation_of_surfaces_is_refused_with_the_remedy(volume, tmp_path):
    node = createSegmentation(volume, CLASSES, "label")
    paint(node, "class_1", random_labels() == 1, volume)
    node.CreateClosedSurfaceRepresentation()
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    with pytest.raises(CohortError, match="Segmentations module"):
        saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")


def test_a_deleted_segmentation_or_volume_is_named(volume, tmp_path):
    node = createSegmentation(volume, CLASSES, "label")
    slicer.mrmlScene.RemoveNode(node)
    with pytest.raises(CohortError, match="segmentation of this case was deleted") as caught:
        saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    assert caught.value.code == "node_deleted"
    node = createSegmentation(volume, CLASSES, "label")
    slicer.mrmlScene.RemoveNode(volume)
    with pytest.raises(CohortError, match="volume of this case was deleted"):
        saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
