"""kill -9 at any moment: no saved label is lost, none is half written, and the cohort opens."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from CFRSegmentLib.cohort import Cohort, Status
from Testing.conftest import REPOSITORY
from Testing.module.cohort_tools import make_cohort, make_run

KILLS = 50
CASES = 4
# Saves labels as fast as it can. A label is its own checksum; a line on stdout says that a save has returned.
WRITER = """
import hashlib, os, sys
from pathlib import Path
from CFRSegmentLib.cohort import Cohort
cohort = Cohort.open(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    number += 1
    case = f"case_{number % 4 + 1:04d}"
    body = str(number).encode() + b"|" + os.urandom(200_000).hex().encode()
    path = cohort.newLabelFile(case)
    path.write_bytes(b"NRRD0005\\n" + hashlib.sha256(body).hexdigest().encode() + b"\\n" + body)
    if cohort.case(case).status == "pseudo-labeled":
        cohort.correct(case, path, "jd", number)
    else:
        cohort.commitLabel(case, path, "jd", number)
    os.write(1, f"{case} {number}\\n".encode())
    if number % 5 == 0 and cohort.case(case).status == "corrected":
        cohort.reopen(case, "jd")
"""


def kill_while_writing(folder: Path, start: int, delay: float) -> list[tuple[str, int]]:
    """Lets a process save labels for `delay` seconds, kills it, and gives the saves that had returned."""
    paths = os.pathsep.join([str(REPOSITORY / "CFRSegment"), str(REPOSITORY)])
    command = [sys.executable, "-B", "-c", WRITER, str(folder), str(start)]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    first = process.stdout.readline()  # it is under way
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    lines = [line for line in (first + rest).decode().splitlines(keepends=True) if line.endswith("\n")]
    return [(line.split()[0], int(line.split()[1])) for line in lines]


def number_of(path: Path) -> int:
    """The number in a label file, after a look at its checksum: the file is whole."""
    magic, digest, body = path.read_bytes().split(b"\n", 2)
    assert magic == b"NRRD0005" and hashlib.sha256(body).hexdigest().encode() == digest
    return int(body.partition(b"|")[0])


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX systems")
def test_fifty_kills_lose_no_saved_label_and_leave_none_half_written(tmp_path):
    folder, chance = tmp_path / "cohort", random.Random(0)
    with make_cohort(folder, CASES) as cohort:
        cohort.adoptRun(make_run(cohort, {case.id: 0.5 for case in cohort.cases()}))
    saved: dict[str, int] = {}
    highest = 0
    for _kill in range(KILLS):
        done = kill_while_writing(folder, highest, chance.uniform(0, 0.06))
        saved.update(done)
        with Cohort.open(folder) as cohort:
            assert not cohort.readOnly
            for case in cohort.cases():
                assert case.status is not Status.FAILED, case.problem
                label = case.label or case.draft
                found = number_of(label) if label else 0
                # At most the one save under way may have come through without having been told.
                assert found in (saved.get(case.id, 0), done[-1][1] + 1)
                saved[case.id] = found
                highest = max(highest, found, done[-1][1] + 1)
        for path in (folder / "labels").glob("[!.]*"):
            number_of(path)
    assert highest > KILLS


def test_an_interrupted_addition_leaves_a_list_that_opens(tmp_path):
    """The image is moved in before its line is written: without the line there is no case, and no error."""
    with make_cohort(tmp_path / "cohort", CASES) as cohort:
        cohort.newImageFile().write_bytes(b"half")
        (cohort.imagesFolder / "case_0005.nrrd").write_bytes(b"NRRD")
        cohort.refresh()
        assert len(cohort.cases()) == CASES
