"""Review: accept, correct, reject, undo, re-open; the log that only grows; what trains, what is next."""

from __future__ import annotations

import datetime
import json

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, Origin, Status
from Testing.module.cohort_tools import (
    ALIAS,
    add_case,
    label_bytes,
    make_cohort,
    make_run,
    records,
    reviewed_cohort,
    save_label,
    write_label,
)


@pytest.fixture
def cohort(tmp_path):
    """case_0001 is labeled; 0002, 0003, 0004 have pseudo-labels of uncertainty 0.1, 0.2, 0.3."""
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        yield cohort


def statuses(cohort: Cohort) -> list[str]:
    return [case.status.value for case in cohort.cases()]


def test_each_decision_gives_its_status_and_survives_a_restart(cohort):
    cohort.accept("case_0002", "jd")
    cohort.correct("case_0003", write_label(cohort, "case_0003", "mine"), "ab", 42)
    cohort.reject("case_0004", "jd")
    assert statuses(cohort) == ["labeled", "accepted", "corrected", "rejected"]
    before = cohort.cases()
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.cases() == before


def test_a_decision_appends_one_record_with_all_that_is_asked_for(cohort):
    path = cohort.folder / "reviews.jsonl"
    before = path.read_bytes()
    cohort.correct("case_0003", write_label(cohort, "case_0003"), " Dr.  é ", 42)
    after = path.read_bytes()
    assert after.startswith(before)
    record = json.loads(after[len(before) :])
    time = datetime.datetime.fromisoformat(record.pop("time"))
    assert abs((datetime.datetime.now(datetime.UTC) - time).total_seconds()) < 60
    assert record == {
        "number": 2,
        "alias": "Dr. é",
        "case": "case_0003",
        "action": "correct",
        "run": "run_0001",
        "changedVoxels": 42,
        "label": "case_0003.seg.nrrd",
    }


def test_records_are_never_rewritten(cohort):
    path, seen = cohort.folder / "reviews.jsonl", b""
    for act in (
        lambda: cohort.accept("case_0002", "jd"),
        lambda: cohort.undo(),
        lambda: cohort.reject("case_0002", "jd"),
        lambda: cohort.reopen("case_0002", "jd"),
        lambda: save_label(cohort, "case_0002"),
    ):
        act()
        assert path.read_bytes().startswith(seen) and len(path.read_bytes()) > len(seen)
        seen = path.read_bytes()
    actions = [record["action"] for record in records(cohort)]
    assert actions == ["label", "accept", "undo", "reject", "reopen", "label"]


def test_a_correction_becomes_the_label_and_the_pseudo_label_stays(cohort):
    pseudo = cohort.case("case_0003").pseudoLabel.read_bytes()
    case = cohort.correct("case_0003", write_label(cohort, "case_0003", "mine"), "jd", 5)
    assert case.label.read_bytes() == label_bytes("mine")
    assert (case.changedVoxels, case.decidedBy, case.run) == (5, "jd", "run_0001")
    assert case.pseudoLabel.read_bytes() == pseudo


def test_only_what_waits_can_be_decided_on(cohort):
    cohort.accept("case_0002", "jd")
    add_case(cohort, "new")
    for case in ("case_0001", "case_0002", "case_0005"):
        for act in (cohort.accept, cohort.reject):
            with pytest.raises(CohortError) as error:
                act(case, "jd")
            assert error.value.code == "not_decidable"
        with pytest.raises(CohortError):
            cohort.correct(case, write_label(cohort, case), "jd")
    for case in ("case_0001", "case_0003"):
        with pytest.raises(CohortError) as error:
            cohort.reopen(case, "jd")
        assert error.value.code == "not_decided"
    assert len(records(cohort)) == 2


def test_undo_restores_the_former_status_step_by_step(cohort):
    cohort.accept("case_0002", "jd")
    cohort.reject("case_0003", "jd")
    cohort.reopen("case_0003", "jd")
    cohort.correct("case_0003", write_label(cohort, "case_0003", "mine"), "jd")
    expected = [
        ("case_0003", Status.PSEUDO_LABELED),
        ("case_0003", Status.REJECTED),
        ("case_0003", Status.PSEUDO_LABELED),
        ("case_0002", Status.PSEUDO_LABELED),
    ]
    for case, status in expected:
        assert cohort.undoable().id == case
        undone = cohort.undo("ab")
        assert (undone.id, undone.status) == (case, status)
    assert cohort.undoable() is None and cohort.case("case_0003").label is None
    with pytest.raises(CohortError) as error:
        cohort.undo()
    assert error.value.code == "nothing_to_undo"
    assert [record["undoes"] for record in records(cohort)[-4:]] == [5, 4, 3, 2]


def test_an_undo_after_a_restart_restores_who_decided_before(cohort):
    before = cohort.accept("case_0002", "first")
    cohort.reopen("case_0002", "second")
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.undo("third") == before
    with Cohort.open(cohort.folder) as opened:
        assert opened.case("case_0002") == before


def test_undo_of_a_second_correction_brings_the_first_one_back(cohort):
    cohort.correct("case_0002", write_label(cohort, "case_0002", "first"), "jd")
    save_label(cohort, "case_0002", "second")  # from the annotate panel
    assert cohort.case("case_0002").status is Status.CORRECTED
    assert cohort.undo().label.read_bytes() == label_bytes("first")


