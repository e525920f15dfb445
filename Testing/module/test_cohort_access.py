"""Who may write: folders without write access, two Slicers on one cohort, locks that are left over."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, Origin, Status
from Testing.conftest import REPOSITORY
from Testing.module.cohort_tools import (
    CLASSES,
    make_cohort,
    make_run,
    reviewed_cohort,
    save_label,
    write_label,
)

NOBODY = 65534  # root may write everywhere, so that root's tests ask someone else
OTHER_SLICER = """
import sys
from pathlib import Path
from CFRSegmentLib.cohort import Cohort
cohort = Cohort.open(Path(sys.argv[1]))
sys.stdout.write(f"{cohort.readOnly}\\n{cohort.readOnlyReason}\\n")
sys.stdout.flush()
sys.stdin.readline()
cohort.close()
"""


def python(code: str, *arguments: Path) -> tuple[list[str], dict]:
    """A command and its environment that run `code` with the cohort's package."""
    paths = os.pathsep.join([str(REPOSITORY / "CFRSegment"), str(REPOSITORY)])
    command = [sys.executable, "-B", "-c", code, *map(str, arguments)]
    return command, {**os.environ, "PYTHONPATH": paths}


def start_other_slicer(folder: Path) -> tuple[subprocess.Popen, bool, str]:
    """Another process that has the cohort open: the process, whether it is read-only, and why."""
    command, environment = python(OTHER_SLICER, folder)
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip() == "True", process.stdout.readline().strip()


