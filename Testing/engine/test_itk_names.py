"""Names with letters that ITK cannot open on Windows, where a strict ITK takes names in ASCII alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CFRTrain.data import itk_names
from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.volume_sources import find_sources
from CFRTrain.data.volumes import read_volume, write_volume
from Testing.engine.cli_tools import write_series

FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")


class StrictReader(sitk.ImageFileReader):
    """ITK on Windows: no file under another name than one in ASCII."""

    def SetFileName(self, name: str) -> None:  # noqa: N802  # as ITK calls it
        super().SetFileName(name if name.isascii() else "/not/there")


class StrictSeriesReader(sitk.ImageSeriesReader):
    """The same for series."""

    def SetFileNames(self, names: list[str]) -> None:  # noqa: N802
        super().SetFileNames([name if name.isascii() else "/not/there" for name in names])

    @staticmethod
    def GetGDCMSeriesIDs(folder: str) -> tuple[str, ...]:  # noqa: N802
        return sitk.ImageSeriesReader_GetGDCMSeriesIDs(folder) if folder.isascii() else ()


@pytest.fixture(params=[False, True], ids=["no short names", "short names"])
def windows(request, tmp_path, monkeypatch) -> Path:
    """A folder with an umlaut, and an ITK that cannot open names with one."""
    folder, short, temporary = tmp_path / "Bücher 空", tmp_path / "BCHER~1", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    short.symlink_to(folder)
    write = sitk.WriteImage

    def short_form(path: Path) -> str:
        return str(path).replace(folder.name, short.name) if request.param else str(path)

    def strict_write(image: sitk.Image, name: str, **options: object) -> None:
        write(image, name if name.isascii() else "/not/there", **options)

    monkeypatch.setattr(itk_names, "ASCII_ONLY", True)
    monkeypatch.setattr(itk_names, "_short_form", short_form)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(sitk, "ImageFileReader", StrictReader)
    monkeypatch.setattr(sitk, "ImageSeriesReader", StrictSeriesReader)
    monkeypatch.setattr(sitk, "WriteImage", strict_write)
    yield folder
    assert os.listdir(temporary) == []  # no voxel of a patient stays there


def volume() -> Volume:
    array = np.random.default_rng(0).integers(0, 100, (5, 6, 7)).astype(np.int16)
    return Volume(array, Geometry((5, 6, 7), (3.0, 1.5, 1.0), (10.0, -20.0, 30.0)))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("stem", ["plain", "Äöü 空"])
def test_a_volume_under_any_name_is_written_and_read(windows, stem, suffix):
    path = windows / f"{stem}{suffix}"
    write_volume(path, volume())
    found = read_volume(path, "case")
    assert np.array_equal(found.array, volume().array) and found.geometry.same_grid(volume().geometry)
    assert os.listdir(windows) == [path.name]


@pytest.mark.parametrize("rename", [lambda name: name, lambda name: f"é {name}"], ids=["ascii", "accents"])
def test_a_dicom_series_under_any_name_is_found_and_read(windows, rename):
    write_series(windows / "series", [0.0, 2.0, 4.0, 6.0])
    for path in list((windows / "series").iterdir()):
        path.rename(path.with_name(rename(path.name)))
    [source] = find_sources([windows])
    assert source.error is None and len(source.files) == 4
    by_files = read_volume(source.path, "case", slices=source.files)
    assert np.array_equal(by_files.array, read_volume(windows / "series", "case").array)


def test_elsewhere_names_stay_as_they_are(tmp_path):
    assert not itk_names.ASCII_ONLY
    with itk_names.names_to_read(["./é.nii", tmp_path / "空.nrrd"]) as names:
        assert names == ["./é.nii", str(tmp_path / "空.nrrd")]
