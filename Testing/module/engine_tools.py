"""Runs for tests of the engine side: real ones on tiny phantoms, and engines that only pretend."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from CFRSegmentLib.cohort import Cohort, Origin, SegmentClass
from CFRSegmentLib.engine import DetachedEngine, RunFollower, RunState, TrainSettings, VerbProcess
from CFRTrain.data.phantoms import make_phantom
from CFRTrain.data.volumes import write_volume

ATRIUM = SegmentClass(1, "left atrium", (216, 101, 79), "T~SCT^82471001^Left atrium~^^~^^")
TINY = (
    ("threads", 1),
    ("predict.runtime", "torch"),
    ("retrain.steps", 6),
    ("retrain.width", 4),
    ("retrain.levels", 3),
    ("retrain.checkpoint_every", 2),
    ("retrain.log_every", 1),
)
SETTINGS = TrainSettings(preset="preview", device="cpu", changes=TINY)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
PATIENT = "Doe^Jane 1950"


def phantom_cohort(folder: Path, cases: int = 4) -> Cohort:
    """A cohort of phantoms whose first case is labeled; titles and origins name a patient."""
    cohort = Cohort.create(folder, "atrium", [ATRIUM])
    for index in range(cases):
        image, label = make_phantom(300 + index, (16, 24, 24), (6.0, 6.0, 6.0))
        path = cohort.newImageFile(".nii.gz")
        write_volume(path, image)
        case = cohort.addCase(Origin("file", f"/data/{PATIENT}/{index}.nii"), f"{PATIENT} {index}", path)
        if index == 0:
            written = cohort.newLabelFile(case.id)
            write_volume(written, label)
            cohort.commitLabel(case.id, written, "jd")
    return cohort


def pretending(monkeypatch: Any, code: str) -> None:
    """Makes `DetachedEngine` start `code` instead of the engine; sys.argv[1] is the run folder.

    The code begins with `say(type, **fields)`, which appends an event.
    """
    head = (
        "import json, os, subprocess, sys, time\n"
        "root = sys.argv[1]\n"
        "def say(kind, **fields):\n"
        "    with open(root + '/events.jsonl', 'a') as stream:\n"
        "        stream.write(json.dumps({'type': kind, 'time': time.time(), **fields}) + '\\n')\n"
    )

    def command(python: Path, verb: str, root: Path) -> list[str]:
        assert verb == "supervise"
        return [str(python), "-c", head + code, str(root)]

    monkeypatch.setattr("CFRSegmentLib.engine.launch.engineCommand", command)


def bare_run(cohort_runs: Path, name: str = "run_0001") -> Path:
    """A run folder with nothing in it but a job, as far as anybody can see from outside."""
    root = cohort_runs / name
    root.mkdir(parents=True)
    (root / "job.json").write_text(
        '{"format": 1, "preset": "preview", "classes": [{"value": 1, "name": "a"}]}'
    )
    return root


def start(engine: DetachedEngine, run: Path) -> int:
    """Starts the run with this Python."""
    return engine.start(run, sys.executable, ENVIRONMENT)


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true value of `condition`, asked for again and again. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def followed(run: Path, until: Callable[[RunState], bool], seconds: float = 240.0) -> list[RunState]:
    """The states of a run, twice a second or so, until one of them is the one waited for."""
    follower, states = RunFollower(run), []

    def poll() -> bool:
        states.append(follower.poll())
        return until(states[-1])

    wait_for(poll, seconds)
    return states


def events(run: Path, *lines: dict[str, Any]) -> None:
    """Appends events to a run."""
    with open(run / "events.jsonl", "a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)


def ended(task: VerbProcess, seconds: float = 120.0) -> VerbProcess:
    """A task of the engine at its end, polled as a window does."""
    task.start()

    def is_over() -> bool:
        task.poll()
        return not task.isRunning

    wait_for(is_over, seconds)
    return task