def changes(cohort: Cohort) -> list:
    """Everything that changes a cohort; case_0002 and case_0003 wait for review."""
    label, image = (
        cohort.folder / "labels" / "case_0001.seg.nrrd",
        cohort.folder / "images" / "case_0001.nrrd",
    )
    origin = Origin("file", "new")
    return [
        lambda: cohort.setName("b"),
        lambda: cohort.setClasses(CLASSES[:1]),
        lambda: cohort.newImageFile(),
        lambda: cohort.addCase(origin, "a", image),
        lambda: cohort.addFailure(origin, "a", "b"),
        lambda: cohort.removeCase("case_0001"),
        lambda: cohort.newLabelFile("case_0001"),
        lambda: cohort.commitLabel("case_0001", label, "jd"),
        lambda: cohort.correct("case_0002", label, "jd"),
        lambda: cohort.accept("case_0002", "jd"),
        lambda: cohort.reject("case_0002", "jd"),
        lambda: cohort.reopen("case_0002", "jd"),
        lambda: cohort.undo(),
        lambda: cohort.adoptRun(cohort.folder / "runs" / "run_0001"),
    ]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_cohort_opened_for_reading_shows_everything_and_changes_nothing(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cases = cohort.cases()
    before = contents(tmp_path)
    with Cohort.open(tmp_path / "cohort", readOnly=True) as cohort:
        assert cohort.cases() == cases and cohort.readOnly and "reading" in cohort.readOnlyReason
        for change in changes(cohort):
            with pytest.raises(CohortError) as error:
                change()
            assert error.value.code == "read_only" and error.value.remedy
    assert contents(tmp_path) == before


@contextmanager
def without_special_rights():
    """Root may write everywhere: for root, the block runs as the user nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(os.name == "nt", reason="permissions of Windows are not those of chmod")
@pytest.mark.parametrize("locked", ["", "reviews.jsonl", "labels"])
def test_a_folder_without_write_access_is_opened_read_only(locked):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to others
        os.chmod(name, 0o755)
        folder = Path(name) / "cohort"
        reviewed_cohort(folder).close()
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o777)
        (folder / locked).chmod(0o555)
        before = contents(folder)
        with without_special_rights(), Cohort.open(folder) as cohort:
            assert cohort.readOnly and cohort.readOnlyReason and len(cohort.cases()) == 4
            for change in changes(cohort):
                with pytest.raises(CohortError) as error:
                    change()
                assert error.value.code == "read_only"
        assert contents(folder) == before
        (folder / locked).chmod(0o777)
        with without_special_rights(), Cohort.open(folder) as cohort:
            assert not cohort.readOnly


def test_a_second_slicer_is_told_who_has_the_cohort_and_reads_it(tmp_path):
    reviewed_cohort(tmp_path / "cohort").close()
    other, is_read_only, _reason = start_other_slicer(tmp_path / "cohort")
    try:
        assert not is_read_only
        with Cohort.open(tmp_path / "cohort") as cohort:
            assert cohort.readOnly and len(cohort.cases()) == 4
            assert str(other.pid) in cohort.readOnlyReason and socket.gethostname() in cohort.readOnlyReason
            other.communicate("close\n")
            cohort.refresh()
            assert not cohort.readOnly
            assert cohort.accept("case_0002", "jd").status is Status.ACCEPTED
    finally:
        other.kill()
        other.communicate()


def test_a_killed_slicer_does_not_lock_the_cohort(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    other, *_ = start_other_slicer(tmp_path / "cohort")
    other.kill()
    other.communicate()
    assert (tmp_path / "cohort" / "lock").exists()
    assert not Cohort.open(tmp_path / "cohort").readOnly


def test_what_the_other_slicer_writes_is_seen_after_a_refresh(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        with Cohort.open(tmp_path / "cohort", readOnly=True) as reader:
            cohort.accept("case_0002", "jd")
            cohort.setName("renamed")
            reader.refresh()
            assert reader.cases() == cohort.cases() and reader.name == "renamed" and reader.readOnly


def test_the_lock_of_another_computer_holds_until_it_is_taken_over(tmp_path):
    make_cohort(tmp_path / "cohort", cases=1).close()
    lock = tmp_path / "cohort" / "lock"
    lock.write_text(json.dumps({"pid": 1, "start": "1", "host": "reading-room-2", "token": "a"}))
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert cohort.readOnly and "reading-room-2" in cohort.readOnlyReason
    assert lock.exists()
    with Cohort.open(tmp_path / "cohort", takeOver=True) as cohort:
        assert not cohort.readOnly
        save_label(cohort, "case_0001")


def test_the_slicer_that_lost_the_cohort_writes_no_more(tmp_path):
    with make_cohort(tmp_path / "cohort", cases=1) as cohort:
        temporary = write_label(cohort, "case_0001")
        cohort.folder.joinpath("lock").write_text(
            json.dumps({"pid": 1, "start": "1", "host": "x", "token": ""})
        )
        with pytest.raises(CohortError) as error:
            cohort.commitLabel("case_0001", temporary, "jd")
        assert error.value.code == "read_only" and cohort.readOnly and temporary.exists()
        cohort.folder.joinpath("lock").unlink()
        cohort.refresh()
        assert cohort.commitLabel("case_0001", temporary, "jd").status is Status.LABELED


def test_a_reload_of_the_module_gets_the_cohort_back(tmp_path):
    old = make_cohort(tmp_path / "cohort", cases=1)
    with Cohort.open(tmp_path / "cohort") as new:
        save_label(new, "case_0001")
        with pytest.raises(CohortError, match="second time"):
            old.newLabelFile("case_0001")
        old.close()
        assert (tmp_path / "cohort" / "lock").exists()
        save_label(new, "case_0001")
    assert not (tmp_path / "cohort" / "lock").exists()


def test_a_deleted_lock_is_made_again_and_what_others_wrote_meanwhile_is_read(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        (tmp_path / "cohort" / "lock").unlink()
        other, is_read_only, _reason = start_other_slicer(tmp_path / "cohort")
        other.communicate("close\n")
        assert not is_read_only
        record = {"number": 2, "time": "t", "alias": "x", "case": "case_0002", "action": "accept"}
        with open(cohort.folder / "reviews.jsonl", "a") as stream:
            stream.write(json.dumps({**record, "run": "run_0001", "changedVoxels": None}) + "\n")
        with pytest.raises(CohortError, match="waits for a decision"):
            cohort.reject("case_0002", "jd")
        cohort.reject("case_0003", "jd")
        assert (tmp_path / "cohort" / "lock").exists()
        assert cohort.undo().id == "case_0003" and cohort.undo().id == "case_0002"


def test_a_closed_cohort_can_be_read_but_not_written(tmp_path):
    cohort = reviewed_cohort(tmp_path / "cohort")
    run = make_run(cohort, {"case_0002": 0.5}, "run_0002")
    cohort.close()
    cohort.close()
    assert cohort.readOnly and len(cohort.cases()) == 4
    with pytest.raises(CohortError, match="closed"):
        cohort.adoptRun(run)


def test_a_copy_of_an_open_cohort_can_be_taken_over(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    other, *_ = start_other_slicer(tmp_path / "cohort")
    try:
        shutil.copytree(tmp_path / "cohort", tmp_path / "copy")
        with Cohort.open(tmp_path / "copy", takeOver=True) as copy:
            assert not copy.readOnly
    finally:
        other.communicate("close\n")
