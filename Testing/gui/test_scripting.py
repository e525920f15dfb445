"""The module in the hands of a script: its logic alone, with a really trained model and without the panel."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.gui.training import REPOSITORY


@pytest.fixture
def model(trained_template: Path) -> Path:
    """The model of a real, short training of the preset Preview."""
    (found,) = (trained_template / "models").glob("*.cfrmodel")
    return found


@pytest.fixture
def volume(window, small_volumes, tmp_path, monkeypatch):
    """An unseen volume in the scene; temporary files go into a folder of the test."""
    import slicer.util

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return slicer.util.loadVolume(str(small_volumes[5][0]), {"name": "unseen"})


def test_one_call_segments_a_volume_as_the_command_line_does(window, model, volume, small_volumes, tmp_path):
    import slicer
    import slicer.util

    nodes = slicer.mrmlScene.GetNumberOfNodes()
    node = window.widget.logic.segmentVolume(volume, model, "cpu")
    segmentation = node.GetSegmentation()
    names = [segmentation.GetNthSegment(index).GetName() for index in range(2)]
    assert (node.GetName(), names) == ("unseen segmentation", ["Anterior", "Posterior"])
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes + 2, "the segmentation and its display, nothing else"
    assert list((tmp_path / "temporary").iterdir()) == []
    written = tmp_path / "expected.nrrd"
    command = [sys.executable, str(REPOSITORY / "CFRTrain" / "__main__.py"), "predict", str(model)]
    command += [str(small_volumes[5][0]), "--output", str(written), "--device", "cpu"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(written)))
    assert set(np.unique(expected)) == {0, 1, 2}
    for value in (1, 2):
        found = slicer.util.arrayFromSegmentBinaryLabelmap(node, f"class_{value}", volume)
        assert np.array_equal(found > 0, expected == value)


def test_a_model_that_was_changed_is_refused_and_nothing_is_left(window, model, volume, tmp_path):
    import slicer

    from CFRSegmentLib.cohort import CohortError

    tampered = tmp_path / "tampered.cfrmodel"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    tampered.write_bytes(data)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    for path in (tampered, tmp_path / "absent.cfrmodel"):
        with pytest.raises(CohortError, match="cannot be used|does not exist") as caught:
            window.widget.logic.segmentVolume(volume, path, "cpu")
        assert caught.value.remedy
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_the_engine_says_of_the_volume_is_what_the_script_gets(window, model, volume, scripted):
    from CFRSegmentLib.cohort import CohortError

    told = {
        "type": "case",
        "index": 0,
        "ok": False,
        "code": "too_thin",
        "text": "One slice.",
        "remedy": "Add.",
    }
    scripted(predict=[{"print": told}, {"print": {"type": "finished", "status": "failed"}}, {"exit": 3}])
    with pytest.raises(CohortError, match="One slice. Add.") as caught:
        window.widget.logic.segmentVolume(volume, model, "cpu")
    assert caught.value.code == "too_thin"
    scripted(predict=[{"exit": 0}])
    with pytest.raises(CohortError, match="gave no result"):
        window.widget.logic.segmentVolume(volume, model, "cpu")