def test_a_saved_label_is_never_undone(cohort):
    cohort.reject("case_0002", "jd")
    assert save_label(cohort, "case_0002", "by hand").status is Status.LABELED
    assert cohort.undoable() is None
    cohort.accept("case_0003", "jd")
    cohort.undo()
    assert cohort.case("case_0002").label.read_bytes() == label_bytes("by hand")


def test_a_decision_on_a_case_that_was_removed_is_passed_over_by_undo(cohort):
    cohort.accept("case_0002", "jd")
    cohort.accept("case_0003", "jd")
    cohort.removeCase("case_0003")
    assert cohort.undo().id == "case_0002"


def test_a_finished_case_can_be_opened_again_and_decided_otherwise(cohort):
    cohort.reject("case_0004", "jd")
    assert cohort.reopen("case_0004", "ab").status is Status.PSEUDO_LABELED
    case = cohort.accept("case_0004", "ab")
    assert (case.status, case.label, case.decidedBy) == (Status.ACCEPTED, case.pseudoLabel, "ab")


def test_a_re_opened_correction_is_kept_as_a_draft(cohort):
    cohort.correct("case_0002", write_label(cohort, "case_0002", "mine"), "jd")
    case = cohort.reopen("case_0002", "jd")
    assert case.label is None and case.draft.read_bytes() == label_bytes("mine")
    assert cohort.reject("case_0002", "jd").draft is None
    assert cohort.reopen("case_0002", "jd").draft.read_bytes() == label_bytes("mine")
    assert cohort.correct("case_0002", write_label(cohort, "case_0002", "more"), "jd").draft is None


def test_the_queue_has_the_most_uncertain_first_and_ties_by_title(tmp_path):
    with make_cohort(tmp_path / "ties") as cohort:
        for title in ("b", "A", "c", "d"):
            add_case(cohort, title)
        cohort.adoptRun(
            make_run(cohort, {"case_0001": 0.5, "case_0002": 0.5, "case_0003": 0.9, "case_0004": 0.1})
        )
        assert [case.title for case in cohort.reviewQueue()] == ["c", "A", "b", "d"]
        cohort.accept("case_0003", "jd")
        assert [case.title for case in cohort.reviewQueue()] == ["A", "b", "d"]


def test_what_trains_and_how_is_one_rule(cohort):
    cohort.accept("case_0002", "jd")
    cohort.correct("case_0003", write_label(cohort, "case_0003"), "jd")
    cohort.reject("case_0004", "jd")
    add_case(cohort, "unlabeled")
    cohort.addFailure(Origin("file", "x"), "failed", "It is cut off.")
    add_case(cohort, "pseudo-labeled")
    cohort.adoptRun(make_run(cohort, {"case_0007": 0.5}, "run_0002"))
    found = {item.case.id: (item.role, item.label) for item in cohort.trainingCases()}
    assert found == {
        "case_0001": ("labeled", cohort.case("case_0001").label),
        "case_0002": ("labeled", cohort.case("case_0002").pseudoLabel),
        "case_0003": ("labeled", cohort.case("case_0003").label),
        "case_0005": ("unlabeled", None),
        "case_0007": ("unlabeled", None),
    }
    left_out = {item.case.id: item.reason for item in cohort.casesLeftOut()}
    assert list(left_out) == ["case_0004", "case_0006"] and left_out["case_0006"] == "It is cut off."
    assert all(item.reason for item in cohort.trainingCases())


def test_the_next_case_to_label_is_the_next_unlabeled_one_then_the_most_uncertain_one(cohort):
    add_case(cohort, "u1")
    add_case(cohort, "u2")
    assert cohort.nextToLabel().id == "case_0005"
    assert cohort.nextToLabel(after="case_0005").id == "case_0006"
    assert cohort.nextToLabel(after="case_0006").id == "case_0005"
    for case in ("case_0005", "case_0006"):
        save_label(cohort, case)
    assert cohort.nextToLabel().id == "case_0004"
    for case in ("case_0003", "case_0004"):
        cohort.accept(case, ALIAS)
    cohort.reject("case_0002", ALIAS)
    assert cohort.nextToLabel().id == "case_0002"
    assert cohort.nextToLabel(after="case_0002") is None
    save_label(cohort, "case_0002")
    assert cohort.nextToLabel() is None


def test_a_log_that_names_a_label_outside_the_labels_folder_is_damage(cohort):
    path = cohort.folder / "reviews.jsonl"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "label": "../../secret.seg.nrrd"}) + "\n")
    with pytest.raises(CohortError, match="reviews.jsonl"):
        Cohort.open(cohort.folder)


def test_the_history_shows_the_newest_records_first_and_no_more_than_asked_for(cohort):
    cohort.accept("case_0002", "jd")
    cohort.reject("case_0004", "ab")
    assert [(item.case, item.action, item.alias) for item in cohort.history(2)] == [
        ("case_0004", "reject", "ab"),
        ("case_0002", "accept", "jd"),
    ]
    assert len(cohort.history()) == len(records(cohort))
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.history(1)[0].case == "case_0004"
