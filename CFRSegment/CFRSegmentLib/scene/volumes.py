"""Volumes in and out of the scene, in their own coordinates: a parent transform is never part of a
file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import slicer


@dataclass(frozen=True)
class Candidate:
    """A volume of the scene: can be added as a case when `problem` is empty, else says why not and what
    to do.
    """

    node: slicer.vtkMRMLVolumeNode
    name: str
    problem: str = ""


def loadVolume(path: Path, title: str, caseId: str = "") -> slicer.vtkMRMLScalarVolumeNode:
    """Read .nrrd, .nii, .nii.gz, .mha into a new volume node named `title`, marked as the image of
    `caseId`.

    The node has no storage node, so that Slicer's Save cannot write into the cohort. It is not shown
    yet, see `showVolume`. Raises CohortError: missing, unreadable, four_dimensional, multi_component,
    sheared.
    """
    raise NotImplementedError


def adoptVolume(volumeNode: slicer.vtkMRMLVolumeNode, caseId: str) -> None:
    """Make a volume that the user loaded the image of `caseId`, so that it is not loaded a second
    time.
    """
    raise NotImplementedError


def exportVolume(volumeNode: slicer.vtkMRMLVolumeNode, path: Path) -> None:
    """Write the volume for the engine, .nrrd: voxels and geometry in the volume's own coordinates,
    nothing else.

    Neither the parent transform nor names, patient data or window and level go into the file. Kill-safe:
    the file appears under its name when it is complete. CohortError as `volumeProblem`, and not_written.
    """
    raise NotImplementedError


def volumeProblem(node: slicer.vtkMRMLNode | None) -> tuple[str, str, str] | None:
    """Why the node cannot be a case: (code, what is wrong, what to do), or None for a plain 3D scalar
    volume.
    """
    raise NotImplementedError


def candidateVolumes() -> tuple[Candidate, ...]:
    """All volumes of the scene that a user would look for in the list, by name; unusable ones with their
    reason.

    Label maps, overlays of this module and hidden nodes are left out.
    """
    raise NotImplementedError
