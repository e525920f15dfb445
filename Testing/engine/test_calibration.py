"""Calibrated labelers: measured on cases left out or, optimistically, on copies; kept, reported, resumed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from CFRTrain.labelers.base import PseudoLabel
from CFRTrain.labelers.calibration import CalibratedLabeler
from CFRTrain.labelers.held_out import MOST_VOXELS, voxels_of
from CFRTrain.labelers.temperatures import tempered
from CFRTrain.models.report_calibration import calibration_table
from CFRTrain.pipeline import run_all
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import Calibration
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.runs.run_part import RunPart
from Testing.engine.cohort import Cohort
from Testing.engine.tiny_run import tiny_run


class Boaster:
    """Knows the truth of three voxels in four and is 0.9 sure of every voxel."""

    name = "boaster"

    def __init__(self, cohort: Cohort, labeled, run) -> None:
        self.cohort, self.labeled, self.run = cohort, tuple(labeled), run

    def prepare(self):
        pass

    def label(self, case_id):
        return PseudoLabel(self._said(self.cohort.labels[case_id]))

    def opinions(self, image):
        nearest = min(self.labeled, key=lambda case: abs(self.cohort.store.image(case) - image).mean())
        yield self._said(self.cohort.labels[nearest])

    def _said(self, truth):
        said = truth.copy().ravel()
        said[::4] = (said[::4] + 1) % 3
        return np.where(np.arange(3)[:, None, None, None] == said.reshape(truth.shape), 0.9, 0.05).astype(
            np.float32
        )


def calibrated(cohort: Cohort, built: list | None = None, **options: object) -> CalibratedLabeler:
    cohort.job = replace(cohort.job, calibration=Calibration(temperature="one", **options))

    def build(labeled, run):
        if built is not None:
            built.append((tuple(labeled), run))
        return Boaster(cohort, labeled, run)

    labeler, data = Boaster(cohort, cohort.labeled, cohort.run), cohort.arguments()
    return CalibratedLabeler(labeler, build, *data)


def events(cohort: Cohort, kind: str) -> list[dict]:
    return [event for event in read_events(cohort.run.events.path)[0] if event["type"] == kind]


def test_every_labeled_case_is_seen_by_a_labeler_that_was_built_without_it(tmp_path):
    built: list = []
    cohort = Cohort(tmp_path, count=4, labeled=3)
    calibrated(cohort, built).prepare()
    assert [labeled for labeled, _ in built] == [("case_0002",), ("case_0001", "case_0003")]
    assert all(isinstance(run, RunPart) and run.root != cohort.run.root for _, run in built)


def test_a_certainty_of_0_9_that_is_right_in_three_of_four_becomes_0_75(tmp_path):
    cohort = Cohort(tmp_path, count=4, labeled=2)
    found = calibrated(cohort).label("case_0004").probabilities
    assert found.max(0) == pytest.approx(0.75, abs=0.02)
    record = json.loads((tmp_path / "calibration/boaster.json").read_text())
    assert record["source"] == "left-out cases" and record["ece_after"] < 0.01
    assert record["ece_before"] == pytest.approx(0.15, abs=0.02)
    assert record["brier_after"] < record["brier_before"]
    assert events(cohort, "calibration")[0]["ece_before"] == record["ece_before"]
    assert not events(cohort, "warning")


def test_a_single_labeled_case_is_copied_which_is_called_optimistic(tmp_path):
    cohort = Cohort(tmp_path, count=3, labeled=1)
    calibrated(cohort, copies=2).prepare()
    assert json.loads((tmp_path / "calibration/boaster.json").read_text())["source"] == "augmented copies"
    assert [event["code"] for event in events(cohort, "warning")] == ["calibration_optimistic"]


def test_a_labeler_that_answers_no_images_stays_as_it_is_with_one_case(tmp_path, monkeypatch):
    cohort = Cohort(tmp_path, count=3, labeled=1)
    monkeypatch.delattr(Boaster, "opinions")
    found = calibrated(cohort).label("case_0002").probabilities
    assert found.max(0) == pytest.approx(0.9, abs=1e-5)
    assert [event["code"] for event in events(cohort, "warning")] == ["calibration_impossible"]


def test_what_was_measured_is_measured_once(tmp_path):
    cohort, built = Cohort(tmp_path, count=4, labeled=2), []
    first = calibrated(cohort, built).label("case_0004").probabilities
    assert np.array_equal(calibrated(cohort, built).label("case_0004").probabilities, first)
    assert len(built) == 2
    assert sorted(path.name for path in (tmp_path / "calibration").iterdir()) == ["boaster.json"]


def test_a_labeled_case_keeps_its_own_certain_label(tmp_path):
    cohort = Cohort(tmp_path, count=3, labeled=2)
    labeler = calibrated(cohort)
    assert labeler.label("case_0001").probabilities.max() == pytest.approx(0.9)


def test_a_damaged_record_is_named(tmp_path):
    cohort = Cohort(tmp_path, count=3, labeled=2)
    RunFolder(tmp_path).folder("calibration")
    RunFolder(tmp_path).write_json("calibration/boaster.json", {"temperatures": [1.0]})
    with pytest.raises(JobError, match="boaster.json"):
        calibrated(cohort).prepare()


def test_only_voxels_near_structures_are_measured_and_not_too_many():
    truth = np.zeros((5, 9, 9), np.uint8)
    truth[2, 4, 4] = 1
    background = np.stack([np.ones(truth.shape), np.zeros(truth.shape)]).astype(np.float32)
    found = voxels_of([(background, truth)])
    # an octahedron of three steps around the voxel (63), less the two tips that lie outside
    assert len(found.labels) == 61 and found.labels.sum() == 1
    large = np.ones((50, 50, 50), np.uint8)
    assert len(voxels_of([(np.stack([large * 0.1, large * 0.9]), large)]).labels) <= MOST_VOXELS
    assert voxels_of([]) is None


def test_a_part_of_a_run_has_files_of_its_own_and_the_runs_stop_and_cases(tmp_path):
    cohort = Cohort(tmp_path)
    part = RunPart(cohort.run, "calibration/network_1")
    assert part.folder("checkpoints") == tmp_path / "calibration" / "network_1" / "checkpoints"
    assert part.cases() == cohort.run.cases()
    part.events.progress("label_network", 1, 1)
    part.events.metric("label_network/loss", 1.0, 1)
    part.events.warning("code", "text")
    assert [event["type"] for event in read_events(cohort.run.events.path)[0]] == ["progress", "warning"]
    assert not part.stop_requested()
    cohort.run.request_stop()
    assert part.stop_requested()
    part.remove()
    assert not part.root.exists() and cohort.run.root.exists()


def test_the_report_has_a_line_per_labeler():
    record = {"labeler": "sam", "source": "left-out cases", "temperatures": [2.0, 2.0], "voxels": 5}
    html = calibration_table((record | {"ece_before": 0.15, "ece_after": 0.012},))
    assert "<td>sam</td>" in html and "0.150" in html and "0.012" in html and "2.00, 2.00" not in html
    assert calibration_table(()) == ""


def test_a_run_with_calibrated_networks_goes_through_and_says_so_in_its_report(tmp_path):
    changes = {"calibration.temperature": "per_class", "calibration.copies": 1, "network_labeler.pairs": 0.0}
    run = tiny_run(tmp_path, labeler="network", **changes)
    run_all(run)
    record = run.read_json("calibration/network.json")
    assert record["source"] == "augmented copies" and len(record["temperatures"]) == 2
    assert "Calibration" in (tmp_path / "report.html").read_text()


def test_certain_labels_survive_any_temperature():
    certain = np.eye(3, dtype=np.float32)
    assert tempered(certain, np.full(3, 0.5)) == pytest.approx(certain, abs=1e-4)
