"""A disk that is full while volumes are written: said as such, and never a file that is cut short."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from CFRTrain.__main__ import main
from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.store import CaseStore
from CFRTrain.data.volumes import read_volume, write_volume
from CFRTrain.runs.atomic import write_atomic
from CFRTrain.runs.errors import DiskFullError

resource = pytest.importorskip("resource", reason="this system has no limit on the size of files")
SIZE = (40, 40, 40)
GRID = Geometry(SIZE, (1.0, 1.0, 1.0))
NOISE = np.random.default_rng(0).integers(0, 255, SIZE).astype(np.uint8)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: the system refuses the rest, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_a_volume_that_does_not_fit_is_a_full_disk_and_leaves_the_old_one(tmp_path, suffix):
    path = tmp_path / f"case{suffix}"
    write_volume(path, Volume(np.zeros(SIZE, np.uint8), GRID))
    with room_for(20_000), pytest.raises(DiskFullError, match=f"full; case{suffix} could not be written"):
        write_volume(path, Volume(NOISE, GRID))
    assert os.listdir(tmp_path) == [path.name]
    assert not read_volume(path, "case").array.any()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_a_volume_that_fits_is_written(tmp_path, suffix):
    with room_for(NOISE.nbytes + 1000):
        write_volume(tmp_path / f"a{suffix}", Volume(NOISE, GRID))
    assert np.array_equal(read_volume(tmp_path / f"a{suffix}", "a").array, NOISE)


def test_a_folder_that_cannot_be_written_to_is_not_called_a_full_disk(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        write_volume(tmp_path / "file" / "a.nii.gz", Volume(NOISE, GRID))
    assert not isinstance(caught.value, DiskFullError)


def test_a_case_that_does_not_fit_is_a_full_disk_and_not_in_the_store(tmp_path):
    store = CaseStore(tmp_path)
    with room_for(100_000), pytest.raises(DiskFullError, match="image.npy"):
        store.put("case_0001", NOISE.astype(np.float32), None, GRID, GRID)
    assert not store.has("case_0001") and os.listdir(tmp_path / "case_0001") == []


def test_a_stream_is_written_whole_or_not_at_all(tmp_path):
    write_atomic(tmp_path / "a", lambda stream: [stream.write(b"one"), stream.write(b" two")])
    with room_for(1000), pytest.raises(DiskFullError):
        write_atomic(tmp_path / "a", lambda stream: [stream.write(bytes(600)) for _ in range(3)])
    assert (tmp_path / "a").read_bytes() == b"one two" and os.listdir(tmp_path) == ["a"]


def test_a_name_at_the_file_systems_limit_is_written(tmp_path):
    name = "ß" * 120 + ".json"
    write_atomic(tmp_path / name, b"{}")
    assert os.listdir(tmp_path) == [name]


def test_the_command_line_ends_with_the_code_of_a_full_disk(tmp_path, capsys):
    write_volume(tmp_path / "images" / "a.nii.gz", Volume(NOISE, GRID))
    arguments = ["create", str(tmp_path / "run"), "--images", str(tmp_path / "images"), "--classes", "1=a"]
    with room_for(10_000):
        code = main([*arguments, "--labeled", "0", "--copy"])
    assert (code, "disk is full" in capsys.readouterr().err) == (5, True)
