"""Events: typed lines that survive threads, kills and curious readers, and that hold nobody's paths."""

from __future__ import annotations

import errno
import json
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.runs import events as events_module
from CFRTrain.runs.errors import DiskFullError
from CFRTrain.runs.events import EventLog, read_events
from CFRTrain.runs.private_paths import hide_paths


def written(root, name="events.jsonl"):
    return read_events(root / name, 0)[0]


def test_every_event_has_its_type_its_time_and_its_fields(tmp_path):
    log, before = EventLog(tmp_path), time.time()
    log.started({"torch": "2.13"}, "cpu")
    log.stage("label", 2, 5)
    log.progress("label", 1, 10, 4.5)
    log.metric("retrain/loss", 0.5, 20)
    log.checkpoint("retrain", 100)
    log.case_done("case_0001", "atlas", dice=0.8)
    log.estimate(2**30, 60.0, parts={"label": 20.0, "retrain": 40.0})
    log.warning("head_refit", "A class was dead.")
    log.error("disk_full", "The disk is full.", "Free some space.")
    log.finished("failed")
    found = written(tmp_path)
    assert all(before - 1 <= event.pop("time") <= time.time() + 1 for event in found)
    assert found == [
        {"type": "started", "versions": {"torch": "2.13"}, "device": "cpu"},
        {"type": "stage", "name": "label", "index": 2, "of": 5},
        {"type": "progress", "stage": "label", "step": 1, "of": 10, "seconds_left": 4.5},
        {"type": "metric", "name": "retrain/loss", "value": 0.5, "step": 20},
        {"type": "checkpoint", "stage": "retrain", "step": 100},
        {"type": "case_done", "case": "case_0001", "stage": "atlas", "dice": 0.8},
        {
            "type": "estimate",
            "memory_bytes": 2**30,
            "seconds": 60.0,
            "gpu_memory_bytes": None,
            "parts": {"label": 20.0, "retrain": 40.0},
        },
        {"type": "warning", "code": "head_refit", "text": "A class was dead."},
        {"type": "error", "code": "disk_full", "text": "The disk is full.", "remedy": "Free some space."},
        {"type": "finished", "status": "failed"},
    ]


def test_metrics_stand_in_their_own_file_too(tmp_path):
    log = EventLog(tmp_path)
    log.warning("a", "b")
    log.metric("loss", np.float32(0.25), np.int64(3))
    log.metric("loss", float("nan"), 4)
    assert [(line["value"], line["step"]) for line in written(tmp_path, "metrics.jsonl")] == [
        (0.25, 3),
        (None, 4),
    ]
    assert "NaN" not in (tmp_path / "events.jsonl").read_text(encoding="utf-8")


