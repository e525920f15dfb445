"""What a person is told about a run: status, stages, progress that only grows, curves, problems, log."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path

import pytest

from CFRSegmentLib.engine import RunFollower, RunStatus, curveTitle
from CFRSegmentLib.engine.curves import CurveBuffer
from CFRSegmentLib.engine.run_reducer import RunReducer
from CFRSegmentLib.engine.run_shape import STEP_OF_STAGE, RunShape, phaseSpan, shapeOf, stageShares
from CFRSegmentLib.engine.run_view import RunFacts, stateOf
from CFRSegmentLib.engine.stage_names import detailText
from CFRTrain.runs.events import EventLog
from CFRTrain.runs.job import ClassSpec, preset
from Testing.conftest import REPOSITORY
from Testing.module.engine_tools import bare_run, events

NOW = 1_000_000.0


def reduced(*lines: dict, shape: RunShape | None = None) -> RunReducer:
    """The events, one second apart where they have no time."""
    reducer = RunReducer(shape)
    for index, line in enumerate(lines):
        reducer.take({"time": NOW + index, **line})
    return reducer


def facts(**more: object) -> RunFacts:
    return RunFacts(**{"now": NOW + 100, "alive": True, "stopAsked": False, **more})


STARTED = {"type": "started", "device": "cpu"}
STAGE = {"type": "stage", "name": "retrain", "index": 4, "of": 6}
FAILED = {"type": "finished", "status": "failed"}
OUT_OF_MEMORY = {
    "type": "error",
    "code": "memory_training",
    "text": "Memory ran out in step 5.",
    "remedy": "x",
}


@pytest.mark.parametrize(
    ("lines", "more", "status"),
    [
        ((), {"alive": False}, "ready"),
        ((), {"launchedAt": NOW}, "preparing"),
        ((STARTED,), {}, "preparing"),
        ((STARTED, STAGE), {}, "running"),
        ((STARTED, STAGE), {"stopAsked": True}, "stopping"),
        ((STARTED, {"type": "finished", "status": "done"}), {"alive": False}, "done"),
        ((STARTED, {"type": "finished", "status": "stopped"}), {"alive": False}, "stopped"),
        ((STARTED, FAILED), {"alive": False}, "failed"),
        ((STARTED, STAGE), {"alive": False, "stopAsked": True}, "stopped"),
        ((STARTED, STAGE), {"alive": False, "exitCode": -9}, "killed"),
        ((STARTED, STAGE), {"alive": False, "exitCode": 137}, "killed"),
        ((STARTED, STAGE), {"alive": False, "exitCode": -11}, "killed"),
        ((STARTED, STAGE), {"alive": False, "exitCode": 1}, "failed"),
        ((STARTED, STAGE), {"alive": False, "exitCode": 130}, "stopped"),
        ((STARTED, STAGE), {"alive": False}, "lost"),
        ((), {"alive": False, "launchedAt": NOW, "exitCode": 6}, "failed"),
        ((STARTED, STAGE), {"alive": False, "hasResults": True}, "done"),
        ((STARTED, FAILED), {"launchedAt": NOW + 50}, "preparing"),
        ((STARTED, FAILED), {"alive": False, "launchedAt": NOW + 50, "exitCode": -9}, "killed"),
    ],
)
def test_every_way_a_run_can_be_has_its_name(lines, more, status):
    state = stateOf(reduced(*lines), facts(**more))
    assert state.status == status
    wants_problem = status in ("failed", "killed", "lost")
    assert (state.problem is not None) == wants_problem
    assert state.status.canResume == (wants_problem or status == "stopped")


def test_a_killed_run_says_signal_and_memory_and_a_lost_one_says_that_it_can_be_resumed():
    killed = stateOf(reduced(STARTED, STAGE), facts(alive=False, exitCode=-9)).problem
    assert "terminated (signal 9), possibly out of memory" in killed.text and "resume" in killed.remedy
    crashed = stateOf(reduced(STARTED, STAGE), facts(alive=False, exitCode=-11)).problem
    assert "signal 11" in crashed.text and "memory" not in crashed.text
    assert "Resume" in stateOf(reduced(STARTED), facts(alive=False)).problem.remedy


def test_a_run_that_windows_ended_says_its_error_or_that_memory_is_used_up():
    crashed = stateOf(reduced(STARTED, STAGE), facts(alive=False, exitCode=3221225477)).problem
    assert "Windows (error 0xC0000005)" in crashed.text and "Resume" in crashed.remedy
    full = stateOf(reduced(STARTED, STAGE), facts(alive=False, exitCode=0xC000012D)).problem
    assert full.code == "memory"


@pytest.mark.parametrize(("device", "code"), [("cuda:0", "gpu_memory"), ("cpu", "memory")])
def test_out_of_memory_is_named_by_its_place_with_the_setting_to_change(device, code):
    lines = ({**STARTED, "device": device}, STAGE, OUT_OF_MEMORY, FAILED)
    problem = stateOf(reduced(*lines), facts(alive=False, exitCode=4)).problem
    assert problem.code == code and "step 5" in problem.text
    assert ("GPU" in problem.text) == (device != "cpu")
    assert "batch 1" in problem.remedy and "intact" in problem.remedy
    silent = stateOf(reduced({**STARTED, "device": device}), facts(alive=False, exitCode=4)).problem
    assert silent.code == code


def test_an_error_of_the_engine_is_told_in_its_own_words_until_the_run_is_resumed():
    error = {"type": "error", "code": "disk_full", "text": "The disk is full.", "remedy": "Free some space."}
    failed = stateOf(reduced(STARTED, error, FAILED), facts(alive=False, exitCode=5))
    assert str(failed.problem) == "The disk is full. Free some space."
    again = stateOf(reduced(STARTED, error, FAILED, STARTED, STAGE), facts())
    assert (again.status, again.problem) == (RunStatus.RUNNING, None)


def test_what_could_not_even_begin_is_told_by_its_last_words():
    state = stateOf(reduced(), facts(alive=False, launchedAt=NOW, exitCode=1, lastWords="No module named x"))
    assert "No module named x" in state.problem.text


def shape_of(name: str, **changes: object) -> RunShape:
    return shapeOf(preset(name, (ClassSpec(1, "a"),), **changes))


@pytest.mark.parametrize(
    ("shape", "titles"),
    [
        (shape_of("paper"), ("Concatenate", "Fine-tune", "Re-train")),
        (shape_of("paper", **{"finetune.input": "slicewise"}), ("Prepare", "Fine-tune SAM", "Re-train")),
        (shape_of("preview"), ("Prepare", "Register", "Re-train")),
        (shape_of("preview", labeler="auto"), ("Prepare", "Register", "Re-train")),
        (
            shape_of("standard", labeler="fusion", fusion_members=("atlas", "network")),
            ("Prepare", "Register, train on labels", "Re-train"),
        ),
        (
            shape_of("standard", labeler="fusion", fusion_members=("atlas", "sam")),
            ("Prepare", "Register, fine-tune SAM", "Re-train"),
        ),
        (shape_of("preview", method="supervised"), ("Prepare", "", "Train")),
    ],
)
def test_the_steps_are_named_by_what_is_really_done(shape, titles):
    state = stateOf(reduced(STARTED, {**STAGE, "name": "label"}, shape=shape), facts())
    assert (state.stages, state.stageIndex) == (titles, 2)


def test_each_stage_of_the_engine_belongs_to_one_of_three_steps():
    found = [stateOf(reduced(STARTED, {**STAGE, "name": name}), facts()) for name in STEP_OF_STAGE]
    assert [state.stageIndex for state in found] == [1, 1, 2, 3, 3, 3]


def test_every_stage_and_every_progress_name_of_the_engine_is_known():
    text = "\n".join(path.read_text("utf-8") for path in (REPOSITORY / "CFRTrain").rglob("*.py"))
    names = set(re.findall(r'events\.progress\(\s*"(\w+)"', text))
    names |= {"atlas", "sam", "network", "fusion", "finetune", "label_network", "retrain", "retrain_2"}
    names |= {"label_network_3"}
    assert len(names) > 10 and all(detailText("", name) for name in names)
    stages = re.search(r"STAGES = \(([^)]*)\)", text)[1]
    assert set(re.findall(r'"(\w+)"', stages)) == set(STEP_OF_STAGE) == set(stageShares({}))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("retrain/loss", "Re-train: loss"),
        ("retrain_2/dice", "Re-train, round 2: Dice"),
        ("finetune/loss", "Fine-tune: loss"),
        ("retrain/new_term", "Re-train: new term"),
        ("alone", ": alone"),
    ],
)
def test_curves_have_titles_for_people(name, title):
    assert curveTitle(name) == title


def random_events(generator: random.Random) -> list[dict]:
    """A run with kills: every start begins at an earlier stage again."""
    lines, phases = (
        [],
        {"label": ("registration", "label_network", "fusion", "review"), "retrain": ("retrain",)},
    )
    for _ in range(3):
        lines.append(STARTED)
        for stage in ("check", "prepare", "label", "retrain", "evaluate", "finish"):
            lines.append({"type": "stage", "name": stage, "index": 1, "of": 6})
            if stage == "prepare":
                parts = {"label": generator.uniform(0, 500), "retrain": generator.uniform(0, 500)}
                lines.append({"type": "estimate", "memory_bytes": 1, "seconds": 1, "parts": parts})
            for phase in phases.get(stage, (stage,)):
                total = generator.randint(1, 30)
                for step in range(generator.randint(0, total), total + 1):
                    left = generator.choice([None, generator.uniform(0, 90)])
                    lines.append(
                        {"type": "progress", "stage": phase, "step": step, "of": total, "seconds_left": left}
                    )
            if generator.random() < 0.2:
                break
    return lines


@pytest.mark.parametrize("seed", range(20))
def test_the_share_that_is_done_only_grows_whatever_happens(seed):
    reducer, shares = (
        RunReducer(RunShape(labelers=("atlas",) if seed % 2 == 0 else ("atlas", "network"))),
        [0.0],
    )
    for index, line in enumerate(random_events(random.Random(seed))):
        reducer.take({"time": NOW + index, **line})
        state = stateOf(reducer, facts(now=NOW + index))
        shares.append(state.fraction)
        assert state.remaining is None or 0 <= state.remaining < 10_000
    assert shares == sorted(shares) and shares[-1] < 1
    reducer.take({"type": "finished", "status": "done", "time": NOW})
    assert stateOf(reducer, facts()).fraction == 1.0


def test_phases_lie_inside_their_stage_and_rounds_follow_each_other():
    shape = RunShape(rounds=3)
    spans = [
        phaseSpan("retrain", name, shape) for name in ("warped_pairs", "retrain", "retrain_2", "retrain_3")
    ]
    assert all(first[1] == pytest.approx(second[0]) for first, second in zip(spans, spans[1:], strict=False))
    assert spans[0][0] == 0 and spans[-1][1] == pytest.approx(1)


def test_elapsed_counts_the_work_of_all_starts_and_not_the_night_between_them():
    lines = [
        STARTED,
        {**STAGE, "time": NOW + 60},
        {**STARTED, "time": NOW + 50_000},
        {**STAGE, "time": NOW + 50_010},
    ]
    assert stateOf(reduced(*lines), facts(alive=False, now=NOW + 60_000)).elapsed == 70
    assert stateOf(reduced(*lines), facts(now=NOW + 50_030)).elapsed == 90


def test_the_networks_of_the_labeler_follow_each_other_in_their_part_of_the_stage():
    shape = RunShape(labelers=("atlas", "network"), networks=3)
    names = ("label_network", "label_network_2", "label_network_3")
    spans = [phaseSpan("label", name, shape) for name in names]
    assert [end for _start, end in spans] == pytest.approx([0.3 + 0.5 / 3, 0.3 + 1 / 3, 0.8])
    assert [start for start, _end in spans] == pytest.approx([0.3, 0.3 + 0.5 / 3, 0.3 + 1 / 3])


def test_curves_keep_their_shape_in_at_most_500_points():
    buffer = CurveBuffer()
    for step in range(100_000):
        buffer.add(step, float(step))
        assert len(buffer._points) <= 1000
    points = buffer.points()
    assert len(points) <= 500 and points[0] == (0, 0.0) and points[-1] == (99_999, 99_999.0)
    gaps = [second[0] - first[0] for first, second in zip(points, points[1:], strict=False)]
    assert max(gaps) < 3 * min(gaps[:-1])


def test_a_resumed_run_replaces_the_steps_that_it_repeats():
    buffer = CurveBuffer()
    for step, value in [(10, 1.0), (20, 0.9), (30, 0.8), (20, 0.7), (30, 0.6)]:
        buffer.add(step, value)
    assert buffer.points() == ((10, 1.0), (20, 0.7), (30, 0.6))


def test_curves_are_by_metric_and_a_value_that_is_none_is_a_gap():
    metrics = [
        ("retrain/loss", 1.0),
        ("retrain/dice", 0.5),
        ("retrain/learning_rate", 0.1),
        ("retrain/loss", None),
    ]
    lines = [{"type": "metric", "name": name, "value": value, "step": 1} for name, value in metrics]
    curves = stateOf(reduced(STARTED, *lines), facts()).curves
    assert curves == {"retrain/loss": ((1, 1.0),), "retrain/dice": ((1, 0.5),)}


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"type": "progress"},
        {"type": "metric", "name": 3},
        {"type": "stage", "time": "x"},
        {"type": "new"},
    ],
)
def test_an_event_that_nobody_understands_changes_nothing(line):
    before, after = reduced(STARTED, STAGE), reduced(STARTED, STAGE, line)
    assert stateOf(before, facts()) == stateOf(after, facts())


def test_a_silent_engine_is_said_to_be_silent():
    assert stateOf(reduced(STARTED, STAGE), facts(quiet=10)).sign == ""
    assert "No sign of life for 2 min" in stateOf(reduced(STARTED, STAGE), facts(quiet=120)).sign
    assert stateOf(reduced(STARTED, STAGE), facts(quiet=120, alive=False)).sign == ""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return bare_run(tmp_path)


def test_a_run_of_a_day_is_read_in_parts_that_take_milliseconds(run: Path):
    progress = {"type": "progress", "stage": "retrain", "of": 90_000, "seconds_left": 1.0}
    lines = [json.dumps({**progress, "time": NOW + step, "step": step}) for step in range(90_000)]
    (run / "events.jsonl").write_text("\n".join([json.dumps({"time": NOW, **STARTED}), *lines, ""]))
    follower, longest, polls = RunFollower(run), 0.0, 0
    while not follower.caughtUp:
        begun = time.thread_time()  # what others do on this machine is not the follower's
        state = follower.poll()
        longest, polls = max(longest, time.thread_time() - begun), polls + 1
    assert (state.step, polls > 10) == (89_999, True)
    assert longest < 0.05, f"{longest * 1000:.0f} ms"


def test_a_line_still_being_written_is_left_for_later_and_a_new_file_is_read_from_its_beginning(run: Path):
    follower, line = RunFollower(run), json.dumps({"time": NOW, **STAGE})
    (run / "events.jsonl").write_text(json.dumps({"time": NOW, **STARTED}) + "\n" + line[:20])
    assert follower.poll().stageIndex == 0
    with open(run / "events.jsonl", "a") as stream:
        stream.write(line[20:] + "\nnonsense\n")
    assert follower.poll().stageIndex == 3
    (run / "events.jsonl").write_text(json.dumps({"time": NOW, **STARTED, "device": "cuda"}) + "\n")
    assert (follower.poll().device, follower.poll().stageIndex) == ("cuda", 0)


def test_a_run_followed_from_its_log_alone_is_the_same_as_one_followed_from_the_start(run: Path):
    log, early = EventLog(run), RunFollower(run)
    log.started({}, "cpu")
    log.stage("retrain", 4, 6)
    for step in range(1, 50):
        log.metric("retrain/loss", 1 / step, step)
        early.poll(200)
    log.finished("done")
    while not early.caughtUp or early.poll().status != "done":
        early.poll()
    late = RunFollower(run).poll()
    assert late.curves == early.poll().curves and late.status == "done"


def test_the_log_is_bounded_in_order_and_without_paths(run: Path):
    (run / "engine.log").write_text("".join(f"line {number}\n" for number in range(20_000)))
    (run / "output.log").write_text("Traceback: file /home/doe/Doe^Jane/a.nii.gz not found\n")
    tail = RunFollower(run).poll().logTail.splitlines()
    assert len(tail) <= 300 and tail[-1] == "line 19999" and tail[-2] == "line 19998"
    (run / "engine.log").write_text("one\n")
    tail = RunFollower(run).poll().logTail
    assert "Jane" not in tail and tail.splitlines()[-1] == "one"


def test_an_event_file_appears_later_than_the_follower(run: Path):
    follower = RunFollower(run)
    assert follower.poll().status == "ready"
    events(run, {"time": time.time(), **STARTED}, {"time": time.time(), **STAGE})
    (run / "stop").touch()
    assert follower.poll().status == "stopped"
