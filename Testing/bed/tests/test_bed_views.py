"""Slice and 3D views: layouts, fitting, scrolling with a real wheel, rendering."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.bed.waiting import process_events, wait_until


@pytest.fixture
def volume(bed, hippocampus):
    """A real volume in the views."""
    import slicer.util

    node = slicer.util.loadVolume(str(hippocampus[0][0]), {})
    slicer.util.resetSliceViews()
    process_events(0.2)
    return node


def picture(view) -> np.ndarray:
    """The pixels of a view."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    view.renderWindow().Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.renderWindow())
    grab.ReadFrontBufferOff()
    grab.Update()
    return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())


def test_the_views_have_slicers_names_and_orientations(bed):
    import slicer

    manager = slicer.app.layoutManager()
    names = set(manager.sliceViewNames())
    assert names >= {"Red", "Yellow", "Green"} and manager.threeDViewCount == 1
    orientations = {name: manager.sliceWidget(name).mrmlSliceNode().GetOrientation() for name in names}
    assert (orientations["Red"], orientations["Yellow"]) == ("Axial", "Sagittal")


def test_a_loaded_volume_shows_in_the_slice_views(bed, volume):
    for name in ("Red", "Yellow", "Green"):
        widget = bed.layoutManager.sliceWidget(name)
        assert widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()
        assert picture(widget.sliceView()).std() > 10


def test_the_mouse_wheel_scrolls_through_the_slices(bed, volume, user):
    widget = bed.layoutManager.sliceWidget("Red")
    before = widget.sliceLogic().GetSliceOffset()
    user.wheel(widget.sliceView().VTKWidget(), 2)
    moved = wait_until(lambda: abs(widget.sliceLogic().GetSliceOffset() - before), "another slice")
    assert moved == pytest.approx(round(moved / volume.GetSpacing()[2]) * volume.GetSpacing()[2])


def test_the_slider_and_the_slice_follow_each_other(bed, volume):
    import slicer

    widget = slicer.app.layoutManager().sliceWidget("Red")
    widget.sliceController().setSliceOffsetValue(20.0)
    assert widget.sliceLogic().GetSliceOffset() == 20.0
    slider = bed.layoutManager.sliceWidget("Red").sliceController()._slider
    slider.setValue(1500)
    assert widget.sliceLogic().GetSliceOffset() == 15.0


def test_positions_in_a_view_are_positions_in_the_world(bed, volume):
    view = bed.layoutManager.sliceWidget("Green").sliceView()
    world = view.convertXYZToRAS(view.convertDeviceToXYZ((40, 60)))
    assert view.convertRASToXYZ(world) == pytest.approx([40, 60, 0], abs=1e-6)


def test_layouts_change_and_come_back(bed, volume):
    import slicer

    manager, layouts = slicer.app.layoutManager(), slicer.vtkMRMLLayoutNode
    heard = []
    manager.connect("layoutChanged(int)", heard.append)
    manager.setLayout(layouts.SlicerLayoutOneUpRedSliceView)
    process_events(0.1)
    shown = [name for name in manager.sliceViewNames() if bed.layoutManager.sliceWidget(name).isVisible()]
    assert shown == ["Red"] and heard == [layouts.SlicerLayoutOneUpRedSliceView]
    manager.layout = layouts.SlicerLayoutFourUpView
    process_events(0.1)
    assert bed.layoutManager.sliceWidget("Green").isVisible()
    assert picture(bed.layoutManager.sliceWidget("Red").sliceView()).std() > 10


def test_views_still_work_after_the_scene_was_closed(bed, volume, hippocampus):
    import slicer.util

    bed.resetScene()
    view = bed.layoutManager.sliceWidget("Red").sliceView()
    process_events(0.1)
    assert picture(view).max(axis=1).std() < 5
    slicer.util.loadVolume(str(hippocampus[1][0]), {})
    slicer.util.resetSliceViews()
    assert picture(view).std() > 10


def colored(view) -> int:
    """How many pixels of a view are not gray."""
    return int((np.ptp(picture(view).astype(int), axis=1) > 60).sum())


def in_red_and_blue(segmentation) -> None:
    """Give the segments colors that cannot be mistaken for gray: those of a label file are drawn by lot."""
    segments = segmentation.GetSegmentation()
    for index, color in enumerate(((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))):
        segments.GetNthSegment(index).SetColor(color)


def test_a_segmentation_of_a_loaded_scene_shows_as_it_did_before(bed, volume, hippocampus, tmp_path):
    import slicer.util

    in_red_and_blue(slicer.util.loadSegmentation(str(hippocampus[0][1]), {}))
    views = [bed.layoutManager.sliceWidget(name).sliceView() for name in ("Red", "Yellow", "Green")]
    wait_until(lambda: min(colored(view) for view in views) > 200, "the segmentation")
    saved = [colored(view) for view in views]
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    bed.resetScene()
    assert [colored(view) for view in views] == [0, 0, 0]
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    wait_until(lambda: [colored(view) for view in views] == saved, "the same picture")


def test_a_segmentation_shows_in_color_and_in_3d(bed, volume, hippocampus):
    import slicer.util

    segmentation = slicer.util.loadSegmentation(str(hippocampus[0][1]), {})
    in_red_and_blue(segmentation)
    segmentation.CreateClosedSurfaceRepresentation()
    slicer.util.resetThreeDViews()
    view = bed.layoutManager.sliceWidget("Red").sliceView()
    wait_until(lambda: colored(view) > 200, "the segmentation")
    view = bed.layoutManager.threeDWidget(0).threeDView()
    before = picture(view)
    segmentation.GetDisplayNode().SetVisibility3D(False)
    assert not np.array_equal(before, picture(view))


def test_rendering_can_be_paused(bed, volume):
    import slicer.util

    rendered = []
    view = bed.layoutManager.sliceWidget("Red").sliceView()
    process_events(0.2)
    view.renderWindow().AddObserver("EndEvent", lambda *_: rendered.append(1))
    with slicer.util.RenderBlocker():
        view.sliceViewInteractorStyle().GetSliceLogic().SetSliceOffset(12.0)
        process_events(0.2)
        assert rendered == []
    process_events(0.2)
    assert rendered
