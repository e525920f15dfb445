"""The section Apply with a really trained model on real volumes. Numbers: slicer.md, section 5."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from Testing.bed.waiting import process_events, wait_until

LONGEST_SECONDS = 240


@pytest.fixture
def apply(window, trained_cohort, tmp_path, monkeypatch):
    """The section Apply of a cohort with one model; temporary files go into a folder of the test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    window.session.openCohort(trained_cohort)
    for name in ("cohort", "annotate", "train", "review"):
        window.widget.sections.section(name).collapsed = True
    window.session.showSection("apply")
    process_events(0.3)
    return Applying(window)


class Applying:
    """What a user does in the section, and what is seen."""

    def __init__(self, window) -> None:
        self.window, self.user, self.session, self.dialogs = (
            window,
            window.user,
            window.session,
            window.dialogs,
        )

    @property
    def panel(self):
        return self.window.panel("apply")

    @property
    def ui(self):
        return self.panel.ui

    def show_volume(self, path: Path, name: str = "unseen"):
        """Load a volume as File > Add data does, which shows it."""
        import slicer.util

        node = slicer.util.loadVolume(str(path), {"name": name})
        process_events(0.3)
        return node

    def segment(self) -> None:
        """Press the button; wait for the end."""
        self.user.click(self.ui.segmentButton)
        wait_until(lambda: not self.panel._segmenter.isRunning, "the segmentation", LONGEST_SECONDS)
        process_events(0.3)

    def message(self) -> str:
        return self.window.text(self.panel.message)

    def press(self, text: str) -> None:
        buttons = [button for button in self.panel.message._actions if button.text == text]
        assert buttons, [button.text for button in self.panel.message._actions]
        self.user.click(buttons[0])
        process_events(0.2)

    def manage(self, entry: str) -> None:
        """Choose an entry of the menu Manage."""
        self.dialogs.expect(entry)
        self.user.click(self.ui.manageButton)
        process_events(0.3)

    def segmentations(self) -> list:
        import slicer.util

        return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")

    def voxels(self, node, volume) -> np.ndarray:
        """The label map of a segmentation on the voxels of a volume."""
        import slicer.util

        found = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
        for value in (1, 2):
            found[slicer.util.arrayFromSegmentBinaryLabelmap(node, f"class_{value}", volume) > 0] = value
        return found

    def temporary_folders(self) -> set[Path]:
        return set(Path(tempfile.gettempdir()).iterdir())


def nodes() -> dict[str, str]:
    """Ids and classes of all nodes of the scene."""
    import slicer

    scene = slicer.mrmlScene
    found = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return {node.GetID(): node.GetClassName() for node in found}


def test_without_a_model_the_section_says_what_to_do(window, new_cohort, small_volumes):
    window.session.openCohort(new_cohort(cases=1))
    window.session.showSection("apply")
    process_events(0.2)
    ui = window.panel("apply").ui
    assert ui.modelLabel.text == "No model yet. A training makes one, or import one from a file."
    assert not ui.segmentButton.enabled
    assert ui.segmentButton.toolTip == "There is no model yet: train one, or import one."


def test_the_model_says_what_it_is(apply, shot):
    text = apply.ui.modelLabel.text
    assert "Anterior" in text and "Posterior" in text and "#e69f00" in text
    assert "from 1 label, preset preview. Not measured on validation cases." in text
    assert apply.ui.viewedLabel.text == "No volume in the viewer."
    assert apply.ui.segmentButton.toolTip == "Load a volume and show it in the viewer."
    shot("apply_model")


