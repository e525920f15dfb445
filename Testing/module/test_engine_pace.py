"""How long a run takes: a range before it, learned from the last run here; measured once steps run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from CFRSegmentLib.engine import Pace, estimateFrom, estimateLine, measuredPace, paceFromText, paceToText
from CFRSegmentLib.engine.pace import expectedSeconds
from CFRSegmentLib.engine.remaining import remainingSeconds
from CFRSegmentLib.engine.run_process import noteLaunch
from CFRSegmentLib.engine.run_reducer import RunReducer
from CFRSegmentLib.engine.run_shape import RunShape
from Testing.module.engine_tools import bare_run

STARTED = {"type": "started", "device": "cpu"}
ESTIMATE = {
    "type": "estimate", "memory_bytes": 740 << 20, "seconds": 32.0, "gpu_memory_bytes": None, "device": "cpu",
    "parts": {"label": 2.0, "retrain": 30.0},
}  # fmt: skip


class Told:
    """Events as they come, and what is said of the remaining time then."""

    def __init__(self, shape: RunShape | None = None) -> None:
        self.reducer = RunReducer(shape or RunShape(labelers=("atlas",)))
        self.at(0, **STARTED)
        self.at(1, **ESTIMATE)

    def at(self, time: float, **event: object) -> float | None:
        self.reducer.take({"time": 1000.0 + time, **event})
        return remainingSeconds(self.reducer)

    def stage(self, time: float, name: str) -> float | None:
        return self.at(time, type="stage", name=name, index=1, of=6)

    def step(self, time: float, phase: str, step: int, of: int, left: float | None = None) -> float | None:
        return self.at(time, type="progress", stage=phase, step=step, of=of, seconds_left=left)


def test_nothing_is_said_before_anything_is_measured():
    told = Told()
    assert told.stage(2, "check") is None and told.stage(5, "prepare") is None
    assert told.stage(10, "label") is None


def test_a_slow_computer_is_noticed_in_the_labeling_and_counted_for_the_training_that_follows():
    told = Told()
    told.stage(10, "label")
    # registration is 0.9 of this stage: half of it in 9 s is 20 s for the stage, ten times the estimate
    assert told.step(19, "registration", 2, 4, left=9.0) == pytest.approx(9 + 0.1 * 20 + 30 * 10)
    told.step(29, "review", 3, 3)
    assert told.stage(30, "retrain") == pytest.approx(30 * 9.5), "19 s for what was estimated as 2 s"


def test_once_steps_run_the_time_is_that_of_the_steps_whatever_was_estimated():
    told = Told()
    told.stage(10, "label")
    told.step(12, "review", 3, 3)
    told.stage(12, "retrain")
    assert told.step(42, "retrain", 20, 100, left=120.0) == pytest.approx(120)
    assert told.step(43, "retrain", 21, 100, left=60.0) == pytest.approx(60)


def test_the_rounds_that_follow_are_counted_at_the_pace_of_the_first():
    told = Told(RunShape(labelers=("atlas",), rounds=2))
    told.stage(10, "retrain")
    # 0.1 of the stage is for pairs, 0.45 for each round: 45 s for half of the first round
    told.step(15, "warped_pairs", 1, 1)
    left = told.step(60, "retrain", 50, 100, left=45.0)
    pace = 50 / (0.1 + 0.45 / 2)
    assert left == pytest.approx(45 + 0.45 * pace) and left > 100


def test_what_was_done_before_a_kill_is_no_work_of_this_start():
    told = Told()
    told.stage(10, "retrain")
    told.step(40, "retrain", 60, 100, left=40.0)
    told.at(5000, **STARTED)
    told.stage(5001, "label")
    assert told.stage(5002, "retrain") is None, "the labeling was only read again"
    told.step(5010, "retrain", 61, 100, left=100.0)
    assert told.step(5020, "retrain", 66, 100, left=85.0) == pytest.approx(85.0)


def test_without_a_training_before_the_estimate_is_a_range_that_holds_what_a_busy_computer_took():
    estimate = estimateFrom([ESTIMATE])
    low, high = expectedSeconds(estimate, None)
    assert low < 32 < 130 < high, "32 s were estimated, two minutes were needed"
    text = estimateLine(estimate, None)
    assert text.startswith("Estimate: roughly 30 s to 2 min, ") and "what else the computer does" in text
    assert text.endswith("; 740 MB of memory, on the CPU.")


def test_after_a_training_the_estimate_is_what_that_one_has_shown():
    estimate = estimateFrom([{**ESTIMATE, "seconds": 600.0}])
    low, high = expectedSeconds(estimate, Pace(4.0, 30.0))
    assert (low, high) == pytest.approx((0.7 * 2430, 1.5 * 2430))
    text = estimateLine(estimate, Pace(4.0, 30.0))
    assert "roughly 28 min to 1 h 1 min, judged by the last training on this computer" in text
    assert "roughly 10 s, judged" in estimateLine(
        estimateFrom([{**ESTIMATE, "seconds": 1.0}]), Pace(1.0, 1.0)
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of this computer that took 60 s for what was estimated as 32 s, and 9 s for the rest."""
    root = bare_run(tmp_path)
    noteLaunch(root, 1)
    seconds = {"check": 3.0, "prepare": 4.0, "label": 10.0, "retrain": 50.0, "evaluate": 2.0}
    timings = {name: {"seconds": value, "peak_memory_bytes": 1} for name, value in seconds.items()}
    (root / "timings.json").write_text(json.dumps(timings))
    return root


def test_a_finished_run_shows_the_pace_of_its_computer(run: Path):
    assert measuredPace(run, estimateFrom([ESTIMATE])) == Pace(60 / 32, 9.0)


def test_a_run_of_another_computer_or_without_figures_shows_nothing(run: Path):
    estimate = estimateFrom([ESTIMATE])
    assert measuredPace(run, None) is None
    note = json.loads((run / "process.json").read_text())
    (run / "process.json").write_text(json.dumps({**note, "host": "another"}))
    assert measuredPace(run, estimate) is None
    noteLaunch(run, 1)
    (run / "timings.json").write_text("[]")
    assert measuredPace(run, estimate) is None
    (run / "timings.json").write_text('{"label": {"seconds": "x"}, "retrain": 3}')
    assert measuredPace(run, estimate) is None


@pytest.mark.parametrize("text", ["", "x", "[]", '{"factor": 1}', '{"factor": 0, "extraSeconds": 1}', "null"])
def test_a_pace_is_kept_as_a_text_and_nonsense_is_none(text: str):
    pace = Pace(2.5, 31.5)
    assert paceFromText(paceToText(pace)) == pace
    assert paceFromText(text) is None
