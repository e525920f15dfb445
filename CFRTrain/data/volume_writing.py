"""Writing volumes: whole under their name, or an error that says why not."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import SimpleITK as sitk

from CFRTrain.data.file_checks import suffix_of
from CFRTrain.data.geometry import Volume, to_sitk
from CFRTrain.data.itk_names import name_to_write
from CFRTrain.runs.atomic import replacement_of

CHUNK = 1 << 20
LARGEST_HEADER = 1 << 16


def write_volume(path: Path | str, volume: Volume) -> None:
    """Write .nii.gz, .nii, .nrrd or .mha; the file appears under its name only when it is complete.

    Raises DiskFullError where the disk is full, ValueError for another format.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if not suffix:
        raise ValueError(f"the format of {path.name} is not supported")
    with replacement_of(path, suffix) as partial:
        try:
            with name_to_write(partial) as name:
                sitk.WriteImage(to_sitk(volume), name, useCompression=suffix != ".nii")
            complete = _is_complete(partial, suffix, volume.array.nbytes)
        except RuntimeError:
            complete = False
        if not complete:
            _raise_what_the_system_says(partial, volume.array.nbytes + LARGEST_HEADER)


def _is_complete(path: Path, suffix: str, voxel_bytes: int) -> bool:
    """Whether a written file holds all voxels: ITK does not notice a disk that is full under a NIfTI file."""
    if suffix == ".nii":
        return path.stat().st_size >= voxel_bytes
    if suffix != ".nii.gz":
        return True
    try:
        with gzip.open(path) as stream:  # at its end it compares checksum and length
            return sum(map(len, iter(lambda: stream.read(CHUNK), b""))) >= voxel_bytes
    except (OSError, EOFError, zlib.error):
        return False


def _raise_what_the_system_says(path: Path, size: int) -> None:
    """Raises the OSError that ITK has kept to itself, met again by writing as much."""
    with open(path, "wb") as stream:
        for _ in range(0, size, CHUNK):
            stream.write(bytes(CHUNK))
        stream.flush()
        os.fsync(stream.fileno())
    raise OSError(f"{path.suffix} file could not be written")
