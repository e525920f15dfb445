"""The check names every problem of every case before anything is trained."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from CFRTrain.data.cases import Case, cases_from
from CFRTrain.data.checking import check_cases
from CFRTrain.data.phantoms import write_cohort
from CFRTrain.data.volumes import Geometry, Volume, write_volume
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.job import ClassSpec, read_cases

CLASSES = (ClassSpec(1, "left atrium"),)
SIZE, GRID = (6, 8, 8), Geometry((6, 8, 8), (3.0, 2.0, 2.0))


def cohort(folder: Path, count: int = 4, labeled: int = 1) -> list[Case]:
    random = np.random.default_rng(0)
    cases = []
    for index in range(count):
        image, label = folder / f"i{index}.nii.gz", folder / f"l{index}.nii.gz"
        array = random.integers(0, 900, SIZE).astype(np.int16)
        write_volume(image, Volume(array, GRID))
        write_volume(label, Volume((array > 600).astype(np.uint8), GRID))
        kind = "labeled" if index < labeled else "unlabeled"
        cases.append(Case(f"case_{index:04d}", image, label if index < labeled else None, kind))
    return cases


def codes(report, severity: str) -> set[tuple[str | None, str]]:
    return {(found.case, found.code) for found in report.problems if found.severity == severity}


def test_a_sound_cohort_has_fingerprints_and_no_problems(tmp_path):
    report = check_cases(
        cases_from(read_cases(write_cohort(tmp_path, 3, size_zyx=(12, 16, 16), spacing_zyx=(10,) * 3))),
        CLASSES,
    )
    assert report.ok and not report.problems
    report.raise_first()
    first = report.fingerprints[0]
    assert first.spacing_zyx == pytest.approx((10, 10, 10)) and first.size_zyx == (12, 16, 16)
    assert [part.value for part in first.foreground] == [1]
    assert all(30 <= side <= 160 for side in first.foreground[0].extent_mm_zyx)
    assert list(first.intensities.quantiles) == sorted(first.intensities.quantiles)


def test_every_bad_case_is_named_and_the_good_ones_still_count(tmp_path):
    cases = cohort(tmp_path, 10, labeled=6)
    cases[1].image.write_bytes(cases[1].image.read_bytes()[:-20])
    write_volume(cases[2].label, Volume(np.ones((6, 8, 9), np.uint8), Geometry((6, 8, 9), GRID.spacing_zyx)))
    write_volume(cases[3].label, Volume(np.full(SIZE, 7, np.uint8), GRID))
    write_volume(cases[4].label, Volume(np.zeros(SIZE, np.uint8), GRID))
    cases[5] = replace(cases[5], label=None)
    write_volume(cases[6].image, Volume(np.full(SIZE, np.nan, np.float32), GRID))
    write_volume(cases[7].image, Volume(np.zeros(SIZE, np.uint8), GRID))
    cases[8] = replace(cases[8], image=tmp_path / "nowhere.nii.gz")
    seen = []
    report = check_cases(cases, CLASSES, lambda done, total, case: seen.append((done, total, case)))
    assert codes(report, "error") == {
        ("case_0001", "damaged"),
        ("case_0002", "other_grid"),
        ("case_0003", "label_values"),
        ("case_0004", "empty_label"),
        ("case_0005", "no_label"),
        ("case_0006", "not_finite"),
        ("case_0007", "constant"),
        ("case_0008", "missing"),
    }
    assert all(found.text and found.remedy for found in report.problems)
    assert {found.case for found in report.fingerprints} == {"case_0000", "case_0009"}
    assert seen == [(index + 1, 10, case.id) for index, case in enumerate(cases)]
    with pytest.raises(DataError, match="7 more problems") as caught:
        report.raise_first()
    assert caught.value.case == "case_0001"


def test_an_empty_label_is_refused_where_it_is_learned_from_and_a_warning_where_it_measures(tmp_path):
    cases = cohort(tmp_path, 4, labeled=2)
    for case in (cases[1], replace(cases[3], label=tmp_path / "l3.nii.gz")):
        write_volume(case.label, Volume(np.zeros(SIZE, np.uint8), GRID))
    cases[3] = replace(cases[3], label=tmp_path / "l3.nii.gz", role="validation")
    report = check_cases(cases, CLASSES)
    assert codes(report, "error") == {("case_0001", "empty_label")}
    assert codes(report, "warning") == {("case_0003", "empty_label")}
    assert "case_0003" in {found.case for found in report.fingerprints}


def test_a_bad_image_and_a_bad_label_of_one_case_are_both_named(tmp_path):
    cases = cohort(tmp_path)
    cases[0].image.write_bytes(b"nothing")
    write_volume(cases[0].label, Volume(np.full(SIZE, 9, np.uint8), GRID))
    assert codes(check_cases(cases, CLASSES), "error") == {
        ("case_0000", "damaged"),
        ("case_0000", "label_values"),
    }


def test_a_cohort_without_labels_or_without_a_class_cannot_be_trained(tmp_path):
    cases = cohort(tmp_path)
    assert (None, "class_absent") in codes(check_cases(cases, (*CLASSES, ClassSpec(2, "aorta"))), "error")
    assert codes(check_cases(cases[1:], CLASSES), "error") == {(None, "no_labeled")}
    assert codes(check_cases(cases[:1], CLASSES), "warning") == {(None, "no_unlabeled")}


def test_odd_spacing_doubled_volumes_and_unused_labels_are_warnings(tmp_path):
    cases = cohort(tmp_path, 5)
    odd = np.random.default_rng(5).integers(0, 99, SIZE).astype(np.int16)
    write_volume(cases[1].image, Volume(odd, Geometry(SIZE, (30.0, 2.0, 2.0))))
    cases[2] = replace(cases[2], image=cases[0].image)
    cases[3] = replace(cases[3], label=cases[0].label)
    cases.append(replace(cases[4], id="case_0009", role="validation", label=cases[0].label))
    report = check_cases(cases, CLASSES)
    assert report.ok
    assert codes(report, "warning") == {
        ("case_0001", "odd_spacing"),
        ("case_0002", "duplicate"),
        ("case_0003", "label_unused"),
        ("case_0009", "duplicate"),
    }
    assert "cannot validate" in next(found.text for found in report.warnings if found.case == "case_0009")


def test_memory_does_not_grow_with_the_number_of_cases(tmp_path):
    cases = cohort(tmp_path, 3, labeled=3)
    write_volume(
        cases[0].image,
        Volume(np.random.default_rng(0).normal(size=(40, 40, 40)), Geometry((40,) * 3, (1,) * 3)),
    )
    few = [replace(cases[0], id=f"c{index}", role="unlabeled", label=None) for index in range(3)]
    many = [replace(few[0], id=f"c{index}") for index in range(40)]
    peaks = []
    for some in (few, many):
        tracemalloc.start()
        check_cases(some, CLASSES)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100_000
