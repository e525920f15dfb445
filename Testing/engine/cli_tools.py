"""Short verbs run in this process, their messages read back; DICOM series to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from CFRTrain.__main__ import main


def say(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a verb and its messages."""
    capsys.readouterr()
    code = main([str(item) for item in arguments])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def of_type(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The messages of one type."""
    return [message for message in messages if message["type"] == kind]


def write_series(folder: Path, positions: list[float], uid: str = "1.2.3.4.5", **tags: str) -> np.ndarray:
    """One DICOM file per slice position in mm, in a scrambled order of names; the voxels (z, y, x)."""
    folder.mkdir(parents=True, exist_ok=True)
    array = np.random.default_rng(len(positions)).integers(0, 900, (len(positions), 8, 10)).astype(np.int16)
    writer, image = sitk.ImageFileWriter(), sitk.GetImageFromArray(array)
    writer.KeepOriginalImageUIDOn()
    image.SetSpacing((0.9, 1.1, 1.0))
    for index, position in enumerate(positions):
        plane = image[:, :, index]
        described = {
            "0008|0060": "MR", "0020|000d": "1.2.3", "0020|000e": uid, "0008|0018": f"{uid}.{index}",
            "0020|0037": "1\\0\\0\\0\\1\\0", "0020|0032": f"-5\\6\\{position}",
            "0020|0013": str(index + 1), "0010|0010": "Doe^Jane", "0010|0020": "PID1950", **tags,
        }  # fmt: skip
        for tag, value in described.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}_{(index * 7) % 97:02d}.dcm"))
        writer.Execute(plane)
    return array
