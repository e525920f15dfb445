"""Pseudo-labels, the uncertainty overlay, folders, results, and that nothing is left behind."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import vtk

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.scene import (
    Role,
    adoptVolume,
    caseFolder,
    caseNode,
    caseNodes,
    createSegmentation,
    exportVolume,
    hideUncertainty,
    importResult,
    loadPseudoLabel,
    loadSegmentation,
    loadVolume,
    removeCaseNodes,
    requireInScene,
    roleOf,
    showSegmentation,
    showUncertainty,
    showVolume,
    temporaryNodes,
)
from Testing.module.scenes import (
    CLASSES,
    DIRECTIONS,
    HEART,
    add_transform,
    add_volume,
    ijk_to_ras,
    oblique,
    random_image,
    random_labels,
    slicer,
    write_image,
)

MATRIX = ijk_to_ras(np.eye(3), (1, 1, 1))
VIRTUAL_BRANCH = slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyVirtualBranchAttributeName()


@pytest.fixture
def files(tmp_path):
    """Files of one case as the engine writes them, on left-handed axes."""
    direction = DIRECTIONS["LAS left-handed"] @ np.diag([-1, -1, 1])
    doubt = random_labels(values=range(101))
    return SimpleNamespace(
        image=write_image(tmp_path / "image.nii.gz", random_image(), direction),
        pseudo=write_image(tmp_path / "case_0001.nii.gz", random_labels(), direction),
        doubt=write_image(tmp_path / "case_0001_uncertainty.nii.gz", doubt, direction),
        doubt_array=doubt,
    )


@pytest.fixture
def volume(scene, files):
    return loadVolume(files.image, "Liver 1", "case_0001")


@pytest.fixture
def views(scene):
    """Two slice views' composite nodes."""
    for name in ("Red", "Green"):
        scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", name).SetLayoutName(name)
    return [scene.GetNthNodeByClass(index, "vtkMRMLSliceCompositeNode") for index in range(2)]


def tree():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def parent_of(node) -> int:
    return tree().GetItemParent(tree().GetItemByDataNode(node))


def test_a_pseudo_label_is_an_editable_node_in_the_case_s_folder(volume, files):
    before = files.pseudo.read_bytes()
    node = loadPseudoLabel(files.pseudo, volume, CLASSES, "Liver 1", caseId="case_0001")
    assert node.GetName() == "Liver 1 pseudo-label" and node.IsA("vtkMRMLSegmentationNode")
    assert parent_of(node) == parent_of(volume) == caseFolder("case_0001", "Liver 1")
    assert tree().GetItemName(parent_of(node)) == "Liver 1"
    assert caseNode("case_0001", Role.PSEUDO_LABEL) is node and node.GetStorageNode() is None
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    node.GetSegmentation().RemoveAllSegments()
    assert files.pseudo.read_bytes() == before


def test_a_pseudo_label_can_go_into_another_folder(volume, files):
    folder = caseFolder("case_0009", "elsewhere")
    assert parent_of(loadPseudoLabel(files.pseudo, volume, CLASSES, "Liver 1", folder)) == folder


def test_the_expert_label_is_another_node_than_the_pseudo_label(volume, files):
    label = loadSegmentation(files.pseudo, volume, CLASSES, "label", "case_0001")
    pseudo = loadPseudoLabel(files.pseudo, volume, CLASSES, "Liver 1", caseId="case_0001")
    assert label is not pseudo and label.GetSegmentation() is not pseudo.GetSegmentation()
    shared = [node.GetSegmentation().GetSegment("class_1") for node in (label, pseudo)]
    images = [segment.GetRepresentation("Binary labelmap") for segment in shared]
    assert images[0] is not images[1]
    assert caseNode("case_0001", Role.LABEL) is label
    showSegmentation(pseudo)
    assert pseudo.GetDisplayVisibility() and not label.GetDisplayVisibility()


def test_a_folder_is_found_again_after_it_was_renamed(scene):
    folder = caseFolder("case_0001", "Liver 1")
    tree().SetItemName(folder, "my liver")
    assert caseFolder("case_0001", "Liver 1") == folder != caseFolder("case_0002", "Liver 1")


@pytest.fixture
def slice_view(slicer_core, scene):
    """A real slice view's logic, without a window."""
    logic, logics = slicer.vtkMRMLSliceLogic(), slicer_core.application_logic.GetSliceLogics()
    logic.SetMRMLApplicationLogic(slicer_core.application_logic)
    logics.AddItem(logic)
    logic.SetMRMLScene(scene)
    node = logic.AddSliceNode("Red")
    node.SetDefaultOrientation("Axial")
    logic.ResizeSliceNode(300, 300)
    yield node
    logics.RemoveItem(logic)


