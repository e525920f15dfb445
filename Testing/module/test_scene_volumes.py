"""Volumes: what can be a case, what is refused and why, and what goes into the files."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.scene import (
    Role,
    adoptVolume,
    candidateVolumes,
    caseIdOf,
    caseNode,
    createSegmentation,
    exportVolume,
    loadVolume,
    roleOf,
    saveSegmentation,
    volumeProblem,
)
from Testing.module.scenes import CLASSES, add_volume, ijk_to_ras, paint, random_image, slicer, write_image

MATRIX = ijk_to_ras(np.eye(3), (1, 1, 1))


def series(count: int) -> sitk.Image:
    return sitk.JoinSeries([sitk.GetImageFromArray(random_image(seed=n)) for n in range(count)])


def vector() -> sitk.Image:
    return sitk.GetImageFromArray(np.stack([random_image(seed=n) for n in range(3)], -1), isVector=True)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".nii", ".mha"])
def test_a_volume_is_loaded_as_the_case_s_image(scene, tmp_path, suffix):
    array = random_image()
    volume = loadVolume(write_image(tmp_path / f"é 空 a{suffix}", array), "Liver 1", "case_0001")
    assert (
        np.array_equal(slicer.util.arrayFromVolume(volume)[:, ::1], array) and volume.GetName() == "Liver 1"
    )
    assert caseIdOf(volume) == "case_0001" and roleOf(volume) is Role.IMAGE
    assert caseNode("case_0001", Role.IMAGE) is volume
    assert volume.GetStorageNode() is None, "Slicer's Save must not write into the cohort"
    assert volume.GetDisplayNode() is not None


def write_cut_off(path: Path) -> Path:
    whole = write_image(path.with_name("whole.nii.gz"), random_image())
    path.write_bytes(gzip.compress(gzip.decompress(whole.read_bytes())[:-500]))
    return path


def write_half(path: Path) -> Path:
    data = write_image(path.with_name("whole.nii.gz"), random_image()).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


REFUSED = {
    "four_dimensional": lambda folder: sitk.WriteImage(series(3), str(folder / "a.nii.gz")),
    "four_dimensional ": lambda folder: sitk.WriteImage(series(3), str(folder / "a.nrrd")),
    "multi_component": lambda folder: sitk.WriteImage(vector(), str(folder / "a.nrrd")),
    "multi_component ": lambda folder: sitk.WriteImage(vector(), str(folder / "a.nii.gz")),
    "multi_component  ": lambda folder: sitk.WriteImage(vector(), str(folder / "a.mha")),
    "one_slice": lambda folder: write_image(folder / "a.nii.gz", random_image((1, 5, 6))),
    "unreadable": lambda folder: (folder / "a.nii.gz").write_bytes(b"no volume"),
    "unreadable ": lambda folder: (folder / "a.nrrd").write_bytes(b"NRRD0004\nsizes: 1 2"),
    "unreadable  ": lambda folder: (folder / "a.txt").write_bytes(b"text"),
    "unreadable   ": lambda folder: (folder / "a.nii").write_bytes(b""),
    "unreadable    ": lambda folder: write_cut_off(folder / "a.nii.gz"),
    "unreadable     ": lambda folder: write_half(folder / "a.nii.gz"),
    "missing": lambda folder: None,
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_a_case_is_refused_by_name_and_adds_nothing(scene, tmp_path, code):
    REFUSED[code](tmp_path)
    path = next(iter(sorted(tmp_path.glob("a.*"))), tmp_path / "a.nrrd")
    nodes = scene.GetNumberOfNodes()
    with pytest.raises(CohortError, match="Liver 1") as caught:
        loadVolume(path, "Liver 1")
    assert caught.value.code == code.strip() and caught.value.remedy
    assert scene.GetNumberOfNodes() == nodes


def test_a_series_of_one_time_point_is_a_volume(scene, tmp_path):
    sitk.WriteImage(series(1), str(tmp_path / "a.nii.gz"))
    assert np.array_equal(slicer.util.arrayFromVolume(loadVolume(tmp_path / "a.nii.gz", "a")), random_image())


def color_volume(scene):
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "color")
    slicer.util.updateVolumeFromArray(node, np.zeros((4, 5, 6, 3), np.uint8))
    return node


def test_the_scene_s_volumes_are_listed_with_the_reason_where_they_cannot_be_used(scene):
    add_volume(random_image(), MATRIX, "b good")
    add_volume(random_image((1, 5, 6)), MATRIX, "c slice")
    sheared = MATRIX.copy()
    sheared[0, 1] = 0.3
    add_volume(random_image(), sheared, "d sheared")
    color_volume(scene).SetName("a color")
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "e empty")
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "a label map")
    add_volume(random_image(), MATRIX, "hidden").SetHideFromEditors(True)
    found = candidateVolumes()
    assert [item.name for item in found] == ["a color", "b good", "c slice", "d sheared", "e empty"]
    assert [bool(item.problem) for item in found] == [True, False, True, True, True]
    assert all(item.name in item.problem for item in found if item.problem)
    codes = [problem.code for item in found if (problem := volumeProblem(item.node))]
    assert codes == ["multi_component", "one_slice", "sheared", "empty"]


def test_a_time_point_of_a_sequence_is_refused_with_the_remedy(scene):
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "beats")
    for time_point in range(2):
        sequence.SetDataNodeAtValue(add_volume(random_image(seed=time_point), MATRIX), str(time_point))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    shown = add_volume(random_image(), MATRIX, "beats")
    browser.AddProxyNode(shown, sequence, False)
    problem = volumeProblem(shown)
    assert problem.code == "four_dimensional" and "beats" in str(problem) and "time point" in problem.remedy


@pytest.mark.parametrize("node", [None, "vtkMRMLModelNode", "vtkMRMLLabelMapVolumeNode"])
def test_what_is_no_volume_is_refused(scene, node):
    assert volumeProblem(scene.AddNewNodeByClass(node) if node else None).code == "not_a_volume"


def test_nothing_of_the_patient_goes_into_an_exported_file(scene, tmp_path):
    volume = add_volume(random_image(), MATRIX, "DOE^JOHN")
    volume.SetDescription("DOE^JOHN")
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3.4.5")
    exportVolume(volume, tmp_path / "case_0001.nrrd")
    header = (tmp_path / "case_0001.nrrd").read_bytes().split(b"\n\n")[0]
    assert b"DOE" not in header and b"1.2.3.4" not in header and b"DICOM" not in header
    assert list(tmp_path.iterdir()) == [tmp_path / "case_0001.nrrd"]


def test_a_dicom_series_loses_its_tags_on_export(scene, tmp_path):
    image = sitk.GetImageFromArray(random_image())
    image.SetMetaData("0010|0010", "DOE^JOHN")
    image.SetMetaData("Patient", "DOE^JOHN")
    sitk.WriteImage(image, str(tmp_path / "in.nrrd"))
    assert b"DOE" in (tmp_path / "in.nrrd").read_bytes()
    exportVolume(loadVolume(tmp_path / "in.nrrd", "a"), tmp_path / "out.nrrd")
    assert b"DOE" not in (tmp_path / "out.nrrd").read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_voxel_type_is_exported_as_it_is(scene, tmp_path, dtype):
    array = random_image().astype(dtype)
    exportVolume(add_volume(array, MATRIX), tmp_path / "a.nrrd")
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nrrd")))
    assert read.dtype == dtype and np.array_equal(read, array)


def test_a_folder_that_cannot_be_written_to_is_said_as_such(scene, tmp_path):
    volume = add_volume(random_image(), MATRIX)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CohortError, match="could not be written") as caught:
        exportVolume(volume, tmp_path / "file" / "a.nrrd")
    assert caught.value.code == "not_written"


def test_an_adopted_volume_stays_where_the_user_put_it(scene):
    volume = add_volume(random_image(), MATRIX, "mine")
    adoptVolume(volume, "case_0003")
    assert caseNode("case_0003", Role.IMAGE) is volume and volume.GetName() == "mine"
    color = color_volume(scene)
    with pytest.raises(CohortError):
        adoptVolume(color, "case_0004")
    assert caseIdOf(color) is None


KILLED = """
import sys
sys.path[:0] = {paths!r}
import numpy as np, slicer, vtk
from pathlib import Path
from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.scene.label_files import writeLabels
scene, logic = slicer.vtkMRMLScene(), slicer.vtkSlicerSegmentationsModuleLogic()
logic.SetMRMLScene(scene)
volume, image = slicer.vtkMRMLScalarVolumeNode(), vtk.vtkImageData()
image.SetDimensions(100, 100, 100)
image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
volume.SetAndObserveImageData(image)
labels = [np.random.default_rng(n).integers(0, 3, (100, 100, 100)).astype(np.uint8) for n in range(2)]
classes = [SegmentClass(1, "a", (1, 2, 3)), SegmentClass(2, "b", (1, 2, 3))]
while True:
    for array in labels:
        writeLabels(Path({target!r}), array, volume, classes)
        print("saved", flush=True)
