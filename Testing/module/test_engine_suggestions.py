"""Which case to label next: what the engine is asked, what its answer means, how long its order is good."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from CFRSegmentLib.cohort import Cohort, Origin
from CFRSegmentLib.engine import (
    SuggestedOrder,
    Suggestion,
    casesToAsk,
    runToAsk,
    suggestCases,
    suggestionsFrom,
)
from CFRSegmentLib.engine.suggestions import reasonText
from Testing.conftest import REPOSITORY
from Testing.module.cohort_tools import CLASSES, add_case, make_cohort, make_run, save_label
from Testing.module.engine_tools import ENVIRONMENT, bare_run, ended

CASES = [f"case_000{number}" for number in range(1, 6)]


@pytest.fixture
def volumes(tmp_path: Path, hippocampus: list[tuple[Path, Path]]) -> Cohort:
    """A cohort of five real volumes with patients' names as titles, the first one labeled."""
    with Cohort.create(tmp_path / "cohort é", "hippocampus", CLASSES) as cohort:
        for image, _ in hippocampus[:5]:
            cohort.addCase(Origin("file", str(image)), f"Doe^Jane {image.name}", image, "MR")
        label = cohort.newLabelFile("case_0001")
        label.write_bytes(b"NRRD0005\nonly its being there counts")
        cohort.commitLabel("case_0001", label, "jd")
        yield cohort


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """Five small cases without labels."""
    with make_cohort(tmp_path / "cohort", 5) as cohort:
        yield cohort


def files(folder: Path) -> dict[str, int]:
    """All files below a folder and when they were written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def order_of(cohort: Cohort, *numbers: int) -> SuggestedOrder:
    return SuggestedOrder([Suggestion(CASES[number - 1], ("Why.",)) for number in numbers], cohort.cases())


def following(order: SuggestedOrder, cohort: Cohort, after: int | None = None) -> int | None:
    """The number of the case that the order leads to."""
    found = order.next(cohort.cases(), None if after is None else CASES[after - 1])
    return None if found is None else int(found[0].id[-1])


def test_real_volumes_are_compared_and_nothing_is_left_behind(volumes, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary 空"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = files(volumes.folder)
    task = ended(suggestCases(sys.executable, ENVIRONMENT, casesToAsk(volumes), threads=1))
    found = suggestionsFrom(task.messages)
    assert (task.exitCode, task.problem) == (0, None)
    assert sorted(item.case for item in found) == CASES[1:]
    assert all(item.why and not item.slices for item in found)
    assert [item["stage"] for item in task.messages if item["type"] == "progress"][-1] == "embed"
    assert files(volumes.folder) == before and list(temporary.iterdir()) == []


def test_the_engine_is_told_neutral_names_and_the_roles_of_now(volumes):
    asked = casesToAsk(volumes)
    assert "Doe" not in str(asked)
    assert [entry["role"] for entry in asked["cases"]] == ["labeled"] + ["unlabeled"] * 4
    assert Path(asked["cases"][0]["label"]).is_file() and asked["cases"][1]["label"] is None
    assert all(Path(entry["image"]).is_file() for entry in asked["cases"])


def test_a_volume_that_cannot_be_read_is_told_with_its_case_and_remedy(volumes):
    image = volumes.case("case_0003").image
    image.write_bytes(image.read_bytes()[:900])
    task = ended(suggestCases(sys.executable, ENVIRONMENT, casesToAsk(volumes)))
    assert task.problem.text and task.problem.remedy
    assert [item["case"] for item in task.messages if item["type"] == "error"] == ["case_0003"]


def test_the_newest_finished_run_is_asked_unless_a_training_is_under_way(cohort, monkeypatch):
    assert runToAsk(cohort.runsFolder) is None
    for name in ("run_0001", "run_0002"):
        run = make_run(cohort, {"case_0001": 0.5}, name)
        (run / "job.json").write_text("{}")
        (run / "model.cfrmodel").touch()
        (run / "store").mkdir()
    bare_run(cohort.runsFolder, "run_0003")
    assert runToAsk(cohort.runsFolder).name == "run_0002"
    (cohort.runsFolder / "run_0002" / "store").rmdir()
    assert runToAsk(cohort.runsFolder).name == "run_0001"
    monkeypatch.setattr("CFRSegmentLib.engine.launch.isAlive", lambda run: run.name == "run_0003")
    assert runToAsk(cohort.runsFolder) is None


def test_every_reason_of_the_engine_has_a_sentence_for_the_window():
    text = (REPOSITORY / "CFRTrain" / "selection" / "reasons.py").read_text("utf-8")
    codes = set(re.findall(r'Reason\(\s*"(\w+)"', text))
    assert len(codes) == 7
    fields = {"class": "Anterior", "cases": 7}
    sentences = {code: reasonText({"code": code, "text": "own words", "fields": fields}) for code in codes}
    assert "own words" not in sentences.values() and len(set(sentences.values())) == len(codes)
    assert sentences["uncertain_border"] == "The model is uncertain at the border of Anterior."
    assert sentences["typical"] == "It is the most typical of all 7 cases."
    one = {"code": "represents", "text": "", "fields": {"cases": 1}}
    assert reasonText(one) == "It stands for one more case without a label."
    assert reasonText({"code": "of a newer engine", "text": "own words"}) == "own words"


def test_what_cannot_be_understood_is_left_out():
    point = {"axis": 0, "index": 3, "position_lps_mm": [1, 2.5, -3]}
    good = {"type": "suggestion", "case": "case_0002", "reasons": [{"code": "next"}], "slices": [point]}
    bad: list[dict[str, Any]] = [
        {"type": "suggestions", "basis": "images"},
        {**good, "reasons": None},
        {**good, "slices": [{"axis": 0}]},
        {"type": "suggestion"},
    ]
    found = suggestionsFrom([*bad, good])
    assert [(item.case, item.slices) for item in found] == [("case_0002", ((1.0, 2.5, -3.0),))]
    assert found[0].why == "It shows most of what the labeled cases do not."


def test_the_order_leads_from_case_to_case_and_round(cohort):
    order = order_of(cohort, 4, 2, 5)
    assert [following(order, cohort, after) for after in (None, 4, 2, 5, 1)] == [4, 2, 5, 4, 4]


def test_labels_and_decisions_take_cases_out_of_the_order(cohort):
    order = order_of(cohort, 4, 2)
    save_label(cohort, "case_0004")
    assert [following(order, cohort, after) for after in (None, 4, 2)] == [2, 2, None]
    save_label(cohort, "case_0002")
    assert following(order, cohort) is None


def test_pseudo_labeled_cases_are_worth_a_label_rejected_ones_no_more(cohort):
    cohort.adoptRun(make_run(cohort, {"case_0002": 0.4, "case_0004": 0.5}))
    order = order_of(cohort, 4, 2)
    cohort.reject("case_0004", "jd")
    assert following(order, cohort) == 2


def test_the_order_ends_when_cases_come_or_go_or_a_training_is_taken_over(cohort):
    order = order_of(cohort, 4, 2)
    added = add_case(cohort, "one more")
    assert following(order, cohort) is None
    cohort.removeCase(added.id)
    assert following(order, cohort) == 4
    cohort.removeCase("case_0001")
    assert following(order, cohort) is None
    order = order_of(cohort, 4, 2)
    cohort.adoptRun(make_run(cohort, {"case_0002": 0.4}))
    assert following(order, cohort) is None
