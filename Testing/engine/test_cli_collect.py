"""`collect`: the good volumes arrive under neutral names, each bad one is named with reason and remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.volumes import read_volume, write_volume
from Testing.conftest import REPOSITORY
from Testing.engine.cli_tools import of_type, say, write_series

OBLIQUE = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
POSITIONS = [0.0, 2.0, 4.0, 6.0]


def write_image(path: Path, seed: int = 0) -> Volume:
    noise = np.random.default_rng(seed).normal(size=(4, 6, 5)).astype(np.float32)
    volume = Volume(noise, Geometry((4, 6, 5), (5.0, 0.7, 0.7), (-12.5, 40.0, 3.0), OBLIQUE))
    write_volume(path, volume)
    return volume


def collected(capsys, *sources: Path, folder: Path) -> tuple[int, list[dict]]:
    code, messages = say(capsys, "collect", *sources, "--output", folder)
    assert messages[-1] == {"type": "finished", "status": "done"}
    return code, of_type(messages, "case")


def test_files_are_copied_as_they_are_under_neutral_names(tmp_path: Path, capsys):
    names = ("Doe Jane.nii.gz", "b é.nrrd", "c.MHA", "d.nii")
    for seed, name in enumerate(names):
        write_image(tmp_path / "in" / name, seed)
    code, cases = collected(capsys, tmp_path / "in", folder=tmp_path / "out")
    assert code == 0 and all(case["ok"] and case["kind"] == "file" for case in cases)
    for case in cases:
        copy = tmp_path / "out" / case["file"]
        assert copy.read_bytes() == Path(case["source"]).read_bytes()
        assert (case["size_xyz"], case["spacing_xyz"]) == ([5, 6, 4], pytest.approx([0.7, 0.7, 5.0]))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "volume_0001.nii.gz", "volume_0002.nrrd", "volume_0003.mha", "volume_0004.nii",
    }  # fmt: skip


def test_twelve_good_volumes_and_a_corrupt_one_are_twelve_and_a_reason(tmp_path: Path, capsys):
    for number in range(12):
        write_image(tmp_path / "in" / f"{number:02d}.nii.gz", number)
    whole = (tmp_path / "in/00.nii.gz").read_bytes()
    (tmp_path / "in/05b.nii.gz").write_bytes(whole[: len(whole) // 2])
    code, cases = collected(capsys, tmp_path / "in", folder=tmp_path / "out")
    bad = [case for case in cases if not case["ok"]]
    assert (code, len(cases), len(bad)) == (3, 13, 1)
    assert bad[0]["source"].endswith("05b.nii.gz") and bad[0]["code"] == "damaged"
    assert bad[0]["text"] and bad[0]["remedy"] and len(list((tmp_path / "out").iterdir())) == 12


def test_what_is_wrong_with_a_volume_is_named(tmp_path: Path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    sitk.WriteImage(sitk.Image([4, 4, 4, 3], sitk.sitkFloat32), str(folder / "four.nii.gz"))
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), str(folder / "color.nrrd"))
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkInt16), str(folder / "empty.mha"))
    (folder / "old.mhd").write_text("NDims = 3")
    (tmp_path / "text.txt").write_text("no volume")
    code, cases = collected(
        capsys, folder, folder / "none.nii", tmp_path / "text.txt", folder=tmp_path / "out"
    )
    found = {Path(case["source"]).name: case["code"] for case in cases}
    assert found == {
        "four.nii.gz": "not_3d", "color.nrrd": "not_3d", "empty.mha": "constant", "old.mhd": "format",
        "none.nii": "missing", "text.txt": "format",
    }  # fmt: skip
    assert code == 3 and not any(case["ok"] for case in cases)


def test_segmentations_and_side_files_in_a_folder_are_no_volumes(tmp_path: Path, capsys):
    write_image(tmp_path / "in/a.nrrd")
    write_image(tmp_path / "in/a.seg.nrrd")
    for name in ("notes.txt", ".hidden.nii.gz", "Thumbs.db"):
        (tmp_path / "in" / name).write_bytes(b"x")
    code, cases = collected(capsys, tmp_path / "in", folder=tmp_path / "out")
    assert (code, [Path(case["source"]).name for case in cases]) == (0, ["a.nrrd"])


def test_every_series_below_a_folder_becomes_a_volume_without_any_tag(tmp_path: Path, capsys):
    first = write_series(tmp_path / "study/a", POSITIONS, "1.2.3.1", **{"0008|103e": "T1", "0020|0011": "4"})
    second = write_series(tmp_path / "study/a", [3.0, 0.0, 6.0], "1.2.3.2")
    write_series(tmp_path / "study/b", POSITIONS, "1.2.3.3")
    (tmp_path / "study/DICOMDIR").write_bytes(b"x")
    code, cases = collected(capsys, tmp_path / "study", folder=tmp_path / "out")
    assert code == 0 and {case["series_uid"] for case in cases} == {"1.2.3.1", "1.2.3.2", "1.2.3.3"}
    by_uid = {case["series_uid"]: case for case in cases}
    assert (by_uid["1.2.3.1"]["description"], by_uid["1.2.3.1"]["series_number"]) == ("T1", "4")
    assert by_uid["1.2.3.1"]["modality"] == "MR" and by_uid["1.2.3.1"]["kind"] == "dicom"
    volume = read_volume(tmp_path / "out" / by_uid["1.2.3.1"]["file"], "a")
    assert np.array_equal(volume.array, first) and volume.geometry.spacing_zyx == (2.0, 1.1, 0.9)
    swapped = read_volume(tmp_path / "out" / by_uid["1.2.3.2"]["file"], "a")
    assert np.array_equal(swapped.array, second[[1, 0, 2]])
    for case in cases:
        data = (tmp_path / "out" / case["file"]).read_bytes()
        assert b"Doe" not in data and b"PID1950" not in data
    assert "Doe" not in json.dumps([{**case, "source": ""} for case in cases])


def test_slices_chosen_one_by_one_are_one_volume(tmp_path: Path, capsys):
    array = write_series(tmp_path / "in", POSITIONS)
    code, cases = collected(capsys, *sorted((tmp_path / "in").iterdir()), folder=tmp_path / "out")
    assert (code, len(cases)) == (0, 1)
    assert np.array_equal(read_volume(tmp_path / "out" / cases[0]["file"], "a").array, array)


def test_a_bad_series_does_not_keep_a_good_one_out(tmp_path: Path, capsys):
    write_series(tmp_path / "in", [0.0, 2.0, 8.0], "1.2.3.1")
    write_series(tmp_path / "in", POSITIONS, "1.2.3.2")
    code, cases = collected(capsys, tmp_path / "in", folder=tmp_path / "out")
    assert code == 3 and {case["series_uid"]: case.get("code") for case in cases} == {
        "1.2.3.1": "missing_slices", "1.2.3.2": None,
    }  # fmt: skip


@pytest.mark.parametrize("kept", [400, 900, -20])
@pytest.mark.parametrize("others", [0, 1])
def test_a_series_with_a_damaged_slice_is_refused_even_where_it_is_the_last(tmp_path, capsys, kept, others):
    write_series(tmp_path / "in", POSITIONS, "1.2.3.1")
    last = max((tmp_path / "in").iterdir(), key=lambda path: int(path.stem.split("_")[1]))
    last.write_bytes(last.read_bytes()[:kept])
    for number in range(others):
        write_series(tmp_path / "in", POSITIONS, f"1.2.4.{number}")
    code, cases = collected(capsys, tmp_path / "in", folder=tmp_path / "out")
    assert code == 3 and len([case for case in cases if case["ok"]]) == others
    assert [case["code"] for case in cases if not case["ok"]] == ["foreign_files"]


def test_contours_beside_the_images_are_named_and_the_images_are_taken(tmp_path: Path, capsys):
    write_series(tmp_path / "in", POSITIONS, "1.2.3.1")
    slice_ = next((tmp_path / "in").iterdir()).read_bytes()
    without_pixels = slice_[: slice_.index(b"\xe0\x7f\x10\x00")]
    contours = without_pixels.replace(b"\x02\x00\x00\x00MR", b"\x08\x00\x00\x00RTSTRUCT")
    (tmp_path / "in/contours.dcm").write_bytes(contours)
    code, cases = collected(capsys, tmp_path / "in", folder=tmp_path / "out")
    assert code == 3 and [case["ok"] for case in cases] == [True, False]
    assert cases[1]["code"] == "no_series" and "1 DICOM file" in cases[1]["text"]


def test_a_list_takes_more_inputs_than_a_command_line(tmp_path: Path, capsys):
    write_image(tmp_path / "a.nii.gz")
    (tmp_path / "list.json").write_text(json.dumps([str(tmp_path / "a.nii.gz")]))
    code, messages = say(capsys, "collect", "--list", tmp_path / "list.json", "--output", tmp_path / "out")
    assert code == 0 and of_type(messages, "case")[0]["ok"]
    (tmp_path / "list.json").write_text('{"a": 1}')
    code, messages = say(capsys, "collect", "--list", tmp_path / "list.json", "--output", tmp_path / "out")
    assert code == 2 and of_type(messages, "error")[0]["code"] == "bad_list"
    assert messages[-1]["status"] == "failed"


def test_collecting_stops_when_the_stop_file_is_there(tmp_path: Path, capsys):
    write_image(tmp_path / "in/a.nii.gz")
    (tmp_path / "stop").touch()
    code, messages = say(
        capsys, "collect", tmp_path / "in", "--output", tmp_path / "out", "--stop-file", tmp_path / "stop"
    )
    assert code == 130 and messages == [{"type": "finished", "status": "stopped"}]
    assert list((tmp_path / "out").iterdir()) == []


def test_collecting_needs_nothing_that_is_to_be_installed(tmp_path: Path):
    write_image(tmp_path / "a.nii.gz")
    code = (
        "import sys\nfrom CFRTrain.__main__ import main\n"
        "assert main(['collect', sys.argv[1], '--output', sys.argv[2]]) == 0\n"
        "print(sorted({'torch', 'monai', 'scipy', 'safetensors'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.nii.gz"), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines() or [done.stderr])[-1] == "[]"
