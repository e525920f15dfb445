"""The packages that the engine needs, in three groups, from the files in Resources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

BASE = "base"  # everything but SAM: atlas and network labelers, training, segmentation
SAM = "sam"  # the SAM labeler
FAST = "fast"  # faster segmentation on processors without a GPU

TORCH = "torch"
RESOURCES = Path(__file__).resolve().parents[2] / "Resources"
_FILES = {BASE: "requirements.txt", SAM: "requirements-sam.txt", FAST: "requirements-fast.txt"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def requirementsOf(groups: Sequence[str], folder: Path = RESOURCES) -> tuple[str, ...]:
    """The requirements of the groups as they are written in the files. KeyError for an unknown group."""
    lines = [line for group in groups for line in (folder / _FILES[group]).read_text("utf-8").splitlines()]
    stripped = (line.strip() for line in lines)
    return tuple(dict.fromkeys(line for line in stripped if line and not line.startswith(("#", "-"))))


def projectName(requirement: str) -> str:
    """The name in a requirement as pip compares it: "Segment_Anything>=1" is segment-anything."""
    return re.sub(r"[-_.]+", "-", _NAME.match(requirement).group()).lower()


def isTorch(requirement: str) -> bool:
    """Whether the requirement is torch; the PyTorch extension installs the build that fits the GPU."""
    return projectName(requirement) == TORCH


def versionPart(requirement: str) -> str:
    """What a requirement asks of the version: ">=2.10"; empty when any will do."""
    return requirement[_NAME.match(requirement).end() :].split(";")[0].strip()
