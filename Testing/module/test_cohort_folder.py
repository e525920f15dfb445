"""The folder of a cohort: made, opened, moved, damaged, of a newer version."""

from __future__ import annotations

import json
import shutil

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, SegmentClass, Status
from CFRTrain.runs.job import ClassSpec
from Testing.module.cohort_tools import CLASSES, add_case, make_cohort, make_run, reviewed_cohort, save_label


def test_a_new_cohort_is_the_same_after_it_is_opened_again(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert (cohort.name, cohort.classes, cohort.cases()) == ("hippocampus", CLASSES, ())
        assert not cohort.readOnly and cohort.readOnlyReason == ""


def test_a_cohort_is_made_in_an_empty_folder_but_never_over_something(tmp_path):
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / ".DS_Store").touch()
    make_cohort(folder).close()
    with pytest.raises(CohortError, match="already") as error:
        make_cohort(folder)
    assert error.value.code == "exists"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.docx").touch()
    with pytest.raises(CohortError, match="thesis.docx"):
        make_cohort(tmp_path / "other")


def test_a_creation_that_was_cut_off_can_be_repeated(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    (tmp_path / "cohort" / "cohort.json").unlink()  # it is written last
    make_cohort(tmp_path / "cohort").close()
    assert Cohort.open(tmp_path / "cohort").name == "hippocampus"


@pytest.mark.parametrize(("name", "code"), [("absent", "missing"), ("plain", "not_a_cohort")])
def test_a_folder_that_is_no_cohort_is_said_to_be_none(tmp_path, name, code):
    (tmp_path / "plain").mkdir()
    with pytest.raises(CohortError) as error:
        Cohort.open(tmp_path / name)
    assert error.value.code == code
    assert str(error.value) == f"{error.value.text} {error.value.remedy}" and name in error.value.text


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 201])
def test_a_name_is_one_line(tmp_path, name):
    with pytest.raises(CohortError) as error:
        Cohort.create(tmp_path / "cohort", name)
    assert error.value.code == "bad_name"
    assert not (tmp_path / "cohort").exists()


BAD_CLASSES = [
    [SegmentClass(0, "a", (0, 0, 0))],
    [SegmentClass(255, "a", (0, 0, 0))],
    [SegmentClass(1, " ", (0, 0, 0))],
    [SegmentClass(1, "a\nb", (0, 0, 0))],
    [SegmentClass(1, "a", (0, 0, 256))],
    [SegmentClass(1, "a", (0, 0))],
    [SegmentClass(1, "a", (0, 0, 0)), SegmentClass(1, "b", (0, 0, 0))],
    [SegmentClass(1, "a", (0, 0, 0)), SegmentClass(2, " A", (0, 0, 0))],
]


@pytest.mark.parametrize("classes", BAD_CLASSES)
def test_classes_that_cannot_be_told_apart_are_refused(tmp_path, classes):
    with pytest.raises(CohortError) as error:
        Cohort.create(tmp_path / "cohort", "a", classes)
    assert error.value.code == "bad_class" and error.value.remedy


def test_the_engine_takes_every_class_that_a_cohort_takes(tmp_path):
    classes = [SegmentClass(1, "é 海", (0, 0, 0)), SegmentClass(254, "b", (255, 255, 255))]
    with Cohort.create(tmp_path / "cohort", "a", classes) as cohort:
        assert [ClassSpec(item.value, item.name, item.color) for item in cohort.classes]


def test_classes_and_name_can_be_changed_and_stay_changed(tmp_path):
    classes = [SegmentClass(2, "back", (1, 2, 3)), SegmentClass(1, "front", (4, 5, 6), "t")]
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cohort.setClasses([*classes, SegmentClass(7, "tail", (0, 0, 0))])
        cohort.setName("brain")
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert [item.value for item in cohort.classes] == [2, 1, 7]
        assert (cohort.name, cohort.classes[1]) == ("brain", classes[1])


def test_a_label_value_that_labels_may_hold_cannot_be_taken_away(tmp_path):
    with make_cohort(tmp_path / "cohort", cases=1) as cohort:
        cohort.setClasses([SegmentClass(5, "a", (0, 0, 0))])  # nothing is labeled yet
        save_label(cohort, "case_0001")
        cohort.case("case_0001").image.unlink()  # and even so
        with pytest.raises(CohortError, match="5") as error:
            cohort.setClasses([SegmentClass(6, "a", (0, 0, 0))])
        assert error.value.code == "classes_in_use"
        assert [item.value for item in cohort.classes] == [5]


