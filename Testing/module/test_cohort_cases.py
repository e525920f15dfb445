"""Cases come and go: volumes, failures, duplicates, files that vanish."""

from __future__ import annotations

import json
import os

import pytest

from CFRSegmentLib.cohort import Cohort, CohortError, Origin, Status
from Testing.module.cohort_tools import add_case, label_bytes, make_cohort, reviewed_cohort, save_label


@pytest.fixture
def cohort(tmp_path):
    with make_cohort(tmp_path / "cohort") as cohort:
        yield cohort


def test_a_volume_becomes_a_case_of_the_cohort_s_own(cohort, tmp_path):
    image = tmp_path / "Doe, Jane é.NII.GZ"
    image.write_bytes(b"volume")
    case = cohort.addCase(Origin("file", str(image)), " volume\n1 ", image, "MR")
    assert (case.id, case.title, case.status, case.modality) == ("case_0001", "volume 1", "unlabeled", "MR")
    assert case.image == cohort.imagesFolder / "case_0001.nii.gz" and case.image.read_bytes() == b"volume"
    assert image.is_file() and case.problem is None
    assert cohort.counts()[Status.UNLABELED] == 1 and sum(cohort.counts().values()) == 1


def test_a_file_that_was_written_for_the_cohort_is_moved_not_copied(cohort):
    add_case(cohort, "a")
    assert os.listdir(cohort.imagesFolder) == ["case_0001.nrrd"]


def test_the_same_folder_twice_adds_nothing(cohort, tmp_path):
    paths = [tmp_path / f"{index}.nrrd" for index in range(12)]
    for path in paths:
        path.write_bytes(b"NRRD")
    for attempt in ("{}/{}", "{}/../" + tmp_path.name + "/{}"):
        for path in paths:
            origin = Origin("file", attempt.format(tmp_path, path.name))
            assert attempt == "{}/{}" or cohort.findOrigin(origin)
            cohort.addCase(origin, path.stem, path)
        cohort.addFailure(Origin("file", str(tmp_path / "bad.nrrd")), "bad", "It is cut off.")
        assert len(cohort.cases()) == 13 and len(os.listdir(cohort.imagesFolder)) == 12


def test_a_temporary_image_of_a_case_that_is_there_already_is_not_left(cohort):
    add_case(cohort, "a")
    case = add_case(cohort, "a")
    assert case.id == "case_0001" and os.listdir(cohort.imagesFolder) == ["case_0001.nrrd"]


def test_kinds_of_origin_are_not_mixed_up(cohort):
    case = add_case(cohort, "1.2.3")
    assert cohort.findOrigin(Origin("scene", "1.2.3")) == case
    assert cohort.findOrigin(Origin("dicom", "1.2.3")) is None


def test_a_volume_that_cannot_be_read_is_a_row_with_the_reason(cohort):
    origin = Origin("dicom", "1.2.840")
    case = cohort.addFailure(origin, "broken", "It has 4 dimensions. Choose one time point.")
    assert (case.status, case.image) == (Status.FAILED, None)
    assert case.problem == "It has 4 dimensions. Choose one time point."
    assert cohort.addFailure(origin, "broken", "It is gone.").problem == "It is gone."
    assert [item.id for item in cohort.cases(Status.FAILED)] == ["case_0001"]


def test_a_failed_volume_that_can_be_read_later_becomes_a_good_case(cohort):
    origin = Origin("file", "a.nrrd")
    failed = cohort.addFailure(origin, "a", "The disk was not there.")
    image = cohort.newImageFile()
    image.write_bytes(b"NRRD")
    case = cohort.addCase(origin, "a", image)
    assert (case.id, case.status, case.problem) == (failed.id, Status.UNLABELED, None)
    assert cohort.addFailure(origin, "a", "Now it is broken.").status is Status.UNLABELED


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr", "a.dcm", "a", "a.hdr"])
def test_formats_of_several_files_are_refused_with_what_to_do(cohort, tmp_path, name):
    (tmp_path / name).write_bytes(b"a")
    with pytest.raises(CohortError, match=r"\.nii\.gz") as error:
        cohort.addCase(Origin("file", name), "a", tmp_path / name)
    assert error.value.code == "bad_image" and cohort.cases() == ()


