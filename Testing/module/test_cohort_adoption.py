"""The pseudo-labels of a finished run come into the cohort; labels and decisions stay."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, Status
from Testing.module.cohort_tools import (
    add_case,
    make_cohort,
    make_run,
    reviewed_cohort,
    save_label,
    write_label,
)


@pytest.fixture
def cohort(tmp_path):
    with make_cohort(tmp_path / "cohort", cases=4) as cohort:
        yield cohort


def content(path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_pseudo_labels_are_copied_with_their_uncertainty(cohort):
    run = make_run(cohort, {"case_0002": 0.25, "case_0003": 0.5})
    assert cohort.adoptRun(run) == ("case_0002", "case_0003")
    shutil.rmtree(run)  # the cohort has its own copies
    case = cohort.case("case_0002")
    assert (case.status, case.uncertainty, case.run) == (Status.PSEUDO_LABELED, 0.25, "run_0001")
    assert content(case.pseudoLabel) == "run_0001 case_0002" and content(case.uncertaintyMap) == "doubt"
    assert case.label is None
    before = cohort.cases()
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.cases() == before


def test_labels_and_decisions_are_never_touched_by_a_run(tmp_path):
    with reviewed_cohort(tmp_path / "cohort", cases=5) as cohort:
        cohort.accept("case_0002", "jd")
        cohort.correct("case_0003", write_label(cohort, "case_0003"), "jd")
        cohort.reject("case_0004", "jd")
        before = [cohort.case(f"case_000{number}") for number in range(1, 5)]
        files = [case.label.read_bytes() for case in before if case.label]
        run = make_run(cohort, {f"case_000{number}": 0.9 for number in range(1, 6)}, "run_0002")
        assert cohort.adoptRun(run) == ("case_0005",)
        assert [cohort.case(case.id) for case in before] == before
        assert [case.label.read_bytes() for case in before if case.label] == files


def test_a_newer_run_replaces_pseudo_labels_and_the_old_files_go(cohort):
    cohort.adoptRun(make_run(cohort, {"case_0001": 0.5, "case_0002": 0.4}))
    old = cohort.case("case_0001").pseudoLabel
    cohort.adoptRun(make_run(cohort, {"case_0001": 0.1}, "run_0002"))
    case = cohort.case("case_0001")
    assert (case.run, case.uncertainty, content(case.pseudoLabel)) == ("run_0002", 0.1, "run_0002 case_0001")
    assert not old.exists() and cohort.case("case_0002").pseudoLabel.is_file()


def test_a_run_is_taken_over_once(cohort):
    run = make_run(cohort, {"case_0001": 0.5})
    cohort.adoptRun(run)
    cohort.adoptRun(make_run(cohort, {"case_0001": 0.1}, "run_0002"))
    assert cohort.adoptRun(run) == () and cohort.case("case_0001").run == "run_0002"
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.adoptRun(run) == ()


def test_another_run_of_the_same_name_is_another_run(cohort):
    first = make_run(cohort, {"case_0001": 0.5, "case_0003": 0.5})
    cohort.adoptRun(first)
    cohort.accept("case_0001", "jd")
    accepted = cohort.case("case_0001").label.read_bytes()
    shutil.rmtree(first)
    second = make_run(cohort, {"case_0001": 0.5, "case_0002": 0.3, "case_0003": 0.2})
    (second / "review" / "case_0003.nii.gz").write_bytes(gzip.compress(b"new"))
    (second / "results.json").write_text(json.dumps({"format": 1, "status": "done", "other": True}))
    assert cohort.adoptRun(second) == ("case_0002", "case_0003")
    assert cohort.case("case_0001").label.read_bytes() == accepted
    case = cohort.case("case_0003")
    assert (case.run, case.uncertainty, content(case.pseudoLabel)) == ("run_0001", 0.2, "new")


def test_an_unfinished_run_gives_nothing(cohort):
    run = make_run(cohort, {"case_0001": 0.5})
    (run / "results.json").unlink()
    with pytest.raises(CohortError, match="not finished") as error:
        cohort.adoptRun(run)
    assert error.value.code == "run_unfinished"
    assert cohort.case("case_0001").status is Status.UNLABELED


BAD = ["not JSON", "{}", "[1]", '[{"case": "case_0001"}]', '[{"case": "case_0001", "uncertainty": "high"}]']


@pytest.mark.parametrize("text", [*BAD, '[{"case": "case_0001", "uncertainty": NaN}]'])
def test_results_that_cannot_be_read_change_nothing(cohort, text):
    run = make_run(cohort, {"case_0001": 0.5})
    (run / "review.json").write_text(text)
    with pytest.raises(CohortError) as error:
        cohort.adoptRun(run)
    assert error.value.code == "bad_run"
    assert cohort.case("case_0001").status is Status.UNLABELED


def test_a_run_without_pseudo_labels_gives_none(cohort):
    run = make_run(cohort, {})
    (run / "review.json").unlink()
    assert cohort.adoptRun(run) == ()


def test_cases_that_the_cohort_does_not_know_are_passed_over(cohort):
    run = make_run(cohort, {"case_0001": 0.5, "case_0099": 0.5})
    listed = json.loads((run / "review.json").read_text())
    listed.append({"case": "../../case_0002", "uncertainty": 0.1})
    listed.append({"case": "case_0003", "uncertainty": 0.1})  # its files are missing
    (run / "review.json").write_text(json.dumps(listed))
    assert cohort.adoptRun(run) == ("case_0001",)


def test_nothing_counts_before_the_last_step(cohort):
    run = make_run(cohort, {"case_0001": 0.5, "case_0002": 0.4, "case_0003": 0.3})
    steps = cohort.adoption(run)
    assert [next(steps), next(steps)] == [(1, 3), (2, 3)]
    assert cohort.counts()[Status.PSEUDO_LABELED] == 0
    steps.close()  # as a kill
    assert cohort.counts()[Status.PSEUDO_LABELED] == 0
    assert cohort.adoptRun(run) == ("case_0001", "case_0002", "case_0003")


def test_a_label_saved_while_a_run_is_taken_over_stays(cohort):
    steps = cohort.adoption(make_run(cohort, {"case_0001": 0.5, "case_0002": 0.4}))
    next(steps)
    save_label(cohort, "case_0001")
    assert list(steps) == [(2, 2)]
    assert cohort.case("case_0001").status is Status.LABELED and cohort.case("case_0001").run is None
    assert cohort.case("case_0002").status is Status.PSEUDO_LABELED


def test_a_pseudo_label_accepted_while_a_newer_run_is_taken_over_stays_as_it_was_accepted(cohort):
    cohort.adoptRun(make_run(cohort, {"case_0001": 0.5}))
    steps = cohort.adoption(make_run(cohort, {"case_0001": 0.4}, "run_0002"))
    next(steps)
    cohort.accept("case_0001", "jd")
    assert list(steps) == []
    case = cohort.case("case_0001")
    assert (case.status, case.run, content(case.label)) == (Status.ACCEPTED, "run_0001", "run_0001 case_0001")


def test_a_decision_on_an_older_pseudo_label_does_not_hold_for_the_new_one(cohort):
    cohort.adoptRun(make_run(cohort, {"case_0001": 0.5}))
    cohort.correct("case_0001", write_label(cohort, "case_0001"), "jd")
    cohort.reopen("case_0001", "jd")
    cohort.adoptRun(make_run(cohort, {"case_0001": 0.2}, "run_0002"))
    case = cohort.case("case_0001")
    assert (case.status, case.draft, case.run) == (Status.PSEUDO_LABELED, None, "run_0002")
    assert cohort.undoable() is None


def test_a_case_without_an_uncertainty_map_can_be_reviewed(cohort):
    run = make_run(cohort, {"case_0001": 0.5})
    (run / "review" / "case_0001_uncertainty.nii.gz").unlink()
    cohort.adoptRun(run)
    assert cohort.case("case_0001").uncertaintyMap is None
    assert cohort.accept("case_0001", "jd").status is Status.ACCEPTED


def test_a_run_folder_of_any_name_and_place_is_taken(cohort, tmp_path):
    run = make_run(cohort, {"case_0001": 0.5})
    elsewhere = tmp_path / "auf dem Server é 空"
    shutil.move(run, elsewhere)
    assert cohort.adoptRun(elsewhere) == ("case_0001",)
    assert cohort.case("case_0001").run == elsewhere.name
    assert cohort.case("case_0001").pseudoLabel.is_file()


def test_a_removed_case_gets_nothing(cohort):
    run = make_run(cohort, {"case_0001": 0.5, "case_0002": 0.5})
    cohort.removeCase("case_0001")
    assert cohort.adoptRun(run) == ("case_0002",)
    cohort.removeCase("case_0002")
    assert add_case(cohort, "new").status is Status.UNLABELED