"""


def test_a_kill_while_saving_leaves_the_old_or_the_new_label_whole(tmp_path):
    target = tmp_path / "label.seg.nrrd"
    root = Path(__file__).resolve().parents[2]
    code = KILLED.format(paths=[str(root), str(root / "CFRSegment")], target=str(target))
    expected = [np.random.default_rng(n).integers(0, 3, (100, 100, 100)).astype(np.uint8) for n in range(2)]
    for number in range(4):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"saved\n"
        time.sleep(0.03 + 0.11 * number)
        process.kill()
        process.wait()
        saved = sitk.GetArrayFromImage(sitk.ReadImage(str(target)))
        assert any(np.array_equal(saved, array) for array in expected)


@contextmanager
def full_disk():
    """No file can grow beyond 4,000 bytes; writes then fail as they do on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_as_such_and_the_file_that_was_there_stays(scene, tmp_path):
    exportVolume(add_volume(random_image((2, 3, 4)), MATRIX), tmp_path / "a.nrrd")
    labels = np.random.default_rng(0).integers(0, 2, (20, 40, 40)).astype(bool)
    volume = add_volume(random_image((20, 40, 40)), MATRIX)
    node = createSegmentation(volume, CLASSES, "a")
    paint(node, "class_1", labels, volume)
    (tmp_path / "a.seg.nrrd").write_bytes(b"old")
    before = (tmp_path / "a.nrrd").read_bytes()
    with full_disk(), pytest.raises(CohortError, match="disk has space"):
        exportVolume(volume, tmp_path / "a.nrrd")
    with full_disk(), pytest.raises(CohortError, match="disk has space"):
        saveSegmentation(node, volume, CLASSES, tmp_path / "a.seg.nrrd")
    assert (tmp_path / "a.nrrd").read_bytes() == before and (tmp_path / "a.seg.nrrd").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