def test_an_empty_or_absent_image_is_refused(cohort, tmp_path):
    (tmp_path / "a.nrrd").touch()
    for name in ("a.nrrd", "absent.nrrd"):
        with pytest.raises(CohortError, match=name):
            cohort.addCase(Origin("file", name), "a", tmp_path / name)


def test_an_image_that_vanished_is_a_row_with_the_reason_until_it_is_back(cohort):
    case = add_case(cohort, "a")
    save_label(cohort, case.id)
    aside = cohort.folder / "aside"
    os.replace(case.image, aside)
    gone = cohort.case(case.id)
    assert (gone.status, gone.image, gone.label) == (Status.FAILED, None, None)
    assert "case_0001.nrrd" in gone.problem and str(cohort.imagesFolder) in gone.problem
    os.replace(aside, case.image)
    assert cohort.case(case.id).status is Status.LABELED


def test_a_vanished_image_is_put_back_by_adding_the_volume_again(cohort):
    case = add_case(cohort, "a")
    save_label(cohort, case.id)
    case.image.unlink()
    assert add_case(cohort, "a").status is Status.LABELED


def test_a_label_that_vanished_is_a_row_with_the_reason(cohort):
    add_case(cohort, "a")
    save_label(cohort, "case_0001").label.unlink()
    gone = cohort.case("case_0001")
    assert gone.status is Status.FAILED and "case_0001.seg.nrrd" in gone.problem
    assert save_label(cohort, "case_0001").status is Status.LABELED


def test_a_pseudo_label_that_vanished_leaves_an_unlabeled_case(tmp_path):
    with reviewed_cohort(tmp_path / "cohort") as cohort:
        accepted = cohort.accept("case_0003", "jd")
        for case in (cohort.case("case_0002"), accepted):
            case.pseudoLabel.unlink()
        assert cohort.case("case_0002").status is Status.UNLABELED
        assert cohort.case("case_0003").status is Status.FAILED
        assert "pseudo-label" in cohort.case("case_0003").problem


def test_a_removed_case_is_off_the_list_but_its_files_are_kept(cohort):
    add_case(cohort, "a")
    add_case(cohort, "b")
    save_label(cohort, "case_0002", "mine")
    cohort.removeCase("case_0002")
    assert [case.title for case in cohort.cases()] == ["a"]
    assert sorted(os.listdir(cohort.folder / "removed")) == ["case_0002.nrrd", "case_0002.seg.nrrd"]
    assert (cohort.folder / "removed" / "case_0002.seg.nrrd").read_bytes() == label_bytes("mine")
    with pytest.raises(CohortError) as error:
        cohort.case("case_0002")
    assert error.value.code == "unknown_case"
    again = add_case(cohort, "b")
    assert (again.id, again.status) == ("case_0003", Status.UNLABELED)


def test_files_of_a_case_that_the_list_has_lost_are_not_written_over(cohort):
    add_case(cohort, "a")
    (cohort.imagesFolder / "case_0009.nrrd").write_bytes(b"precious")
    assert add_case(cohort, "b").id == "case_0010"
    assert (cohort.imagesFolder / "case_0009.nrrd").read_bytes() == b"precious"


def test_the_list_survives_a_restart(cohort):
    add_case(cohort, "volume 1")
    cohort.addFailure(Origin("dicom", "1.2"), "volume 2", "Too small.")
    before = cohort.cases()
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.cases() == before


def test_names_that_no_encoding_knows_are_stored_and_found(cohort):
    name = os.fsdecode(b"/data/caf\xe9.nrrd")
    case = cohort.addFailure(Origin("file", name), name, "It cannot be read.")
    assert case.title.isprintable() and cohort.findOrigin(Origin("file", name)) == case
    cohort.close()
    with Cohort.open(cohort.folder) as opened:
        assert opened.findOrigin(Origin("file", name)) == case


@pytest.mark.parametrize("image", ["../secret.nrrd", "/etc/passwd", "a\\b.nrrd", ".hidden.nrrd", ""])
def test_a_list_that_points_out_of_the_images_folder_is_damage(cohort, image):
    add_case(cohort, "a")
    path = cohort.folder / "cases.jsonl"
    record = {**json.loads(path.read_text()), "image": image}
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(CohortError, match="cases.jsonl"):
        Cohort.open(cohort.folder)
