"""Files that only grow: cut off by a kill, damaged by something else, full disks."""

from __future__ import annotations

import errno
import json
import os

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, Status
from CFRSegmentLib.cohort.journal import Journal
from Testing.module.cohort_tools import reviewed_cohort

RECORDS = [{"a": 1, "é": "コ\n"}, {"b": None}]


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "log.jsonl"
    path.touch()
    made = Journal(path)
    made.append(*RECORDS)
    return made


def test_records_are_read_as_they_were_written(journal):
    assert journal.read() == RECORDS
    assert journal.path.read_bytes().count(b"\n") == 2


def test_a_line_cut_off_anywhere_is_passed_over_and_marked_by_the_next_record(journal):
    whole = journal.path.read_bytes()
    start = whole.index(b"\n") + 1
    for length in range(start, len(whole)):
        journal.path.write_bytes(whole[:length])
        kept = RECORDS if length == len(whole) - 1 else RECORDS[:1]  # only its end of line is missing
        assert journal.read() == kept
        journal.append({"c": 3})
        assert journal.read() == [*kept, {"c": 3}]
        assert journal.path.read_bytes().startswith(whole[:length])


def test_a_record_cut_off_again_and_again_spoils_no_other(journal):
    for _attempt in range(3):
        with open(journal.path, "ab") as stream:
            stream.write(b'{"cut": "of')
        assert journal.read()[:2] == RECORDS
    with open(journal.path, "ab") as stream:
        stream.write(b" ... cut o")  # killed while it marked the line
    journal.append({"c": 3})
    assert journal.read() == [*RECORDS, {"c": 3}]


def test_zeros_that_a_power_failure_leaves_at_the_end_are_passed_over(journal):
    with open(journal.path, "ab") as stream:
        stream.write(b"\0" * 4096)
    assert journal.read() == RECORDS
    journal.append({"c": 3})
    assert journal.read() == [*RECORDS, {"c": 3}]


def test_an_editor_s_line_ends_and_mark_do_no_harm(journal):
    text = b"\xef\xbb\xbf" + journal.path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n"
    journal.path.write_bytes(text)
    assert journal.read() == RECORDS


def test_a_damaged_line_is_named(journal):
    lines = journal.path.read_bytes().split(b"\n")
    journal.path.write_bytes(b"\n".join([lines[0], b"}{", *lines[1:]]))
    with pytest.raises(CohortError, match="line 2") as error:
        journal.read()
    assert error.value.code == "damaged"


def test_a_full_disk_leaves_no_part_of_a_record(journal, monkeypatch):
    before = journal.path.read_bytes()

    def refuse(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(CohortError, match="disk is full"):
            journal.append({"c": 3})
    assert journal.path.read_bytes() == before
    journal.append({"c": 3})
    assert journal.read() == [*RECORDS, {"c": 3}]


def test_a_missing_file_is_never_made_anew_by_writing(journal):
    journal.path.unlink()
    for act in (journal.read, lambda: journal.append({})):
        with pytest.raises(CohortError, match="log.jsonl"):
            act()
    assert not journal.path.exists()


def test_a_decision_cut_off_by_a_kill_was_not_made(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cohort.accept("case_0002", "jd")
        cohort.accept("case_0003", "jd")
    path = tmp_path / "cohort" / "reviews.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert cohort.case("case_0002").status is Status.ACCEPTED
        assert cohort.case("case_0003").status is Status.PSEUDO_LABELED
        cohort.reject("case_0003", "jd")
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert cohort.case("case_0003").status is Status.REJECTED
        assert cohort.undo().status is Status.PSEUDO_LABELED


def test_records_of_a_later_version_are_passed_over(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cohort.accept("case_0002", "jd")
    later = {"number": 3, "time": "t", "alias": "a", "case": "case_0002", "action": "comment", "text": "b"}
    with open(tmp_path / "cohort" / "reviews.jsonl", "a") as stream:
        stream.write(json.dumps(later) + "\n")
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert cohort.case("case_0002").status is Status.ACCEPTED
        cohort.reject("case_0003", "jd")
    assert json.loads((tmp_path / "cohort" / "reviews.jsonl").read_text().splitlines()[-1])["number"] == 4
