"""Short tasks in a child process: messages as they come, problems in words, canceled within seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from CFRSegmentLib.engine import VerbProcess, collectVolumes, devicesFrom, listDevices, verifyWeights
from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.volumes import write_volume
from Testing.conftest import REPOSITORY
from Testing.module.engine_tools import ENVIRONMENT, ended, wait_for


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tasks' temporary files go."""
    folder = tmp_path / "temporary é"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def pretending(monkeypatch: pytest.MonkeyPatch, code: str) -> VerbProcess:
    """A task that runs `code`; its arguments are those of the verb."""
    monkeypatch.setattr(
        "CFRSegmentLib.engine.verb_process.engineCommand",
        lambda python, *arguments: [str(python), "-c", code, *map(str, arguments)],
    )
    return VerbProcess(sys.executable, ENVIRONMENT, "devices")


def write_image(path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(4, 6, 6)).astype(np.float32)
    write_volume(path, Volume(noise, Geometry((4, 6, 6), (2.0, 1.0, 1.0))))


def test_the_devices_of_this_machine_are_listed(temporary: Path):
    task = ended(listDevices(sys.executable, ENVIRONMENT))
    devices = devicesFrom(task.messages)
    assert (task.exitCode, task.problem) == (0, None)
    assert (
        devices[-1].id == "cpu" and devices[-1].usable and devices[-1].totalBytes > devices[-1].freeBytes > 0
    )
    assert list(temporary.iterdir()) == []


def test_volumes_are_collected_and_a_bad_one_is_no_problem_of_the_task(tmp_path: Path):
    for name in ("a", "b é"):
        write_image(tmp_path / "in" / f"{name}.nii.gz")
    (tmp_path / "in" / "c.nii.gz").write_bytes(b"broken")
    task = ended(collectVolumes(sys.executable, ENVIRONMENT, [tmp_path / "in"], tmp_path / "out 空"))
    cases = [message for message in task.messages if message["type"] == "case"]
    assert [case["ok"] for case in cases] == [True, True, False]
    assert (task.exitCode, task.problem) == (3, None)
    assert cases[2]["text"] and cases[2]["remedy"] and cases[1]["source"].endswith("b é.nii.gz")
    assert sorted(path.name for path in (tmp_path / "out 空").iterdir()) == [
        "volume_0001.nii.gz", "volume_0002.nii.gz",
    ]  # fmt: skip


def test_a_thousand_paths_do_not_need_a_command_line(tmp_path: Path):
    paths = [tmp_path / ("long" * 40) / f"{number}.nii.gz" for number in range(1000)]
    task = ended(collectVolumes(sys.executable, ENVIRONMENT, paths, tmp_path / "out"))
    assert len([message for message in task.messages if message["type"] == "case"]) == 1000


def test_what_ended_a_task_is_told_in_the_engine_s_words(tmp_path: Path):
    task = ended(verifyWeights(sys.executable, ENVIRONMENT, tmp_path / "none.pth"))
    assert task.exitCode == 2 and "no such file" in task.problem.text and task.problem.remedy


def test_an_engine_that_cannot_begin_is_told_by_its_last_words(monkeypatch):
    task = ended(pretending(monkeypatch, "import a_package_that_is_not_there"))
    assert "a_package_that_is_not_there" in task.problem.text
    killed = ended(pretending(monkeypatch, "import os\nos.kill(os.getpid(), 9)"))
    assert "signal 9" in killed.problem.text


def test_a_task_is_canceled_by_the_file_that_it_looks_for(monkeypatch, temporary: Path):
    code = (
        "import os, sys, time\nfile = sys.argv[sys.argv.index('--stop-file') + 1]\n"
        'print(\'{"type": "progress"}\', flush=True)\n'
        "while not os.path.exists(file): time.sleep(0.02)\nsys.exit(130)"
    )
    task = pretending(monkeypatch, code)
    task.start()
    wait_for(task.poll)
    task.cancel()
    wait_for(lambda: task.poll() or not task.isRunning, 5)
    assert (task.exitCode, task.problem, list(temporary.iterdir())) == (130, None, [])


def test_a_task_that_does_not_listen_is_killed(monkeypatch):
    monkeypatch.setattr("CFRSegmentLib.engine.verb_process.GRACE_SECONDS", 0.2)
    task = pretending(monkeypatch, "import time\ntime.sleep(60)")
    task.start()
    task.cancel()
    begun = time.monotonic()
    wait_for(lambda: task.poll() or not task.isRunning, 5)
    assert time.monotonic() - begun < 2 and task.problem is None


def test_closing_ends_a_task_and_removes_its_files(monkeypatch, temporary: Path):
    task = pretending(monkeypatch, "import time\ntime.sleep(60)")
    task.start()
    task.close()
    assert not task.isRunning and list(temporary.iterdir()) == []
    task.close()


def test_nothing_of_a_task_blocks_the_window(monkeypatch):
    line = '{"type": "progress", "stage": "predict", "step": 1, "of": 2}\\n'
    task = pretending(monkeypatch, f"import sys\nfor _ in range(40000): sys.stdout.write('{line}')")
    longest, calls = 0.0, 0
    begun = time.monotonic()
    task.start()
    starting = time.monotonic() - begun
    while task.isRunning:
        begun = time.thread_time()
        task.poll()
        longest, calls = max(longest, time.thread_time() - begun), calls + 1
        time.sleep(0.01)
    assert len(task.messages) == 40_000 and calls > 5
    assert starting < 0.3 and longest < 0.1, f"{starting:.3f} s, {longest:.3f} s"


def test_the_engine_side_imports_neither_torch_nor_anything_that_is_to_be_installed():
    code = (
        "import sys, CFRSegmentLib.engine\n"
        "heavy = {'torch', 'numpy', 'SimpleITK', 'monai', 'psutil', 'slicer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    paths = os.pathsep.join([str(REPOSITORY / "CFRSegment"), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
