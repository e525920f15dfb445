"""What the cohort needs: the standard library; how fast it is with 1,000 cases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

from CFRSegmentLib.cohort import Cohort, Status
from Testing.conftest import REPOSITORY
from Testing.module.cohort_tools import make_cohort, make_run, save_label

MODULES = (
    "import sys, json; before = set(sys.modules); import CFRSegmentLib.cohort;"
    "sys.stdout.write(json.dumps(sorted(set(sys.modules) - before)))"
)
SECONDS_TO_OPEN = 0.3
SECONDS_TO_DECIDE = 0.1


def imported(environment: dict, *options: str) -> set[str]:
    """Top-level names of what an import of the cohort brings into a fresh Python."""
    command = [sys.executable, "-B", *options, "-c", MODULES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_cohort_imports_the_standard_library_alone():
    names = imported({**os.environ, "PYTHONPATH": str(REPOSITORY / "CFRSegment")})
    assert names - set(sys.stdlib_module_names) == {"CFRSegmentLib", "CFRTrain"}


def test_the_engine_is_found_where_it_is_installed_beside_the_module(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "CFRSegment" / "CFRSegmentLib", tmp_path / "CFRSegmentLib", ignore=ignore)
    shutil.copytree(REPOSITORY / "CFRTrain", tmp_path / "CFRTrain", ignore=ignore)
    code = "import CFRSegmentLib.cohort, CFRTrain, sys; sys.stdout.write(CFRTrain.__file__)"
    command = [sys.executable, "-B", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == str(tmp_path / "CFRTrain" / "__init__.py")


def test_an_import_twice_adds_one_path():
    code = (
        "import sys; from CFRSegmentLib.engine_path import makeEngineImportable as again;"
        "before = list(sys.path); again(); again(); sys.stdout.write(str(sys.path == before))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "CFRSegment")}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=REPOSITORY.parent
    )
    assert done.stdout == "True"


def large_cohort(folder, cases=1000):
    """A cohort of many cases in every state, written at once: to add them one by one takes long."""
    with make_cohort(folder) as cohort:
        lines, uncertainty = [], {}
        for number in range(1, cases + 1):
            name = f"case_{number:04d}"
            (cohort.imagesFolder / f"{name}.nrrd").write_bytes(b"NRRD")
            origin = {"kind": "file", "reference": f"images/patient {number}.nrrd"}
            record = {"case": name, "title": f"volume {number}", "origin": origin, "image": f"{name}.nrrd"}
            lines.append(json.dumps(record))
            uncertainty[name] = number / cases
        (folder / "cases.jsonl").write_text("\n".join(lines) + "\n")
        cohort.refresh()
        adopt_at_once(cohort, uncertainty)
    common = {"time": "t", "alias": "jd", "run": "run_0001", "changedVoxels": None}
    with open(folder / "reviews.jsonl", "w") as stream:
        for n, action in enumerate(["accept", "reopen", "reject", "reopen"] * (cases // 2), start=1):
            record = {"number": n, "case": f"case_{n % cases + 1:04d}", "action": action, **common}
            stream.write(json.dumps(record) + "\n")


def adopt_at_once(cohort, uncertainty):
    """As `adoptRun`, without a sync to the disk for each of 2,000 files."""
    review = make_run(cohort, {}).joinpath("review")
    folder = cohort.folder / "pseudo_labels" / "run_0001"
    shutil.copytree(review, folder)
    for name in uncertainty:
        (folder / f"{name}.nii.gz").write_bytes(b"a")
        (folder / f"{name}_uncertainty.nii.gz").write_bytes(b"a")
    record = {"run": "run_0001", "folder": "run_0001", "digest": "d", "time": "t", "cases": uncertainty}
    (cohort.folder / "pseudo_labels.jsonl").write_text(json.dumps(record) + "\n")


def test_a_thousand_cases_open_in_a_moment_and_a_decision_takes_no_longer_than_a_blink(tmp_path):
    large_cohort(tmp_path / "cohort")
    opening, deciding = [], []
    for attempt in range(3):  # the best of three: the machine does other things, too
        begin = time.perf_counter()
        with Cohort.open(tmp_path / "cohort") as cohort:
            assert len(cohort.cases()) == 1000 and cohort.counts()[Status.PSEUDO_LABELED] > 0
            opening.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            case = cohort.accept(cohort.reviewQueue()[0].id, "jd")
            assert cohort.cases(Status.ACCEPTED)[-1].id and case.status is Status.ACCEPTED
            deciding.append(time.perf_counter() - begin)
            save_label(cohort, f"case_000{attempt + 1}")
    assert min(opening) < SECONDS_TO_OPEN
    assert min(deciding) < SECONDS_TO_DECIDE
