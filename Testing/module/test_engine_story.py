"""The log of a run in words: the events in order, bounded, whatever else stands in the file."""

from __future__ import annotations

import json
from pathlib import Path

from CFRSegmentLib.engine import RunFollower
from CFRSegmentLib.engine.run_story import MOST_LINES, RunStory


def event(kind: str, time: float, **fields: object) -> dict[str, object]:
    return {"type": kind, "time": time, **fields}


def texts(story: RunStory) -> list[str]:
    return [line.partition("  ")[2] for line in story.lines()]


def test_the_log_tells_what_happened_in_order():
    story = RunStory()
    for item in (
        event("started", 10, device="cpu"),
        event("stage", 11, name="label", index=3, of=6),
        event("case_done", 12, case="case_0002", stage="atlas", uncertainty=0.512),
        event("metric", 13, name="retrain/loss", value=1.0, step=5),
        event("checkpoint", 14, stage="retrain", step=25),
        event("warning", 15, code="a", text="A class is missing."),
        event("finished", 16, status="done"),
    ):
        story.take(item)
    assert texts(story) == [
        "The engine has started on cpu.",
        "Labeling the volumes",
        "case_0002: uncertainty 0.51 (Labeling the volumes by registration)",
        "Checkpoint at step 25",
        "Warning: A class is missing.",
        "Done",
    ]


def test_the_log_stays_small_and_survives_events_of_another_version():
    story = RunStory()
    for item in ({"type": "stage"}, {"type": 3}, {}, event("checkpoint", "soon", step=1)):
        story.take(item)
    assert story.lines() == ()
    for step in range(MOST_LINES + 50):
        story.take(event("checkpoint", step, step=step))
    assert len(story.lines()) == MOST_LINES
    assert texts(story)[-1] == f"Checkpoint at step {MOST_LINES + 49}"


def test_a_followed_run_shows_its_story_before_the_lines_of_the_engine_s_log(tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "events.jsonl").write_text(json.dumps(event("started", 1, device="cpu")) + "\n", "utf-8")
    (run / "engine.log").write_text("2026-11-21 WARNING py.warnings: careful\n", "utf-8")
    lines = RunFollower(run).poll().logTail.splitlines()
    assert lines[0].endswith("The engine has started on cpu.")
    assert lines[1].endswith("careful")
