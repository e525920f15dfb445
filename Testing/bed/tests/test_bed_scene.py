"""The scene without a window: files, subject hierarchy, terminology, DICOM."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def labeled(bed, hippocampus):
    """A real volume and its true label as a segmentation."""
    import slicer.util

    image, label = hippocampus[0]
    volume = slicer.util.loadVolume(str(image), {})
    segmentation = slicer.util.loadSegmentation(str(label), {"name": "truth"})
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return volume, segmentation


def items(scene) -> list[str]:
    """Names of all subject hierarchy items, depth first."""
    import slicer.util

    node = scene.GetSubjectHierarchyNode()
    return [node.GetItemName(item) for item in slicer.util.getSubjectHierarchyItemChildren(recursive=True)]


def voxels(segmentation, volume) -> list[int]:
    """Voxels of each segment."""
    import slicer.util

    ids = segmentation.GetSegmentation().GetSegmentIDs()
    arrays = [slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, item, volume) for item in ids]
    return [int(array.sum()) for array in arrays]


def test_volumes_and_labels_load_as_in_slicer(labeled):
    volume, segmentation = labeled
    assert volume.GetName() == "hippocampus_001"
    assert segmentation.GetSegmentation().GetSegmentIDs() == ("Segment_1", "Segment_2")
    assert min(voxels(segmentation, volume)) > 100


def test_a_segmentation_file_keeps_names_colors_and_terminology(labeled, tmp_path):
    import slicer.util
    import vtk

    volume, segmentation = labeled
    segment = segmentation.GetSegmentation().GetSegment("Segment_1")
    segment.SetName("anterior")
    segment.SetColor(0.5, 0.25, 0.0)
    tag = "Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure"
    tag += "~SCT^5366008^Hippocampus~^^~Anatomic codes - DICOM master list~^^~^^"
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), tag)
    path = tmp_path / "ü 空" / "label.seg.nrrd"
    assert slicer.util.saveNode(segmentation, str(path), {})
    again = slicer.util.loadSegmentation(str(path), {})
    loaded = again.GetSegmentation().GetSegment("Segment_1")
    value = vtk.reference("")
    loaded.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), value)
    assert loaded.GetName() == "anterior" and str(value) == tag
    assert loaded.GetColor() == pytest.approx((0.5, 0.25, 0.0), abs=1e-3)
    assert voxels(again, volume) == voxels(segmentation, volume)


def test_exporting_leaves_the_storage_node_alone(labeled, tmp_path):
    import slicer.util

    volume, _ = labeled
    before = volume.GetStorageNode().GetFileName()
    for name in ("a.nrrd", "b.nii.gz"):
        assert slicer.util.exportNode(volume, str(tmp_path / name), {})
        again = slicer.util.loadVolume(str(tmp_path / name), {"show": False})
        assert np.array_equal(slicer.util.arrayFromVolume(again), slicer.util.arrayFromVolume(volume))
    assert volume.GetStorageNode().GetFileName() == before


def test_exporting_to_world_applies_the_parent_transform(labeled, tmp_path):
    import slicer.util
    import vtk

    volume, _ = labeled
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 10.0)
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    slicer.util.exportNode(volume, str(tmp_path / "world.nrrd"), {}, world=True)
    again = slicer.util.loadVolume(str(tmp_path / "world.nrrd"), {})
    assert again.GetOrigin()[0] == pytest.approx(volume.GetOrigin()[0] + 10.0)


@pytest.mark.parametrize("name", ["missing.nii.gz", "damaged.nrrd"])
def test_unreadable_files_raise_with_the_name(bed, tmp_path, name):
    import slicer.util

    (tmp_path / "damaged.nrrd").write_bytes(b"NRRD0004\nnothing")
    with pytest.raises(RuntimeError, match=name.split(".")[0]):
        slicer.util.loadVolume(str(tmp_path / name), {})


def test_items_appear_for_nodes_and_segments_and_vanish_with_them(bed, labeled):
    import slicer

    volume, segmentation = labeled
    assert items(bed.core.scene) == ["hippocampus_001", "truth", "Segment_1", "Segment_2"]
    segmentation.GetSegmentation().GetSegment("Segment_1").SetName("anterior")
    segmentation.GetSegmentation().RemoveSegment("Segment_2")
    hidden = slicer.mrmlScene.CreateNodeByClass("vtkMRMLTextNode")
    hidden.UnRegister(None)
    hidden.SetHideFromEditors(True)
    slicer.mrmlScene.AddNode(hidden)
    assert items(bed.core.scene) == ["hippocampus_001", "truth", "anterior"]
    slicer.mrmlScene.RemoveNode(segmentation)
    assert items(bed.core.scene) == ["hippocampus_001"]


def test_folders_stay_after_saving_and_the_hierarchy_is_made_again(bed, labeled, tmp_path):
    import slicer.util

    volume, segmentation = labeled
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "case_0001")
    for node in labeled:
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), folder)
    before = items(bed.core.scene)
    slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    bed.resetScene()
    assert items(bed.core.scene) == [] and slicer.mrmlScene.GetSubjectHierarchyNode() is not None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    assert items(bed.core.scene) == before
    assert before == ["case_0001", "hippocampus_001", "truth", "Segment_1", "Segment_2"]


def test_slicers_terminology_contexts_are_there(bed):
    import slicer

    logic = slicer.modules.terminologies.logic()
    name = "Segmentation category and type - DICOM master list"
    assert logic.IsTerminologyContextLoaded(name)
    assert logic.GetNumberOfCategoriesInTerminology(name) == 3


@pytest.fixture
def dicom_folder(tmp_path):
    """Three slices of one series of a made-up patient."""
    import SimpleITK as sitk

    folder = tmp_path / "dicom"
    folder.mkdir()
    tags = {"0010|0010": "Doe^Jane", "0010|0020": "4711", "0008|0060": "MR", "0008|103e": "T1 head"}
    tags |= {"0020|000d": "1.2.3", "0020|000e": "1.2.3.4", "0020|0011": "5", "0008|0020": "20260102"}
    for index in range(3):
        image = sitk.GetImageFromArray(np.full((4, 5), index, np.int16)[None])
        image.SetSpacing((0.5, 0.5, 2.0))
        own = {"0008|0018": f"1.2.3.4.{index}", "0020|0013": str(index)}
        own["0020|0032"] = f"0\\0\\{2 * index}"
        own["0020|0037"] = "1\\0\\0\\0\\1\\0"
        for key, value in (tags | own).items():
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{index}.dcm"))
        writer.Execute(image)
    return folder


def test_a_folder_serves_as_dicom_database(bed, dicom_folder):
    import slicer

    database = slicer.dicomDatabase
    assert database.isOpen and database.patients() == ()
    assert bed.dicomDatabase.import_folder(dicom_folder) == 3
    (study,) = database.studiesForPatient(database.patients()[0])
    (series,) = database.seriesForStudy(study)
    assert (study, series, len(database.filesForSeries(series))) == ("1.2.3", "1.2.3.4", 3)
    assert database.fileValue(database.filesForSeries(series)[0], "0008,103E") == "T1 head"


def test_a_dicom_series_loads_below_its_patient(bed, dicom_folder):
    import slicer
    from DICOMLib import DICOMUtils

    DICOMUtils.importDicom(str(dicom_folder))
    (node_id,) = DICOMUtils.loadSeriesByUID(["1.2.3.4"])
    node = slicer.mrmlScene.GetNodeByID(node_id)
    assert node.GetName() == "5: T1 head" and node.GetImageData().GetDimensions() == (5, 4, 3)
    assert node.GetAttribute("DICOM.instanceUIDs").split()[0] == "1.2.3.4.0"
    assert items(bed.core.scene) == ["Doe^Jane", "Study", "5: T1 head"]