def test_37_39_one_click_gives_a_named_segmentation_and_leaves_nothing_else(apply, small_volumes, shot):
    import slicer

    volume = apply.show_volume(small_volumes[5][0])
    before, folders = nodes(), apply.temporary_folders()
    apply.segment()
    assert "unseen segmented in" in apply.message() and "Anterior" in apply.message()
    shot("apply_segmented")
    new = [kind for key, kind in nodes().items() if key not in before]
    assert sorted(new) == ["vtkMRMLSegmentationDisplayNode", "vtkMRMLSegmentationNode"]
    assert apply.temporary_folders() == folders
    (node,) = apply.segmentations()
    segmentation = node.GetSegmentation()
    names = [segmentation.GetNthSegment(index).GetName() for index in range(2)]
    assert (node.GetName(), names) == ("unseen segmentation", ["Anterior", "Posterior"])
    colors = [tuple(round(255 * part) for part in segmentation.GetNthSegment(i).GetColor()) for i in range(2)]
    assert colors == [(230, 159, 0), (86, 180, 233)]
    first = apply.voxels(node, volume)
    assert first.any()
    apply.segment()
    second = next(item for item in apply.segmentations() if item is not node)
    assert np.array_equal(apply.voxels(second, volume), first)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2


def test_37_the_result_is_ready_for_dicom_seg_and_under_the_parent_transform(apply, small_volumes):
    import slicer
    import vtk

    volume = apply.show_volume(small_volumes[4][0])
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 25)
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    apply.segment()
    (node,) = apply.segmentations()
    assert node.GetParentTransformNode() is transform
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is volume
    tags = vtk.mutable("")
    segment = node.GetSegmentation().GetNthSegment(0)
    assert segment.GetTag("DICOM.SegmentAlgorithmType", tags) and str(tags) == "AUTOMATIC"
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items = [tree.GetItemByDataNode(item) for item in (node, volume)]
    assert tree.GetItemParent(items[0]) == tree.GetItemParent(items[1])


def test_cancel_adds_nothing_and_removes_the_temporary_files(apply, small_volumes, shot):
    apply.show_volume(small_volumes[5][0])
    before, folders = nodes(), apply.temporary_folders()
    apply.user.click(apply.ui.segmentButton)
    wait_until(lambda: apply.ui.segmentingRow.isVisible(), "the progress")
    assert not apply.ui.segmentButton.enabled
    shot("apply_segmenting")
    apply.user.click(apply.ui.segmentingCancelButton)
    wait_until(lambda: "Canceled" in apply.message(), "the end", 15)
    assert nodes() == before and apply.temporary_folders() == folders
    assert apply.ui.segmentButton.enabled and not apply.ui.segmentingRow.isVisible()


def test_a_volume_that_is_deleted_meanwhile_is_told_and_nothing_is_added(apply, small_volumes):
    import slicer

    volume = apply.show_volume(small_volumes[5][0])
    apply.user.click(apply.ui.segmentButton)
    wait_until(lambda: apply.panel._segmenter.isRunning, "the start")
    slicer.mrmlScene.RemoveNode(volume)
    wait_until(lambda: "deleted from the scene" in apply.message(), "the message", LONGEST_SECONDS)
    assert apply.segmentations() == []


def test_a_color_volume_is_refused_by_name_before_anything_starts(apply):
    import slicer
    import slicer.util

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    slicer.util.updateVolumeFromArray(node, np.zeros((4, 4, 4, 3), np.uint8))
    slicer.util.setSliceViewerLayers(background=node)
    process_events(0.3)
    assert not apply.ui.segmentButton.enabled and "photo" in apply.ui.segmentButton.toolTip


def test_what_the_engine_says_is_what_the_user_reads(apply, small_volumes, scripted):
    problem = {"ok": False, "code": "bad", "text": "The volume is empty.", "remedy": "Load it again."}
    finished = {"print": {"type": "finished", "status": "done"}}
    scripted(predict=[{"print": {"type": "case", "index": 0, **problem}}, finished, {"exit": 3}])
    apply.show_volume(small_volumes[5][0])
    apply.segment()
    assert apply.message() == "The volume is empty. Load it again." and apply.segmentations() == []


