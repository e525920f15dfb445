"""Files that another program has open: a virus scanner, a reader, a network drive. Windows refuses then."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import torch

from CFRTrain.runs import atomic, lock
from CFRTrain.runs.checkpoints import CheckpointStore
from CFRTrain.runs.errors import DiskFullError, LockedError
from CFRTrain.runs.run_folder import RunFolder, write_atomic

FULL = OSError(28, "No space left on device")


@pytest.fixture
def busy(monkeypatch):
    """busy(module_or_class, name, times): what the function refuses so many times, as Windows does."""
    monkeypatch.setattr(atomic, "OTHERS_BLOCK", True)
    monkeypatch.setattr(atomic, "ATTEMPT_SECONDS", 0)

    def make(owner: object, name: str, times: int, only: str = "") -> list[str]:
        real, refused = getattr(owner, name), []

        def sometimes(path, *others, **options):
            if only in Path(path).as_posix() and len(refused) < times:
                refused.append(Path(path).name)
                raise PermissionError(13, "The process cannot access the file")
            return real(path, *others, **options)

        monkeypatch.setattr(owner, name, sometimes)
        return refused

    return make


def save(store: CheckpointStore, step: int) -> None:
    store.save(step, {"weight": torch.full((3,), float(step))}, {"step": step})


def test_a_checkpoint_waits_for_the_scanner_of_its_new_folder(tmp_path, busy):
    store = CheckpointStore(tmp_path)
    refused = busy(os, "replace", 3, only="/.tmp-00000005")
    save(store, 5)
    assert len(refused) == 3 and os.listdir(tmp_path) == ["step-00000005"]
    assert store.load_latest().tensors["weight"].tolist() == [5.0, 5.0, 5.0]


def test_an_old_checkpoint_that_is_being_read_does_not_end_the_training(tmp_path, busy):
    store = CheckpointStore(tmp_path, keep=1)
    save(store, 1)
    busy(Path, "unlink", 10**6, only="step-00000001/state.json")
    save(store, 2)
    assert store.load_latest().step == 2
    save(store, 3)
    assert store.load_latest().step == 3


def test_what_stays_in_use_is_an_error_in_the_end(tmp_path, busy):
    refused = busy(os, "replace", 10**6)
    with pytest.raises(PermissionError):
        write_atomic(tmp_path / "a", b"new")
    assert len(refused) == atomic.ATTEMPTS and os.listdir(tmp_path) == []


def test_a_full_disk_is_said_even_where_the_rest_cannot_be_removed(tmp_path, busy, monkeypatch):
    busy(Path, "unlink", 10**6)

    def full(handle: int) -> None:
        raise FULL

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(DiskFullError):
        write_atomic(tmp_path / "a", b"new")


def test_a_run_ends_well_whose_lock_is_being_read(tmp_path, busy):
    run = RunFolder(tmp_path)
    with run.lock():
        busy(Path, "unlink", 2, only="lock")
    assert not (tmp_path / "lock").exists()
    with run.lock():
        busy(Path, "unlink", 10**6, only="lock")
    assert (tmp_path / "lock").exists()  # of a living process, until it ends


def test_a_stop_request_that_is_being_scanned_is_forgotten_all_the_same(tmp_path, busy):
    run = RunFolder(tmp_path)
    run.request_stop()
    busy(Path, "unlink", 4, only="stop")
    run.clear_stop()
    assert not run.stop_requested()


def test_an_event_waits_for_who_has_the_file(tmp_path, busy, monkeypatch):
    import builtins

    refused = busy(builtins, "open", 2, only="events.jsonl")
    RunFolder(tmp_path).events.warning("code", "text")
    assert len(refused) == 2
    assert json.loads((tmp_path / "events.jsonl").read_text(encoding="utf-8"))["code"] == "code"


def test_a_lock_that_cannot_be_read_just_now_is_held(tmp_path, busy):
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": 2**22 + 7, "start": "1", "host": "here", "token": "1"}))
    os.utime(path, (time.time() - 60, time.time() - 60))
    busy(Path, "read_text", 10**6, only="lock")
    assert lock.is_held(path)
    with pytest.raises(LockedError), RunFolder(tmp_path).lock():
        pass


def test_the_lock_of_another_persons_process_on_this_computer_is_held(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    with run.lock():
        monkeypatch.setattr(lock, "process_start", lambda pid: lock.SOMEONE_ELSES)
        assert lock.is_held(tmp_path / "lock")