def test_a_cohort_can_be_moved_and_copied(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cohort.accept("case_0002", "jd")
        before = [(case.id, case.status, case.uncertainty) for case in cohort.cases()]
        shutil.copytree(cohort.folder, tmp_path / "copy")
    shutil.move(tmp_path / "cohort", tmp_path / "moved")
    for name in ("moved", "copy"):
        with Cohort.open(tmp_path / name) as cohort:
            assert [(case.id, case.status, case.uncertainty) for case in cohort.cases()] == before
            assert not cohort.readOnly
            for case in cohort.cases():
                for path in (case.image, case.label, case.pseudoLabel, case.uncertaintyMap):
                    assert path is None or (path.is_file() and path.is_relative_to(tmp_path / name))


@pytest.mark.parametrize("name", ["with blanks", "é ü ñ", "コホート 心臓", "long " * 60])
def test_any_folder_name_works(tmp_path, name):
    folder = tmp_path.joinpath(*(name[start : start + 120].strip() for start in range(0, len(name), 120)))
    with reviewed_cohort(folder) as cohort:
        cohort.reject("case_0002", "é")
    with Cohort.open(folder) as cohort:
        assert cohort.case("case_0002").decidedBy == "é"
        assert cohort.case("case_0001").label.is_file()


def test_empty_folders_that_a_copy_left_out_are_not_missed(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    for name in ("images", "labels", "pseudo_labels", "runs", "models"):
        (tmp_path / "cohort" / name).rmdir()
    with Cohort.open(tmp_path / "cohort") as cohort:
        add_case(cohort, "a")
        save_label(cohort, "case_0001")
        cohort.adoptRun(make_run(cohort, {}))
        assert cohort.case("case_0001").status is Status.LABELED


def test_a_newer_format_is_not_touched(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    path = tmp_path / "cohort" / "cohort.json"
    path.write_text(json.dumps({"format": 2, "name": {"en": "a"}}))
    before, changed = sorted(tmp_path.rglob("*")), path.parent.stat().st_mtime_ns
    with pytest.raises(CohortError, match="newer version") as error:
        Cohort.open(tmp_path / "cohort")
    assert error.value.code == "newer_format" and "Update" in error.value.remedy
    assert sorted(tmp_path.rglob("*")) == before and path.parent.stat().st_mtime_ns == changed


def test_what_is_not_known_in_the_header_is_kept(tmp_path):
    make_cohort(tmp_path / "cohort").close()
    path = tmp_path / "cohort" / "cohort.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "note": "of a later version"}))
    with Cohort.open(tmp_path / "cohort") as cohort:
        cohort.setName("brain")
    assert json.loads(path.read_text())["note"] == "of a later version"


FILES = ["cohort.json", "cases.jsonl", "reviews.jsonl", "pseudo_labels.jsonl"]
HARM = {
    "nothing": lambda path: path.unlink(),
    "zeros": lambda path: path.write_bytes(b"\0" * 200 + b"\n" + path.read_bytes()),
    "other JSON": lambda path: path.write_text("[1, 2]\n"),
    "an object": lambda path: path.write_text('{"a": 1}\n'),
    "wrong types": lambda path: path.write_text(
        '{"format": 1, "name": 5, "classes": 3, "case": 1, "time": {}}\n'
    ),
    "not UTF-8": lambda path: path.write_bytes(b'{"\xff": 1}\n' + path.read_bytes()),
    "deep JSON": lambda path: path.write_text("[" * 100_000 + "\n"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_with_what_to_do_and_nothing_is_changed(tmp_path, name, harm):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        cohort.accept("case_0002", "jd")
    path = tmp_path / "cohort" / name
    backup = path.read_bytes()
    HARM[harm](path)
    before = {item: item.read_bytes() for item in sorted(tmp_path.rglob("*")) if item.is_file()}
    with pytest.raises(CohortError, match=name.replace(".", r"\.")) as error:
        Cohort.open(tmp_path / "cohort")
    assert error.value.code == "damaged" and "backup" in error.value.remedy
    assert {item: item.read_bytes() for item in sorted(tmp_path.rglob("*")) if item.is_file()} == before
    if path.is_dir():
        path.rmdir()
    path.write_bytes(backup)  # the remedy helps
    with Cohort.open(tmp_path / "cohort") as cohort:
        assert cohort.case("case_0002").status is Status.ACCEPTED


def test_a_refresh_that_fails_leaves_everything_as_it_was(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        before, path = cohort.cases(), cohort.folder / "reviews.jsonl"
        content = path.read_bytes()
        path.write_bytes(b"nonsense\n" + content)
        with pytest.raises(CohortError):
            cohort.refresh()
        assert cohort.cases() == before and not cohort.readOnly
        path.write_bytes(content)
        cohort.refresh()
        assert cohort.accept("case_0002", "jd").status is Status.ACCEPTED