def test_38_a_batch_goes_on_after_a_failure_and_says_how_each_case_went(apply, shot):
    broken = apply.session.cohort.case("case_0003")
    broken.image.write_bytes(b"no volume at all")
    apply.user.click(apply.ui.batchBox, at=(40, 10))
    process_events(0.2)
    assert apply.ui.batchButton.text == "Segment 0 cases" and not apply.ui.batchButton.enabled
    apply.user.click(apply.ui.batchAllButton)
    assert apply.ui.batchButton.text == "Segment 6 cases"
    apply.user.click(apply.ui.batchButton)
    batch = apply.panel._batch
    wait_until(lambda: batch._segmenter.results, "the first result", LONGEST_SECONDS)
    shot("apply_batch_running")
    wait_until(lambda: not batch.isRunning, "the end", LONGEST_SECONDS)
    process_events(0.2)
    text = apply.window.text(batch.message)
    assert text.startswith("5 segmented, 1 failed.") and f"{broken.title}: " in text
    shot("apply_batch_done")
    files = sorted(path.name for path in (apply.session.cohort.folder / "results").rglob("*.nii.gz"))
    assert files == [f"case_{number:04d}.nii.gz" for number in (1, 2, 4, 5, 6)]
    apply.user.click_cell(apply.ui.batchView, 1, 0, count=2)
    wait_until(lambda: apply.session.case.id == "case_0002", "the case with its result")
    names = [node.GetName() for node in apply.segmentations() if node.GetDisplayVisibility()]
    assert names == [f"{apply.session.case.current.title} segmentation"]


def test_40_an_exported_model_is_one_file_that_gives_the_same_result_elsewhere(
    apply, small_volumes, tmp_path, shot
):
    volume = apply.show_volume(small_volumes[5][0])
    apply.segment()
    here = apply.voxels(apply.segmentations()[0], volume)
    target = tmp_path / "é 海馬.cfrmodel"
    apply.dialogs.expect(target, title="Export the model")
    apply.manage("Export...")
    wait_until(lambda: "Exported to" in apply.message(), "the export", 30)
    apply.session.closeCohort()  # as on another computer: no cohort, nothing but the file
    process_events(0.2)
    assert apply.panel._models.model is None
    apply.dialogs.expect(target, title="Import a model")
    apply.manage("Import...")
    wait_until(lambda: "is imported; its content is as it was made." in apply.message(), "the import", 30)
    assert apply.panel._models.model.name == "é 海馬" and "Anterior" in apply.ui.modelLabel.text
    shot("apply_imported")
    apply.segment()
    there = apply.voxels(apply.segmentations()[-1], volume)
    assert np.array_equal(here, there) and here.any()


def test_40_a_tampered_model_is_refused_and_not_kept(apply, tmp_path):
    store = apply.session.cohort.modelsFolder
    (model,) = store.glob("*.cfrmodel")
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    tampered = tmp_path / "tampered.cfrmodel"
    tampered.write_bytes(data)
    apply.dialogs.expect(tampered, title="Import a model")
    apply.manage("Import...")
    wait_until(lambda: apply.panel.message.level == "error", "the refusal", 30)
    assert "cannot be used" in apply.message() and list(store.glob("*.cfrmodel")) == [model]


def test_a_damaged_model_in_the_list_says_so_and_can_only_be_deleted(apply):
    store = apply.session.cohort.modelsFolder
    (store / "broken.cfrmodel").write_bytes(b"no model")
    apply.panel.refresh()
    apply.user.choose(apply.ui.modelComboBox, "broken")
    assert "cannot be used" in apply.ui.modelLabel.text and not apply.ui.segmentButton.enabled
    apply.manage("Delete...")
    assert "Delete the model broken?" in apply.message()
    apply.press("Delete")
    assert not (store / "broken.cfrmodel").exists() and apply.panel._models.model.problem is None


def test_the_volume_in_the_viewer_is_followed(apply, small_volumes):
    import slicer.util

    first = apply.show_volume(small_volumes[4][0], "first")
    apply.show_volume(small_volumes[5][0], "second")
    assert "second" in apply.ui.viewedLabel.text
    slicer.util.setSliceViewerLayers(background=first)
    process_events(0.2)
    assert "first" in apply.ui.viewedLabel.text and apply.ui.segmentButton.enabled