def test_lines_of_many_threads_do_not_mix(tmp_path):
    log = EventLog(tmp_path)
    threads = [
        threading.Thread(target=lambda i=i: [log.case_done(f"case_{i}_{j}", "atlas" * 50) for j in range(25)])
        for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {event["case"] for event in written(tmp_path)} == {
        f"case_{i}_{j}" for i in range(6) for j in range(25)
    }


def test_progress_is_written_a_few_times_a_second_and_at_the_end(tmp_path):
    log = EventLog(tmp_path)
    log.stage("retrain", 1, 1)
    for step in range(1, 2001):
        log.progress("retrain", step, 2000)
    steps = [event["step"] for event in written(tmp_path) if event["type"] == "progress"]
    assert steps[0] == 1 and steps[-1] == 2000 and len(steps) < 20


def test_a_new_stage_shows_its_first_step_at_once(tmp_path):
    log = EventLog(tmp_path)
    log.progress("label", 1, 10)
    log.stage("retrain", 2, 2)
    log.progress("retrain", 1, 10)
    assert [event["stage"] for event in written(tmp_path) if event["type"] == "progress"] == [
        "label",
        "retrain",
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=6), st.lists(st.floats(0, 1), max_size=5))
def test_a_reader_gets_every_event_once_however_the_file_grows(tmp_path_factory, texts, shares):
    folder = tmp_path_factory.mktemp("events")
    for text in texts:
        EventLog(folder).warning("w", text)
    content = (folder / "events.jsonl").read_bytes()
    growing, offset, seen = folder / "growing.jsonl", 0, []
    for end in [*sorted(int(share * len(content)) for share in shares), len(content)]:
        growing.write_bytes(content[:end])
        new, offset = read_events(growing, offset)
        seen += new
    assert seen == written(folder) and len(seen) == len(texts) and offset == len(content)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_bad_bytes_become_unreadable_lines_and_spoil_no_other(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("events")
    EventLog(folder).warning("w", "before")
    with open(folder / "events.jsonl", "ab") as stream:
        stream.write(junk)
    EventLog(folder).warning("w", "after")
    found = written(folder)
    assert [event["text"] for event in found if event.get("code") == "w"] == ["before", "after"]
    assert all(event["type"] == "unreadable" for event in found[1:-1])


def test_a_torn_last_line_is_left_for_the_next_time(tmp_path):
    EventLog(tmp_path).warning("w", "whole")
    with open(tmp_path / "events.jsonl", "ab") as stream:
        stream.write(b'{"type": "warn')
    found, offset = read_events(tmp_path / "events.jsonl", 0)
    assert len(found) == 1
    assert read_events(tmp_path / "events.jsonl", offset) == ([], offset)


def test_a_file_that_does_not_exist_yet_has_no_events(tmp_path):
    assert read_events(tmp_path / "events.jsonl", 0) == ([], 0)


def test_a_replaced_file_is_read_from_its_beginning(tmp_path):
    log = EventLog(tmp_path)
    log.warning("w", "a long text of the run before this one")
    offset = read_events(log.path, 0)[1]
    log.path.unlink()
    log.finished("done")
    assert [event["type"] for event in read_events(log.path, offset)[0]] == ["finished"]


@pytest.mark.parametrize(
    "line", [b"null", b"[1]", b'"warning"', b"{}", b'{"type": 3}', b"\xff\xfe", b"[" * 5000]
)
def test_a_line_that_is_no_event_is_unreadable(tmp_path, line):
    (tmp_path / "events.jsonl").write_bytes(line + b"\n")
    assert written(tmp_path) == [{"type": "unreadable"}]


def test_an_echo_sees_what_is_written(tmp_path):
    seen = []
    log = EventLog(tmp_path, seen.append)
    log.finished("done")
    assert seen == written(tmp_path)


def test_training_goes_on_when_the_reader_of_the_pipe_has_gone(tmp_path):
    def closed_pipe(event):
        raise BrokenPipeError

    log = EventLog(tmp_path, closed_pipe)
    log.warning("w", "one")
    log.warning("w", "two")
    assert len(written(tmp_path)) == 2


def test_a_full_disk_is_said_as_such_and_never_hides_the_error_that_ends_a_run(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    seen = []
    log = EventLog(tmp_path, seen.append)
    monkeypatch.setattr(events_module, "_append_line", full)
    with pytest.raises(DiskFullError):
        log.checkpoint("retrain", 1)
    log.error("disk_full", "The disk is full.", "Free some space.")
    log.finished("failed")
    assert [event["type"] for event in seen] == ["error", "finished"]


PRIVATE = [
    "cannot open '/data/Doe, John/scan 1.nii.gz' (truncated)",
    "cannot open /data/John Doe/scan.nii.gz now",
    "cannot open /data/scans/John Doe.nrrd now",
    r"C:\scans\Doe\scan.nii failed",
    "c:/scans/Doe/scan.nii failed",
    r"no access to \\server\share\Doe\scan.nii",
    "see file:///data/Doe/scan.nii",
    "read:/data/Doe/scan.nii: bad magic",
    "first /data/Doe/a, then /data/Doe/b.",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_paths_outside_the_run_folder_are_hidden(text, tmp_path):
    hidden = hide_paths(text, tmp_path / "run")
    assert "Doe" not in hidden and "<path>" in hidden


@pytest.mark.parametrize(
    "text",
    [
        "step 3/10, loss 1/2",
        "metric retrain/loss or dice/anterior",
        "either/or",
        "a / b",
        "https://example.org/a/b",
        "spacing 0.5 x 0.5 mm",
        "see ./report.html or ../data",
        "[case_0001] left out: 1.5 mm/voxel",
    ],
)
def test_what_is_no_absolute_path_stays(text, tmp_path):
    assert hide_paths(text, tmp_path) == text


def test_paths_inside_the_run_folder_become_relative(tmp_path):
    root = tmp_path / "my run"
    assert (
        hide_paths(f"wrote {root}/checkpoints/step-1 and {root}.", root)
        == "wrote ./checkpoints/step-1 and ./."
    )
    assert hide_paths(f"{root}-other/x", root) == "<path>"


def test_events_hold_no_paths(tmp_path):
    log = EventLog(tmp_path)
    log.warning("labeling_failed", "[case_0001] left out: no such file '/data/Doe/a.nii'")
    log.error("x", "y", r"Look at D:\patients\Doe.nii")
    assert "Doe" not in (tmp_path / "events.jsonl").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()[0])[
        "text"
    ].startswith("[case_0001]")
