"""Cases as the engine uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from CFRTrain.data.cases import cases_from, with_role
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import read_cases


def write_list(folder: Path, *entries: dict) -> Path:
    path = folder / "cases.json"
    path.write_text(json.dumps({"format": 1, "cases": list(entries)}))
    return path


def test_a_case_list_becomes_cases_with_resolved_paths_in_order(tmp_path):
    path = write_list(
        tmp_path,
        {"id": "b", "image": "i/b.nrrd", "role": "unlabeled"},
        {"id": "a", "image": "i/a.nrrd", "label": "l/a.nrrd", "role": "labeled", "sha256": "0" * 64},
    )
    unlabeled, labeled = cases_from(read_cases(path))
    assert (unlabeled.id, unlabeled.image, unlabeled.label) == ("b", tmp_path / "i/b.nrrd", None)
    assert (labeled.label, labeled.sha256) == (tmp_path / "l/a.nrrd", "0" * 64)


def test_cases_are_chosen_by_role(tmp_path):
    entries = [
        {"id": f"c{index}", "image": "x.nii", "label": "y.nii", "role": role}
        for index, role in enumerate(["labeled", "unlabeled", "validation", "labeled"])
    ]
    cases = cases_from(read_cases(write_list(tmp_path, *entries)))
    assert [case.id for case in with_role(cases, "labeled")] == ["c0", "c3"]
    assert [case.id for case in with_role(cases, "validation", "unlabeled")] == ["c1", "c2"]


def test_the_same_id_twice_is_refused(tmp_path):
    entry = {"id": "a", "image": "x.nii", "role": "unlabeled"}
    with pytest.raises(JobError, match="a"):
        read_cases(write_list(tmp_path, entry, entry))
