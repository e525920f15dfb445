"""Labels saved into the cohort: whole, never written over, the last ones kept."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, Status
from CFRTrain.runs import atomic
from Testing.module.cohort_tools import (
    label_bytes,
    make_cohort,
    records,
    reviewed_cohort,
    save_label,
    write_label,
)


@pytest.fixture
def cohort(tmp_path):
    with make_cohort(tmp_path / "cohort", cases=2) as cohort:
        yield cohort


def test_a_saved_label_makes_a_labeled_case(cohort):
    temporary = write_label(cohort, "case_0001", "mine")
    assert temporary.parent == cohort.labelsFolder and temporary.name.endswith(".seg.nrrd")
    case = cohort.commitLabel("case_0001", temporary, "jd", 120)
    assert (case.status, case.decidedBy, case.changedVoxels) == (Status.LABELED, "jd", 120)
    assert case.label == cohort.labelsFolder / "case_0001.seg.nrrd"
    assert case.label.read_bytes() == label_bytes("mine") and not temporary.exists()
    assert cohort.case("case_0002").status is Status.UNLABELED


def test_a_label_is_saved_although_a_virus_scanner_looks_at_it_first(cohort, monkeypatch):
    monkeypatch.setattr(atomic, "OTHERS_BLOCK", True)
    monkeypatch.setattr(atomic, "ATTEMPT_SECONDS", 0)
    replace, refused = os.replace, []

    def busy(source, target):
        if len(refused) < 3:
            refused.append(source)
            raise PermissionError(13, "The process cannot access the file")
        replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    assert save_label(cohort, "case_0001", "mine").label.read_bytes() == label_bytes("mine")
    assert len(refused) == 3


def test_a_written_label_that_was_not_committed_changes_nothing(cohort):
    write_label(cohort, "case_0001")
    assert cohort.case("case_0001").status is Status.UNLABELED
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.case("case_0001").status is Status.UNLABELED


def test_the_label_saved_last_counts_and_the_one_before_is_kept(cohort):
    first = save_label(cohort, "case_0001", "first").label
    second = save_label(cohort, "case_0001", "second").label
    assert first != second and first.read_bytes() == label_bytes("first")
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.case("case_0001").label.read_bytes() == label_bytes("second")


def test_only_the_last_ten_labels_of_a_case_are_kept(cohort):
    for number in range(15):
        save_label(cohort, "case_0001", str(number))
    kept = {path.read_bytes() for path in cohort.labelsFolder.iterdir()}
    assert kept == {label_bytes(str(number)) for number in range(5, 15)}
    assert cohort.case("case_0001").label.read_bytes() == label_bytes("14")


def test_a_label_that_an_undo_brings_back_is_kept_however_many_follow(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cohort.correct("case_0002", write_label(cohort, "case_0002", "0"), "jd")
        for number in range(1, 15):
            save_label(cohort, "case_0002", str(number))
        assert len(records(cohort)) == 16
        for number in reversed(range(14)):
            assert cohort.undo().label.read_bytes() == label_bytes(str(number))
        assert cohort.undo().status is Status.PSEUDO_LABELED


def test_a_file_from_elsewhere_is_copied_and_stays(cohort, tmp_path):
    path = tmp_path / "a label.seg.nrrd"
    path.write_bytes(label_bytes("given"))
    case = cohort.commitLabel("case_0001", path, "jd")
    assert case.label.read_bytes() == path.read_bytes() == label_bytes("given")
    assert [item.name for item in cohort.labelsFolder.iterdir()] == ["case_0001.seg.nrrd"]


@pytest.mark.parametrize("content", [None, b"", b"NRRD", b"not a label at all"])
def test_what_is_no_label_file_is_refused_and_the_label_before_stays(cohort, content):
    save_label(cohort, "case_0001", "good")
    temporary = cohort.newLabelFile("case_0001")
    if content is not None:
        temporary.write_bytes(content)
    with pytest.raises(CohortError, match="not saved") as error:
        cohort.commitLabel("case_0001", temporary, "jd")
    assert error.value.code == "bad_label"
    assert cohort.case("case_0001").label.read_bytes() == label_bytes("good")
    assert len(records(cohort)) == 1


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "not_written")])
@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_disk_that_refuses_loses_nothing_and_says_so(cohort, monkeypatch, step, number, code):
    save_label(cohort, "case_0001", "good")
    temporary = write_label(cohort, "case_0001", "better")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, _refusing(number))
        with pytest.raises(CohortError, match="case_0001") as error:
            cohort.commitLabel("case_0001", temporary, "jd")
    assert error.value.code == code and error.value.remedy
    assert cohort.case("case_0001").label.read_bytes() == label_bytes("good")
    assert cohort.commitLabel("case_0001", temporary, "jd").label.read_bytes() == label_bytes("better")


def _refusing(number):
    def refuse(*_arguments):
        raise OSError(number, os.strerror(number))

    return refuse


def test_labels_are_found_again_where_the_review_log_had_to_be_emptied(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        save_label(cohort, "case_0001", "second")
        cohort.reject("case_0002", "jd")
    (cohort.folder / "reviews.jsonl").write_bytes(b"")
    with Cohort.open(cohort.folder) as opened:
        found = opened.case("case_0001")
        assert found.status is Status.LABELED and found.decidedBy is None
        assert found.label.read_bytes() == label_bytes("second")
        assert opened.case("case_0002").status is Status.PSEUDO_LABELED


HEX = "0123456789abcdef" * 2
FOREIGN = (".DS_Store", "._case_0001.seg.nrrd", ".mine.seg.nrrd", ".case_notes", "notes.tmp")


def left_behind(cohort, seconds: float) -> list[Path]:
    """What processes that were killed so long ago have left half written in labels and images."""
    names = [cohort.newLabelFile("case_0001"), cohort.newImageFile(".nii.gz")]
    names += [cohort.labelsFolder / f".{HEX}.seg.nrrd", cohort.imagesFolder / f".{HEX}.nii.gz"]
    for path in names:
        written_ago(path, seconds)
    return names


def written_ago(path: Path, seconds: float) -> Path:
    path.write_bytes(b"half")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_half_written_files_of_killed_processes_are_cleared_away_when_the_cohort_is_opened(cohort):
    old = left_behind(cohort, 7200)
    foreign = [written_ago(cohort.labelsFolder / name, 7200) for name in FOREIGN]
    cohort.close()
    with Cohort.open(cohort.folder, readOnly=True):
        assert all(path.exists() for path in old)
    with Cohort.open(cohort.folder):
        assert not any(path.exists() for path in old) and all(path.exists() for path in foreign)


def test_half_written_files_that_may_still_be_needed_stay(cohort):
    fresh = left_behind(cohort, 0)
    cohort.refresh()
    assert all(path.exists() for path in fresh)
    old = left_behind(cohort, 7200)
    with Cohort.open(cohort.folder, takeOver=True):
        assert all(path.exists() for path in old), "the Slicer that had the cohort may be writing them"


def test_a_label_is_saved_even_where_the_image_has_vanished_meanwhile(cohort):
    temporary = write_label(cohort, "case_0001", "precious")
    image = cohort.case("case_0001").image
    content = image.read_bytes()
    image.unlink()
    assert cohort.commitLabel("case_0001", temporary, "jd").status is Status.FAILED
    image.write_bytes(content)
    assert cohort.case("case_0001").label.read_bytes() == label_bytes("precious")
