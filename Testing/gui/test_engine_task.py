"""Short verbs of the engine beside the window: messages in order, canceled whole, never a wait."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from Testing.bed.pauses import PauseMeter
from Testing.bed.waiting import wait_until
from Testing.gui.conftest import MODULE

LONGEST_PAUSE_SECONDS = 0.1


@pytest.fixture
def task(bed, engine_python):
    sys.path.insert(0, str(MODULE.parent))
    bed.loadModule(MODULE, show=False)
    from CFRSegmentLib.panels.engine_task import EngineTask

    made = EngineTask()
    made.ended = []
    made.finished.connect(lambda: made.ended.append(made.problem))
    yield made
    made.close()


def verb(engine_python: Path, name: str = "devices"):
    from CFRSegmentLib.engine import VerbProcess

    return VerbProcess(engine_python, dict(os.environ), name)


def finish(task) -> None:
    wait_until(lambda: task.ended, "the end of the task", 60)


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_messages_arrive_one_by_one_while_the_window_goes_on(task, engine_python, scripted):
    steps = [{"print": {"type": "progress", "step": step, "of": 3}} for step in (1, 2, 3)]
    scripted(devices=[part for step in steps for part in (step, {"sleep": 0.3})])
    progress, times = [], []
    task.progressed.connect(lambda message: progress.append(message["step"]))
    task.messageReceived.connect(lambda message: times.append(time.monotonic()))
    with PauseMeter() as meter:
        task.start(verb(engine_python))
        assert task.isRunning
        finish(task)
    assert progress == [1, 2, 3] and times[2] - times[0] > 0.4
    assert task.ended == [None] and not task.isRunning
    assert meter.longest.cpu_seconds < LONGEST_PAUSE_SECONDS, str(meter.longest)


def test_lines_in_pieces_and_signs_cut_in_two_are_put_together(task, engine_python, scripted):
    line = b'{"type": "device", "name": "caf\xc3\xa9 \xe6\xb5\xb7"}\nno message\n{"type": "torn"'
    cut = line.index(b"\xa9")  # within the sign
    pieces = [part.decode("utf-8", "surrogateescape") for part in (line[:cut], line[cut:])]
    scripted(devices=[{"raw": pieces[0]}, {"sleep": 0.4}, {"raw": pieces[1]}])
    task.start(verb(engine_python))
    finish(task)
    assert task.messages == ({"type": "device", "name": "caf\u00e9 \u6d77"},)


def test_a_program_that_cannot_be_started_is_a_problem_with_a_remedy(task, tmp_path):
    task.start(verb(tmp_path / "no" / "PythonSlicer"))
    assert len(task.ended) == 1 and not task.isRunning
    assert "cannot be started" in str(task.problem) and task.problem.remedy


def test_what_the_engine_says_about_its_failure_is_what_the_user_reads(task, engine_python, scripted):
    error = {"type": "error", "code": "disk_full", "text": "The disk is full.", "remedy": "Free some space."}
    scripted(devices=[{"print": error}, {"print": {"type": "finished", "status": "failed"}}, {"exit": 5}])
    task.start(verb(engine_python))
    finish(task)
    assert str(task.problem) == "The disk is full. Free some space."


def test_a_process_that_the_system_kills_is_named_so(task, engine_python, scripted):
    scripted(devices=[{"print": {"type": "device"}}, {"kill": 9}])
    task.start(verb(engine_python))
    finish(task)
    assert "signal 9" in task.problem.text


def test_cancel_ends_a_deaf_process_and_its_children(task, engine_python, tmp_path):
    pids = tmp_path / "pids"
    engine_python.write_text(
        f"#!/bin/sh\ntrap '' TERM INT\nsleep 300 &\necho $$ $! > '{pids}'\nwait\nsleep 300\n"
    )
    task.start(verb(engine_python))
    found = wait_until(lambda: pids.exists() and pids.read_text().split(), "the process and its child")
    began = time.monotonic()
    task.cancel()
    finish(task)
    assert time.monotonic() - began < 10
    assert task.ended == [None] and task.wasCanceled
    assert not any(alive(int(pid)) for pid in found)


def test_cancel_of_a_process_that_listens_is_quick(task, engine_python, scripted):
    scripted(devices=[{"print": {"type": "device"}}, {"sleep": 60}])
    task.start(verb(engine_python))
    wait_until(lambda: task.messages, "a message", 30)
    began = time.monotonic()
    task.cancel()
    finish(task)
    assert time.monotonic() - began < 2 and task.wasCanceled and task.problem is None


def test_closing_the_window_ends_the_process_without_a_signal(task, engine_python, scripted):
    scripted(devices=[{"print": {"type": "device"}}, {"sleep": 60}])
    process = verb(engine_python)
    task.start(process)
    wait_until(lambda: task.messages, "a message", 30)
    task.close()
    assert not process.isRunning and task.ended == []


def test_the_real_engine_lists_the_processor(task, engine_python):
    from CFRSegmentLib.engine import devicesFrom

    task.start(verb(engine_python))
    finish(task)
    assert [device.id for device in devicesFrom(task.messages)][-1] == "cpu"
