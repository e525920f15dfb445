"""The run folder: lock, stop, free space, atomic files, the log, the manifest."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import types
import warnings
from pathlib import Path

import pytest

from CFRTrain.runs import atomic
from CFRTrain.runs.errors import DiskFullError, JobError, LockedError, StopRequested
from CFRTrain.runs.job import ClassSpec, job_to_json, preset
from CFRTrain.runs.lock import process_start
from CFRTrain.runs.run_folder import RunFolder, write_atomic

REPOSITORY = Path(__file__).resolve().parents[2]
HOLDER = (
    "import sys, time\n"
    "from CFRTrain.runs.run_folder import RunFolder\n"
    "with RunFolder(sys.argv[1]).lock():\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture
def holder(run_folder):
    """Another process that holds the lock of the run."""
    command = [sys.executable, "-c", HOLDER, str(run_folder.root)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def put_lock(run, **changes):
    with run.lock():
        owner = json.loads((run.root / "lock").read_text(encoding="utf-8"))
    (run.root / "lock").write_text(json.dumps({**owner, **changes}))


def test_the_lock_is_there_while_held_and_gone_afterwards(run_folder):
    with run_folder.lock():
        assert json.loads((run_folder.root / "lock").read_text(encoding="utf-8"))["pid"] == os.getpid()
    assert os.listdir(run_folder.root) == []
    with pytest.raises(RuntimeError), run_folder.lock():
        raise RuntimeError
    assert os.listdir(run_folder.root) == []


def test_two_engines_cannot_work_on_one_run(run_folder, holder):
    with pytest.raises(LockedError) as caught, run_folder.lock():
        pass
    assert caught.value.exit_code == 2
    assert (run_folder.root / "lock").is_file()


def test_one_process_cannot_hold_a_run_twice(run_folder):
    with run_folder.lock(), pytest.raises(LockedError), RunFolder(run_folder.root).lock():
        pass


def test_the_lock_of_a_killed_engine_is_taken_over(run_folder, holder):
    os.kill(holder.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process_start(holder.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)  # not waited for: the killed engine is a zombie of this process
    with run_folder.lock():
        assert json.loads((run_folder.root / "lock").read_text(encoding="utf-8"))["pid"] == os.getpid()


def test_the_lock_of_a_reused_process_id_is_taken_over(run_folder):
    put_lock(run_folder, pid=os.getppid(), start="12345 another boot")
    with run_folder.lock():
        pass


def test_the_lock_of_another_machine_is_respected(run_folder):
    put_lock(run_folder, host="another machine", pid=2**30)
    with pytest.raises(LockedError, match="lock"), run_folder.lock():
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b'{"pid": true}', b"\xff"])
def test_an_old_torn_lock_file_is_nobodys(run_folder, content):
    path = run_folder.folder() / "lock"
    path.write_bytes(content)
    with pytest.raises(LockedError), run_folder.lock():
        pass  # it may be in the making
    os.utime(path, (time.time() - 60, time.time() - 60))
    with run_folder.lock():
        assert json.loads(path.read_text(encoding="utf-8"))["pid"] == os.getpid()


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 7, 2**70])
def test_an_impossible_process_id_holds_nothing(run_folder, pid):
    put_lock(run_folder, pid=pid)
    with run_folder.lock():
        pass


def test_of_many_that_take_over_a_dead_lock_one_wins_at_a_time(run_folder):
    inside, most, refused = [], [], []

    def engine():
        try:
            with RunFolder(run_folder.root).lock():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.01)
                inside.pop()
        except LockedError:
            refused.append(1)

    for _ in range(10):
        put_lock(run_folder, pid=2**22 + 7)
        threads = [threading.Thread(target=engine) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(most) == 1 and len(most) + len(refused) == 80 and len(most) >= 10


def test_a_lock_works_where_links_do_not(run_folder, monkeypatch):
    def no_links(source, target):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    with run_folder.lock(), pytest.raises(LockedError), RunFolder(run_folder.root).lock():
        pass
    assert os.listdir(run_folder.root) == []


def test_a_stop_is_asked_for_seen_and_forgotten(run_folder):
    run_folder.raise_if_stopped()
    run_folder.request_stop()
    assert run_folder.stop_requested()
    with pytest.raises(StopRequested):
        run_folder.raise_if_stopped()
    run_folder.clear_stop()
    run_folder.clear_stop()
    run_folder.raise_if_stopped()


def test_too_little_free_space_is_said_in_time(tmp_path):
    run = RunFolder(tmp_path / "not" / "yet", disk_usage=lambda path: types.SimpleNamespace(free=200 << 20))
    run.require_free_space(100 << 20)
    with pytest.raises(DiskFullError, match="200 MiB are free") as caught:
        run.require_free_space(150 << 20)  # the margin for logs is asked for, too
    assert caught.value.exit_code == 5


def test_free_space_is_asked_of_a_folder_that_exists(tmp_path):
    RunFolder(tmp_path / "not" / "yet").require_free_space(1)


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    target = tmp_path / "deep" / "a.json"
    write_atomic(target, b"one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two" and os.listdir(target.parent) == ["a.json"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, DiskFullError),
        (errno.EDQUOT, DiskFullError),
        (errno.EIO, OSError),
    ],
)
def test_a_failed_write_keeps_the_old_content(tmp_path, monkeypatch, code, expected):
    target = tmp_path / "a.json"
    write_atomic(target, b"old")

    def fail(handle):
        raise OSError(code, "no")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(expected):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.json"]


def test_a_real_limit_on_file_size_is_a_full_disk(tmp_path):
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from CFRTrain.runs.errors import DiskFullError\nfrom CFRTrain.runs.run_folder import write_atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_atomic(Path(sys.argv[1]) / 'a', bytes(5000))\n"
        "except DiskFullError:\n    sys.exit(5)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 5
    assert os.listdir(tmp_path) == []


def test_json_files_are_written_and_read(run_folder):
    run_folder.write_json("deep/a.json", {"a": [1, 2.5, None, "é"]})
    assert run_folder.read_json("deep/a.json") == {"a": [1, 2.5, None, "é"]}
    assert run_folder.folder("b", "c").is_dir()
    (run_folder.root / "bad.json").write_bytes(b"{")
    for name in ("missing.json", "bad.json"):
        with pytest.raises(JobError, match=name):
            run_folder.read_json(name)


def test_job_and_cases_come_from_their_files(run_folder):
    job = preset("preview", [ClassSpec(1, "a")])
    write_atomic(run_folder.root / "job.json", job_to_json(job).encode())
    run_folder.write_json(
        "cases.json", {"format": 1, "cases": [{"id": "a", "role": "unlabeled", "image": "x"}]}
    )
    assert run_folder.job() == job
    assert [case.id for case in run_folder.cases()] == ["a"]
    with pytest.raises(JobError, match="job.json"):
        RunFolder(run_folder.root / "other").job()


def test_the_manifest_names_its_files_with_their_hashes(run_folder):
    assert run_folder.results() is None
    model = run_folder.folder("out") / "a.cfrmodel"
    model.write_bytes(b"weights")
    run_folder.write_results({"dice": 0.5}, {"model": model})
    digest = hashlib.sha256(b"weights").hexdigest()
    assert run_folder.results() == {
        "format": 1,
        "dice": 0.5,
        "files": {"model": {"path": "out/a.cfrmodel", "sha256": digest}},
    }


def test_the_log_holds_messages_warnings_and_tracebacks_but_no_paths(run_folder):
    with run_folder.log():
        logging.getLogger("CFRTrain.labelers").info("left out %s", "/data/Doe/scan.nii")
        warnings.warn("slow file '/data/Doe x/scan.nii'", UserWarning, stacklevel=1)
        try:
            raise OSError(2, "No such file", "/data/Doe/other.nii")
        except OSError:
            logging.getLogger("CFRTrain").exception("it broke")
    logging.getLogger("CFRTrain").warning("after the run")
    text = (run_folder.root / "engine.log").read_text(encoding="utf-8")
    assert "left out <path>" in text and "slow file" in text and "Traceback" in text and "it broke" in text
    assert "Doe" not in text and str(REPOSITORY) not in text and "after the run" not in text