def test_an_oblique_volume_is_shown_in_its_own_planes_and_fits(slice_view):
    tilted = add_volume(random_image(), ijk_to_ras(oblique(20), (1, 1, 1)), "tilted")
    showVolume(tilted)
    normal = [slice_view.GetSliceToRAS().GetElement(row, 2) for row in range(3)]
    assert abs(np.dot(normal, oblique(20)[:, 2])) > 0.999
    assert 12 < max(slice_view.GetFieldOfView()[:2]) < 40
    straight = add_volume(random_image(), MATRIX, "straight")
    showVolume(straight)
    assert slice_view.GetOrientation() == "Axial"


def test_the_volume_is_shown_alone(scene, volume, views):
    views[0].SetForegroundVolumeID(add_volume(random_image(), MATRIX).GetID())
    showVolume(volume)
    assert [view.GetBackgroundVolumeID() for view in views] == [volume.GetID()] * 2
    assert not any(view.GetForegroundVolumeID() or view.GetLabelVolumeID() for view in views)
    assert slicer.app.applicationLogic().GetSelectionNode().GetActiveVolumeID() == volume.GetID()


@pytest.mark.parametrize("transformed", [False, True])
def test_the_uncertainty_lies_over_the_image_with_sure_voxels_transparent(volume, files, views, transformed):
    if transformed:
        transform = add_transform(ijk_to_ras(oblique(), (1, 1, 1)))
        volume.SetAndObserveTransformNodeID(transform.GetID())
    node = showUncertainty(files.doubt, volume, 0.4, "case_0001")
    assert [view.GetForegroundVolumeID() for view in views] == [node.GetID()] * 2
    assert [view.GetForegroundOpacity() for view in views] == [0.4] * 2
    assert np.array_equal(slicer.util.arrayFromVolume(node), files.doubt_array[::-1])
    matrices = [vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()]
    node.GetIJKToRASMatrix(matrices[0])
    volume.GetIJKToRASMatrix(matrices[1])
    assert str(matrices[0]).split("Elements")[1] == str(matrices[1]).split("Elements")[1]
    assert node.GetParentTransformNode() is volume.GetParentTransformNode()
    display = node.GetDisplayNode()
    assert display.GetApplyThreshold() and display.GetLowerThreshold() > 0
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 100)
    sure, guess = [0.0] * 4, [0.0] * 4
    display.GetColorNode().GetColor(0, sure)
    display.GetColorNode().GetColor(100, guess)
    assert sum(sure[:3]) > sum(guess[:3]) and guess[0] > max(guess[1:3])


def test_the_overlay_goes_without_a_trace_and_brings_back_what_was_there(volume, files, views):
    mine = add_volume(random_image(), MATRIX, "mine")
    for view in views:
        view.SetForegroundVolumeID(mine.GetID())
        view.SetForegroundOpacity(0.25)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    for _time in range(3):
        showUncertainty(files.doubt, volume, caseId="case_0001")
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 3
    hideUncertainty()
    hideUncertainty()
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert [(v.GetForegroundVolumeID(), v.GetForegroundOpacity()) for v in views] == [
        (mine.GetID(), 0.25)
    ] * 2


def test_an_uncertainty_of_another_volume_is_refused(volume, tmp_path):
    path, nodes = (
        write_image(tmp_path / "a.nii.gz", random_image((5, 6, 7))),
        slicer.mrmlScene.GetNumberOfNodes(),
    )
    with pytest.raises(CohortError, match="Liver 1"):
        showUncertainty(path, volume)
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_all_nodes_of_a_case_go_together_and_leave_nothing(scene, files, views):
    nodes = scene.GetNumberOfNodes()
    items = tree().GetNumberOfItems()
    for case in ("case_0001", "case_0002"):
        volume = loadVolume(files.image, case, case)
        loadSegmentation(files.pseudo, volume, CLASSES, "label", case)
        loadPseudoLabel(files.pseudo, volume, CLASSES, case, caseId=case)
        showUncertainty(files.doubt, volume, caseId=case)
        for node in caseNodes(case):  # as Slicer's plugin for segmentations does: its items go with the node
            tree().SetItemAttribute(tree().GetItemByDataNode(node), VIRTUAL_BRANCH, "1")
    assert len(caseNodes("case_0002")) == 4 and len(caseNodes()) == 7
    removeCaseNodes("case_0002")
    assert len(caseNodes("case_0002")) == 0 and len(caseNodes("case_0001")) == 3
    removeCaseNodes("case_0001", keepImage=True)
    assert [roleOf(node) for node in caseNodes()] == [Role.IMAGE]
    assert removeCaseNodes("case_0001") > 0
    assert scene.GetNumberOfNodes() == nodes and tree().GetNumberOfItems() == items


def test_what_the_user_loaded_and_made_stays(scene):
    volume = add_volume(random_image(), MATRIX, "mine")
    adoptVolume(volume, "case_0001")
    createSegmentation(volume, CLASSES, "label", "case_0001")
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", "by the user")
    tree().SetItemParent(tree().GetItemByDataNode(model), caseFolder("case_0001", "mine"))
    removeCaseNodes("case_0001")
    assert caseNodes() == () and scene.IsNodePresent(volume) and scene.IsNodePresent(model)
    assert parent_of(model) == caseFolder("case_0001", "mine")


