"""The engine outlives the viewer, is found again, is never mistaken for another process, and can be ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from CFRSegmentLib.engine import DetachedEngine, RunFollower, activeRun, latestRun
from CFRSegmentLib.engine.process_tree import killTrees, processTree
from CFRSegmentLib.engine.run_process import isAlive, readLaunch
from CFRTrain.runs.errors import LockedError
from CFRTrain.runs.lock import process_start
from Testing.conftest import REPOSITORY
from Testing.module.engine_tools import ENVIRONMENT, bare_run, pretending, start, wait_for

SLEEP = "time.sleep(60)\n"
WITH_CHILD = (
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "open(root + '/child', 'w').write(str(child.pid))\n"
)
POLITE = (
    "say('started', device='cpu')\n"
    "say('stage', name='retrain', index=4, of=6)\n"
    "while not os.path.exists(root + '/stop'): time.sleep(0.02)\n"
    "say('finished', status='stopped')\n"
    "os.remove(root + '/stop')\n"
)


@pytest.fixture
def run(tmp_path: Path):
    root = bare_run(tmp_path / "runs é 空")
    yield root
    launch = readLaunch(root)
    if launch is not None and launch.isAlive:
        killTrees([launch.pid])


def gone(pid: int) -> bool:
    return process_start(pid) is None


def test_an_engine_outlives_the_process_that_started_it_and_is_found_again(run: Path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom CFRSegmentLib.engine import launch\n"
        "command = ['-c', 'import time\\ntime.sleep(60)']\n"
        "launch.engineCommand = lambda python, verb, root: [str(python), *command]\n"
        "print(launch.DetachedEngine().start(Path(sys.argv[1]), sys.executable, dict(os.environ)))\n"
    )
    paths = os.pathsep.join([str(REPOSITORY / "CFRSegment"), str(REPOSITORY)])
    done = subprocess.run(
        [sys.executable, "-c", code, str(run)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, check=True, start_new_session=True,
    )  # fmt: skip
    pid = int(done.stdout)
    assert not gone(pid) and DetachedEngine().isRunning(run)
    assert activeRun(run.parent) == run and os.getsid(pid) == pid
    DetachedEngine().killTree(run)
    wait_for(lambda: gone(pid), 5)
    assert activeRun(run.parent) is None and latestRun(run.parent) == run


def test_the_engine_gets_a_clean_environment_and_writes_into_a_file(run: Path, monkeypatch):
    pretending(monkeypatch, "print(json.dumps(dict(os.environ)), flush=True)\n")
    startup = {
        **ENVIRONMENT,
        "ITK_AUTOLOAD_PATH": "/itk",
        "PYTHONHOME": "/opt/python",
        "PYTHONPATH": "/p",
        "A": "é",
    }
    engine = DetachedEngine()
    engine.start(run, sys.executable, startup)
    wait_for(lambda: not engine.isRunning(run))
    seen = json.loads((run / "output.log").read_text("utf-8"))
    assert {"ITK_AUTOLOAD_PATH", "PYTHONHOME", "PYTHONPATH"}.isdisjoint(seen)
    assert (seen["A"], seen["PYTHONUTF8"]) == ("é", "1")


def test_a_second_training_of_a_cohort_is_refused_while_one_runs(run: Path, monkeypatch):
    pretending(monkeypatch, SLEEP)
    engine, other = DetachedEngine(), bare_run(run.parent, "run_0002")
    start(engine, run)
    for refused in (run, other):
        with pytest.raises(LockedError, match="run_0001 is still running"):
            start(DetachedEngine(), refused)
    engine.killTree(run)
    wait_for(lambda: not engine.isRunning(run), 5)
    start(engine, other)
    engine.killTree(other)


def test_a_process_that_got_the_pid_of_a_dead_engine_is_not_taken_for_it(run: Path):
    note = {"pid": os.getpid(), "start": "another start", "host": socket.gethostname(), "time": time.time()}
    (run / "process.json").write_text(json.dumps(note))
    assert not isAlive(run)
    DetachedEngine().killTree(run)  # would end this test
    (run / "process.json").write_text(json.dumps({**note, "start": process_start(os.getpid())}))
    assert isAlive(run)
    (run / "process.json").write_text(
        json.dumps({**note, "start": process_start(os.getpid()), "host": "elsewhere"})
    )
    assert not isAlive(run)
    (run / "process.json").write_text("torn {")
    assert not isAlive(run)


def test_a_polite_engine_is_stopped_without_being_killed(run: Path, monkeypatch):
    pretending(monkeypatch, POLITE)
    engine, follower = DetachedEngine(), RunFollower(run)
    start(engine, run)
    wait_for(lambda: follower.poll().status == "running")
    engine.stop(run)
    assert follower.poll().status in ("stopping", "stopped")
    wait_for(lambda: engine.finishStop(run), 5)
    state = follower.poll()
    assert (state.status, state.problem) == ("stopped", None)


def test_a_stop_that_the_starting_engine_took_for_an_old_one_is_asked_again(run: Path, monkeypatch):
    pretending(
        monkeypatch,
        "while not os.path.exists(root + '/stop'): time.sleep(0.02)\nos.remove(root + '/stop')\n" + POLITE,
    )
    engine = DetachedEngine()
    start(engine, run)
    engine.stop(run)
    wait_for(lambda: engine.finishStop(run), 5)
    assert RunFollower(run).poll().status == "stopped"


def test_an_engine_that_does_not_listen_is_killed_with_its_children_after_the_grace_time(
    run: Path, monkeypatch
):
    ignore = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    pretending(monkeypatch, ignore + WITH_CHILD + "say('started', device='cpu')\n" + SLEEP)
    engine = DetachedEngine(graceSeconds=0.5)
    pid = start(engine, run)
    child = int(wait_for(lambda: (run / "child").exists() and (run / "child").read_text()))
    started = time.monotonic()
    engine.stop(run)
    assert not engine.finishStop(run) and not gone(child)
    wait_for(lambda: engine.finishStop(run), 5)
    assert time.monotonic() - started < 3
    wait_for(lambda: gone(pid) and gone(child), 2)
    state = RunFollower(run).poll()
    assert (state.status, state.problem) == ("stopped", None) and state.status.canResume


def test_an_engine_is_found_by_its_lock_where_the_launcher_is_gone(run: Path):
    engine = subprocess.Popen(
        [sys.executable, "-c", SLEEP.join(["import time\n", ""])], start_new_session=True
    )
    owner = {"pid": engine.pid, "start": process_start(engine.pid), "host": socket.gethostname()}
    (run / "lock").write_text(json.dumps(owner))
    assert DetachedEngine().isRunning(run) and activeRun(run.parent) == run
    DetachedEngine().killTree(run)
    assert engine.wait(5) == -signal.SIGKILL


def test_starting_and_asking_take_no_noticeable_time(run: Path, monkeypatch):
    pretending(monkeypatch, SLEEP)
    engine, follower = DetachedEngine(), RunFollower(run)
    times = []
    for act in (
        lambda: start(engine, run),
        lambda: engine.isRunning(run),
        follower.poll,
        lambda: engine.stop(run),
    ):
        begun = time.monotonic()
        act()
        times.append(time.monotonic() - begun)
    assert max(times) < 0.3, times  # a tenth of it where nothing else runs
    engine.killTree(run)


def test_a_python_that_does_not_exist_is_an_error_at_once(run: Path):
    with pytest.raises(OSError):
        DetachedEngine().start(run, run / "no python", ENVIRONMENT)
    assert not DetachedEngine().isRunning(run)


def test_a_tree_holds_descendants_and_never_this_process():
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time\\n{SLEEP.strip()}'])\n{SLEEP}"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    found = wait_for(lambda: len(tree := processTree([parent.pid])) == 2 and tree)
    assert os.getpid() not in processTree([os.getpid()])
    killTrees([parent.pid])
    parent.wait(5)
    wait_for(lambda: all(gone(pid) for pid in found), 5)
