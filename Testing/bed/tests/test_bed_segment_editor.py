"""The embedded Segment Editor: a real mouse changes voxels of the selected segment, undo takes them back."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.bed.errors import slot_errors
from Testing.bed.waiting import process_events


@pytest.fixture
def volume(bed, hippocampus):
    """A real volume in the views."""
    import slicer.util

    node = slicer.util.loadVolume(str(hippocampus[0][0]), {})
    slicer.util.resetSliceViews()
    return node


@pytest.fixture
def segmentation(volume):
    """Two empty segments with the geometry of the volume."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().AddEmptySegment("one", "anterior", (1, 0, 0))
    node.GetSegmentation().AddEmptySegment("two", "posterior", (0, 1, 0))
    return node


@pytest.fixture
def editor(bed, segmentation, volume):
    """An editor beside the views, with a brush of 8 mm."""
    import qt
    import slicer

    widget = slicer.qMRMLSegmentEditorWidget()
    dock = qt.QDockWidget(slicer.util.mainWindow())
    dock.setWidget(widget)
    slicer.util.mainWindow().addDockWidget(qt.Qt.LeftDockWidgetArea, dock)
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    widget.setSegmentationNode(segmentation)
    widget.setSourceVolumeNode(volume)
    widget.setActiveEffectByName("Paint")
    widget.activeEffect().setCommonParameter("BrushDiameterIsRelative", 0)
    widget.activeEffect().setCommonParameter("BrushAbsoluteDiameter", 8)
    process_events(0.3)
    return widget


def red(bed):
    """The widget that takes the mouse in the red view."""
    return bed.layoutManager.sliceWidget("Red").sliceView().VTKWidget()


def voxels(segmentation, volume, segment: str) -> np.ndarray:
    """The voxels of a segment."""
    import slicer.util

    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume)


def center(bed) -> tuple[int, int]:
    """The middle of the red view."""
    return red(bed).width() // 2, red(bed).height() // 2


def test_a_click_paints_a_disc_where_the_mouse_is(bed, editor, segmentation, volume, user):
    import vtk

    user.click(red(bed), at=center(bed))
    painted = voxels(segmentation, volume, "one")
    slices = np.flatnonzero(painted.any(axis=(1, 2)))
    assert len(slices) == 1 and painted.sum() == pytest.approx(np.pi * 16, rel=0.2)
    view = bed.layoutManager.sliceWidget("Red").sliceView()
    x, y = center(bed)
    world = view.convertXYZToRAS(view.convertDeviceToXYZ((x, view.renderWindow().GetSize()[1] - y)))
    k, j, i = np.argwhere(painted).mean(axis=0)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    assert matrix.MultiplyPoint((i, j, k, 1))[:3] == pytest.approx(world, abs=1.0)


def test_a_stroke_is_one_step_of_undo(bed, editor, segmentation, volume, user):
    x, y = center(bed)
    user.click(red(bed), at=(x, y))
    first = voxels(segmentation, volume, "one")
    user.drag(red(bed), [(x, y), (x + 30, y + 10), (x + 60, y + 40)])
    both = voxels(segmentation, volume, "one")
    assert both.sum() > first.sum() and (both >= first).all()
    user.click(editor.findChild("QPushButton", "UndoButton"))
    assert np.array_equal(voxels(segmentation, volume, "one"), first)
    editor.redo()
    assert np.array_equal(voxels(segmentation, volume, "one"), both)


def test_painting_over_another_segment_follows_the_masking(bed, editor, segmentation, volume, user):
    user.click(red(bed), at=center(bed))
    before = voxels(segmentation, volume, "one").sum()
    editor.setCurrentSegmentID("two")
    user.click(red(bed), at=center(bed))
    assert voxels(segmentation, volume, "one").sum() == 0
    assert voxels(segmentation, volume, "two").sum() == before
    editor.mrmlSegmentEditorNode().SetOverwriteMode(2)
    editor.setCurrentSegmentID("one")
    user.click(red(bed), at=center(bed))
    assert voxels(segmentation, volume, "one").sum() == voxels(segmentation, volume, "two").sum() == before


def test_erasing_removes_what_the_brush_covers(bed, editor, segmentation, volume, user):
    x, y = center(bed)
    user.drag(red(bed), [(x - 40, y), (x, y), (x + 40, y)])
    before = voxels(segmentation, volume, "one").sum()
    editor.setActiveEffectByName("Erase")
    user.click(red(bed), at=(x, y))
    assert 0 < voxels(segmentation, volume, "one").sum() < before


