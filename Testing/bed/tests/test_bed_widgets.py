"""Widgets on the scene: node selector, segments table, 3D button, subject hierarchy."""

from __future__ import annotations

import pytest

from Testing.bed.waiting import process_events


def volume(name: str):
    """A scalar volume node in the scene."""
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


@pytest.fixture
def selector(bed):
    """A node selector for volumes, in a window."""
    import slicer

    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.noneEnabled = True
    box.setMRMLScene(slicer.mrmlScene)
    box.show()
    yield box
    box.delete()


def test_a_selector_without_a_scene_is_disabled(bed):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    assert not box.enabled
    box.setMRMLScene(slicer.mrmlScene)
    assert box.enabled


def test_a_selector_lists_nodes_of_its_classes(selector):
    import slicer

    first, second = volume("a"), volume("b")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "text")
    assert selector.nodeCount() == 3 and selector.nodeFromIndex(0) is first
    selector.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    assert selector.nodeCount() == 2
    selector.addAttribute("vtkMRMLScalarVolumeNode", "CFR", "1")
    second.SetAttribute("CFR", "1")
    selector.removeAttribute("vtkMRMLScalarVolumeNode", "none")
    assert selector.nodeCount() == 1


def test_selecting_tells_once_and_following_the_scene(selector):
    import slicer

    heard = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    first, second = volume("a"), volume("b")
    selector.setCurrentNode(second)
    selector.setCurrentNode(second)
    assert selector.currentNode() is second and selector.currentNodeID == second.GetID()
    slicer.mrmlScene.RemoveNode(second)
    assert selector.currentNode() is None
    selector.setCurrentNodeID(first.GetID())
    slicer.mrmlScene.Clear(0)
    assert heard == [second, None, first, None]


def test_a_person_selects_and_creates_nodes(selector, user):
    first = volume("a")
    box = next(child for child in selector.children() if child.className() == "QComboBox")
    user.choose(box, "a")
    assert selector.currentNode() is first
    added = []
    selector.connect("nodeAddedByUser(vtkMRMLNode*)", added.append)
    user.choose(box, "Create new Volume")
    assert added and selector.currentNode() is added[0]
    first.SetName("renamed")
    assert box.findText("renamed") >= 0


def test_a_selector_that_must_have_a_node_takes_one(bed):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(slicer.mrmlScene)
    assert box.currentNode() is None
    node = volume("a")
    assert box.currentNode() is node


@pytest.fixture
def segmentation(bed):
    """Two empty segments."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().AddEmptySegment("one", "anterior", (1, 0, 0))
    node.GetSegmentation().AddEmptySegment("two", "posterior", (0, 1, 0))
    return node


@pytest.fixture
def table(bed, segmentation):
    """A table of the segments, in a window."""
    import slicer

    view = slicer.qMRMLSegmentsTableView()
    view.setMRMLScene(slicer.mrmlScene)
    view.setSegmentationNode(segmentation)
    view.resize(300, 200)
    view.show()
    process_events(0.1)
    yield view
    view.delete()


def test_the_table_follows_the_segments(table, segmentation):
    cells = table.tableWidget()
    assert table.segmentCount == 2 and cells.item(1, 2).text() == "posterior"
    segmentation.GetSegmentation().GetSegment("one").SetName("head")
    assert cells.item(0, 2).text() == "head"
    segmentation.GetSegmentation().RemoveSegment("two")
    assert table.displayedSegmentIDs() == ("one",)
    table.setSegmentationNode(None)
    assert table.segmentCount == 0


def test_a_person_hides_and_renames_segments(table, segmentation, user):
    cells = table.tableWidget()
    user.click_cell(cells, 0, 2)
    assert table.selectedSegmentIDs() == ("one",)
    user.click_cell(cells, 0, 0)
    cells.item(0, 0).setCheckState(0)
    assert not segmentation.GetDisplayNode().GetSegmentVisibility("one")
    cells.item(1, 2).setText("tail")
    assert segmentation.GetSegmentation().GetSegment("two").GetName() == "tail"


def test_selected_segments_are_told(table):
    heard = []
    table.connect("selectionChanged(QItemSelection,QItemSelection)", lambda *_: heard.append(1))
    table.setSelectedSegmentIDs(["two"])
    assert table.selectedSegmentIDs() == ("two",) and heard


def test_a_selected_segment_shows_its_own_color(table, segmentation):
    from Testing.bed.pythonqt import unwrap

    segmentation.GetSegmentation().GetSegment("one").SetColor(1, 0.5, 0)
    table.setSelectedSegmentIDs(["one"])
    process_events(0.1)
    cells = unwrap(table.tableWidget())
    picture = cells.viewport().grab(cells.visualItemRect(cells.item(0, 1))).toImage()
    pixels = [picture.pixelColor(x, picture.height() // 2).getRgb() for x in range(picture.width())]
    assert sum(pixel == (255, 128, 0, 255) for pixel in pixels) >= 12


def test_the_3d_button_makes_surfaces_and_removes_them(bed, segmentation, hippocampus, user):
    import slicer.util

    node = slicer.util.loadSegmentation(str(hippocampus[0][1]), {})
    button = slicer.qMRMLSegmentationShow3DButton()
    button.show()
    assert not button.enabled
    button.setSegmentationNode(node)
    user.click(button)
    assert node.GetSegmentation().ContainsRepresentation("Closed surface") and button.checked
    user.click(button)
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    button.delete()


def test_the_hierarchy_shows_as_tree_and_as_list(bed, segmentation):
    import slicer

    tree, box = slicer.qMRMLSubjectHierarchyTreeView(), slicer.qMRMLSubjectHierarchyComboBox()
    heard = []
    for view in (tree, box):
        view.setMRMLScene(slicer.mrmlScene)
        view.connect("currentItemChanged(vtkIdType)", heard.append)
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(segmentation)
    tree.setCurrentItem(item)
    box.setCurrentNode(segmentation)
    assert tree.currentNode() is segmentation and box.currentItem() == item and heard == [item, item]
    rows = next(child for child in tree.children() if child.className() == "QTreeWidget")
    assert rows.topLevelItem(0).childCount() == 2
    slicer.mrmlScene.Clear(0)
    assert rows.topLevelItemCount == 0


def test_widgets_that_are_gone_leave_the_scene_alone(bed):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(slicer.mrmlScene)
    box.delete()
    volume("later")