def test_temporary_nodes_are_removed_also_after_an_error(scene):
    nodes = scene.GetNumberOfNodes()
    with pytest.raises(ValueError), temporaryNodes():
        add_volume(random_image(), MATRIX)
        raise ValueError
    assert scene.GetNumberOfNodes() == nodes
    with temporaryNodes() as kept:
        volume = add_volume(random_image(), MATRIX)
        kept.append(createSegmentation(volume, CLASSES, "result"))
        kept[0].SetNodeReferenceID(kept[0].GetReferenceImageGeometryReferenceRole(), None)
    assert scene.IsNodePresent(kept[0]) and kept[0].GetDisplayNode() is not None
    assert not scene.IsNodePresent(volume) and scene.GetNumberOfNodes() == nodes + 2


def test_a_kept_node_keeps_what_it_refers_to(scene):
    with temporaryNodes() as kept:
        volume = add_volume(random_image(), MATRIX)
        kept.append(createSegmentation(volume, CLASSES, "result"))
        add_volume(random_image(), MATRIX)
    assert scene.IsNodePresent(volume) and scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_a_deleted_node_is_named_with_the_remedy(scene):
    volume = add_volume(random_image(), MATRIX)
    requireInScene(volume, "The volume")
    scene.RemoveNode(volume)
    for gone in (volume, None):
        with pytest.raises(CohortError, match="The volume was deleted from the scene. Select the case again"):
            requireInScene(gone, "The volume")


def test_a_result_has_all_that_dicom_seg_export_asks_for(scene, tmp_path):
    volume = add_volume(random_image(), MATRIX, "CT")
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    hierarchy = tree()
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    study = hierarchy.CreateStudyItem(patient, "study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
    path = write_image(
        tmp_path / "a.nii.gz", random_labels(), np.diag([-1, -1, 1]), (1, 1, 1), (-10.5, 20.25, 30.125)
    )
    node = importResult(path, volume, CLASSES, "result", "CFRSegment 1.0 my_model")

    item = hierarchy.GetItemByDataNode(node)
    assert hierarchy.GetItemParent(item) == study and roleOf(node) is Role.RESULT
    assert hierarchy.GetItemAttribute(item, "DICOM.ReferencedInstanceUIDs") == "1.2.3 1.2.4"
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    logic = slicer.app.applicationLogic().GetModuleLogic("Terminologies")
    for index, name in enumerate(c.name for c in CLASSES):
        segment, value = node.GetSegmentation().GetNthSegment(index), vtk.mutable("")
        assert segment.GetName() == name
        assert segment.GetTag("DICOM.SegmentAlgorithmType", value) and str(value) == "AUTOMATIC"
        assert segment.GetTag("DICOM.SegmentAlgorithmName", value) and str(value) == "CFRSegment 1.0 my_model"
        entry = slicer.vtkSlicerTerminologyEntry()
        assert logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
        assert entry.GetCategoryObject().GetCodeValue() and entry.GetTypeObject().GetCodeValue()
        if CLASSES[index].terminology == HEART:
            assert entry.GetTypeObject().GetCodeMeaning() == "Heart"


def test_case_nodes_are_found_again_after_the_scene_was_saved_and_loaded(scene, volume, files, tmp_path):
    loadSegmentation(files.pseudo, volume, CLASSES, "label", "case_0001")
    shown = slicer.util.arrayFromVolume(volume).copy()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    assert caseNodes() == ()
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    again, label = caseNode("case_0001", Role.IMAGE), caseNode("case_0001", Role.LABEL)
    assert np.array_equal(slicer.util.arrayFromVolume(again), shown) and again.GetName() == "Liver 1"
    assert label.GetSegmentation().GetSegmentIDs() == tuple(f"class_{c.value}" for c in CLASSES)
    assert parent_of(again) == parent_of(label) == caseFolder("case_0001", "Liver 1")
    assert again.GetStorageNode().GetFullNameFromFileName() != str(files.image)


def test_copies_that_a_user_makes_are_no_case_nodes(scene, volume, files, tmp_path):
    label = loadSegmentation(files.pseudo, volume, CLASSES, "label", "case_0001")
    copies = []
    for node in (volume, label):
        copy = scene.AddNewNodeByClass(node.GetClassName())
        copy.Copy(node)
        copies.append(copy)
    slicer.util.updateVolumeFromArray(copies[0], random_image((4, 5, 6)))
    assert caseNode("case_0001", Role.IMAGE) is volume and caseNode("case_0001", Role.LABEL) is label
    exportVolume(copies[0], tmp_path / "cropped.nrrd")
    removeCaseNodes("case_0001")
    assert all(scene.IsNodePresent(copy) for copy in copies) and not scene.IsNodePresent(volume)