def test_a_sphere_brush_reaches_into_other_slices(bed, editor, segmentation, volume, user):
    editor.activeEffect().setCommonParameter("BrushSphere", 1)
    user.click(red(bed), at=center(bed))
    painted = voxels(segmentation, volume, "one")
    assert len(np.flatnonzero(painted.any(axis=(1, 2)))) in (7, 8, 9)
    assert painted.sum() == pytest.approx(4 / 3 * np.pi * 64, rel=0.15)


def test_threshold_fills_the_segment_by_intensity(editor, segmentation, volume):
    import slicer.util

    editor.setActiveEffectByName("Threshold")
    effect = editor.activeEffect()
    effect.setParameter("MinimumThreshold", 60)
    effect.setParameter("MaximumThreshold", 90)
    effect.self().onApply()
    image = slicer.util.arrayFromVolume(volume)
    expected = (image >= 60) & (image <= 90)
    assert np.array_equal(voxels(segmentation, volume, "one").astype(bool), expected)
    assert editor.activeEffect() is None
    editor.undo()
    assert voxels(segmentation, volume, "one").sum() == 0


def test_an_intensity_range_limits_the_brush(bed, editor, segmentation, volume, user):
    import slicer.util

    node = editor.mrmlSegmentEditorNode()
    node.SourceVolumeIntensityMaskOn()
    node.SetSourceVolumeIntensityMaskRange(60, 300)
    x, y = center(bed)
    user.drag(red(bed), [(x - 60, y - 60), (x + 60, y + 60)])
    painted = voxels(segmentation, volume, "one").astype(bool)
    assert painted.any() and slicer.util.arrayFromVolume(volume)[painted].min() >= 60


def test_slicers_keys_choose_effects_and_undo(bed, editor, segmentation, volume, user):
    import slicer.util

    editor.installKeyboardShortcuts()
    user.click(red(bed), at=center(bed))
    user.key("ctrl+z")
    assert voxels(segmentation, volume, "one").sum() == 0
    user.key("3")
    assert editor.activeEffect().name == "Erase"
    user.key("Escape")
    assert editor.activeEffect() is None
    user.key("w")
    assert editor.currentSegmentID() == "two"
    editor.uninstallKeyboardShortcuts()
    user.key("2")
    assert editor.activeEffect() is None
    assert slicer.util.mainWindow().visible


def test_without_an_effect_the_mouse_belongs_to_the_view(bed, editor, segmentation, volume, user):
    editor.setActiveEffectByName("")
    user.click(red(bed), at=center(bed))
    assert voxels(segmentation, volume, "one").sum() == 0


def test_painting_below_a_transform_hits_the_same_place(bed, editor, segmentation, volume, user):
    import slicer
    import vtk

    user.click(red(bed), at=center(bed))
    expected = voxels(segmentation, volume, "one")
    editor.undo()
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    for index, shift in enumerate((30.0, -12.0, 7.0)):
        matrix.SetElement(index, 3, shift)
    transform.SetMatrixTransformToParent(matrix)
    for node in (volume, segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    slicer.util.resetSliceViews()
    process_events(0.2)
    user.click(red(bed), at=center(bed))
    painted = voxels(segmentation, volume, "one")
    assert abs(int(painted.sum()) - int(expected.sum())) <= 6
    assert np.argwhere(painted).mean(axis=0) == pytest.approx(np.argwhere(expected).mean(axis=0), abs=1.0)


def test_the_editor_tells_what_was_selected(bed, editor, segmentation):
    import slicer

    heard = []
    editor.connect("segmentationNodeChanged(vtkMRMLSegmentationNode*)", heard.append)
    editor.connect("currentSegmentIDChanged(QString)", heard.append)
    editor.setCurrentSegmentID("two")
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    editor.setSegmentationNode(other)
    assert heard[0] == "two" and other in heard
    assert editor.activeEffect() is None and editor.sourceVolumeNode() is None


def test_after_the_scene_was_closed_clicks_do_nothing(bed, editor, user):
    bed.resetScene()
    assert editor.segmentationNode() is None and editor.sourceVolumeNode() is None
    user.click(red(bed), at=center(bed))


def test_an_editor_without_its_node_says_so(bed, segmentation):
    import slicer

    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(slicer.mrmlScene)
    editor.setSegmentationNode(segmentation)
    assert any("segment editor node first" in text for text in slot_errors.take())
