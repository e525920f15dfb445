"""The model on a volume that no training saw; the scene, saved and loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from Testing.bed.waiting import process_events, wait_until
from Testing.gui.sitting import Desk
from Testing.gui.story.files import CLASSES, COHORT, UNSEEN, dice, true_label

LEAST_DICE = 0.75
RESULT = f"{UNSEEN} segmentation"


def segment_unseen(desk: Desk) -> None:
    """A volume is loaded as with Add Data; one click segments it, and the true label agrees."""
    import slicer.util

    window, ui = desk.window, desk.window.panel("apply").ui
    volume = window.bed.call(lambda: slicer.util.loadVolume(str(desk.folder / f"{UNSEEN}.nii.gz")))
    window.session.showSection("apply")
    process_events(0.5)
    before = nodes_of_scene()
    wait_until(lambda: ui.segmentButton.enabled, "the button Segment this volume")
    desk.shot("18_before_segmenting")
    window.user.click(ui.segmentButton)
    wait_until(result, "the segmentation", 120)
    process_events(0.5)
    desk.shot("19_segmented")
    added = [name for name in nodes_of_scene() if name not in before]
    assert [name for name in added if "Segmentation" not in name] == [], added
    scores = scores_of(result(), volume, desk)
    (desk.folder / "dice.txt").write_text(", ".join(f"{score:.3f}" for score in scores))
    assert np.mean(scores) > LEAST_DICE, scores


def scores_of(segmentation: Any, volume: Any, desk: Desk) -> list[float]:
    """Dice of each class, in order; the segments must be named like the classes."""
    import slicer.util

    truth, found = true_label(desk.folder, UNSEEN), segmentation.GetSegmentation()
    scores = []
    for value, name in CLASSES.items():
        segment = found.GetSegmentIdBySegmentName(name)
        voxels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume)
        scores.append(dice(voxels > 0, truth == value))
    return scores


def save_scene(desk: Desk) -> None:
    """The corrected case is opened again, then the scene is saved."""
    import slicer.util

    window = desk.window
    (corrected,) = window.session.cohort.cases("corrected")
    window.session.showSection("cohort")
    process_events(0.3)
    window.double_click([row[0] for row in window.rows()].index(corrected.title))
    wait_until(lambda: window.session.case.id == corrected.id, "the corrected case")
    desk.shot("20_corrected_case")
    assert window.bed.call(lambda: slicer.util.saveScene(str(desk.folder / "scene.mrb")))


def load_scene(desk: Desk) -> None:
    """Cohort, case, classes and the result are there again; nothing counts as edited."""
    import slicer.util

    window = desk.window
    window.bed.call(lambda: slicer.util.loadScene(str(desk.folder / "scene.mrb")))
    wait_until(lambda: window.session.cohort is not None and window.session.case.id, "the case of the scene")
    process_events(0.5)
    session = window.session
    assert session.cohort.folder == desk.folder / COHORT
    assert session.case.current.status == "corrected" and not session.case.isModified
    assert {item.value: item.name for item in session.cohort.classes} == CLASSES
    assert session.parameters.preset == "preview"
    assert result() is not None
    desk.shot("21_scene_loaded")


def result() -> Any:
    """The segmentation that the model made, None before."""
    import slicer

    return slicer.mrmlScene.GetFirstNodeByName(RESULT)


def nodes_of_scene() -> list[str]:
    """Class and name of each node."""
    import slicer

    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return [f"{node.GetClassName()} {node.GetName()}" for node in nodes]
