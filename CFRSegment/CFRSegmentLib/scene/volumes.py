"""Volumes in and out of the scene, in their own coordinates: files know nothing of parent transforms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import slicer

from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.files import (
    fourDimensional,
    multiComponent,
    readVolumeNode,
    voxelsOf,
    writeVolume,
)
from CFRSegmentLib.scene.grids import fileGridOf, gridOf, inFileOrder, rememberFileGrid
from CFRSegmentLib.scene.hierarchy import caseFolder, placeInFolder
from CFRSegmentLib.scene.node_roles import ADOPTED_ATTRIBUTE, Role, markNode, nodesOfClass, roleOf


@dataclass(frozen=True)
class Candidate:
    """A volume of the scene; it can be a case when `problem`, why not and what to do, is empty."""

    node: slicer.vtkMRMLVolumeNode
    name: str
    problem: str = ""


def loadVolume(path: Path, title: str, caseId: str = "") -> slicer.vtkMRMLScalarVolumeNode:
    """Read a .nrrd, .nii, .nii.gz or .mha file into a new volume node, in the case's folder, as its image.

    The node has no storage node, so that Slicer's Save cannot write into the cohort. It is not shown
    yet, see `showVolume`. Nothing is added to the scene when it fails, with CohortError: missing,
    unreadable, four_dimensional, multi_component, one_slice, sheared.
    """
    node = readVolumeNode(path, title)
    node.SetName(title)
    problem = volumeProblem(node)
    if problem is not None:
        raise problem
    return addVolume(node, title, caseId, Role.IMAGE)


def addVolume(
    node: slicer.vtkMRMLScalarVolumeNode, title: str, caseId: str, role: Role
) -> slicer.vtkMRMLScalarVolumeNode:
    """Bring a volume that was read outside the scene into it, with right-handed axes as tools expect."""
    fileGrid = gridOf(node)
    node.SetIJKCoordinateSystemToRightHanded()
    rememberFileGrid(node, fileGrid, slicesReversed=not gridOf(node).isSame(fileGrid))
    node.SetName(title)
    markNode(node, caseId, role)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    if caseId:
        placeInFolder(node, caseFolder(caseId, title))
    return node


def adoptVolume(volumeNode: slicer.vtkMRMLVolumeNode, caseId: str) -> None:
    """Make a volume that the user loaded the image of `caseId`, so that it is not loaded a second time.

    It stays where it is, and in the scene when the case's nodes are removed. Raises what `volumeProblem`
    gives.
    """
    problem = volumeProblem(volumeNode)
    if problem is not None:
        raise problem
    markNode(volumeNode, caseId, Role.IMAGE)
    volumeNode.SetAttribute(ADOPTED_ATTRIBUTE, "1")
    rememberFileGrid(volumeNode, gridOf(volumeNode), slicesReversed=False)


def exportVolume(volumeNode: slicer.vtkMRMLVolumeNode, path: Path, compressed: bool = True) -> None:
    """Write the volume for the engine as .nrrd: voxels and geometry in its own coordinates, nothing else.

    Neither the parent transform nor names, patient data, window or level go into the file. Kill-safe: the
    file appears under its name when it is complete. A big CT takes seconds to compress: temporary files are
    better not. Raises what `volumeProblem` gives, and not_written.
    """
    problem = volumeProblem(volumeNode)
    if problem is not None:
        raise problem
    grid, slicesReversed = fileGridOf(volumeNode)
    writeVolume(path, inFileOrder(voxelsOf(volumeNode.GetImageData()), slicesReversed), grid, compressed)


def volumeProblem(node: slicer.vtkMRMLNode | None) -> CohortError | None:
    """Why the node cannot be a case, by name and with what to do; None for a plain 3D scalar volume.

    Codes: not_a_volume, empty, four_dimensional, multi_component, one_slice, sheared.
    """
    if node is None or not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLLabelMapVolumeNode"):
        return _notAVolume(node)
    name, image = node.GetName(), node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        return CohortError(
            "empty",
            _("{name} holds no voxels.").format(name=name),
            _("Load its file again, or choose another."),
        )
    if image.GetNumberOfScalarComponents() != 1 or node.IsA("vtkMRMLTensorVolumeNode"):
        return multiComponent(name)
    if min(image.GetDimensions()) < 2:
        return CohortError(
            "one_slice",
            _("{name} is a single slice; a volume is needed.").format(name=name),
            _("Load the whole series."),
        )
    if _isInSequence(node):
        return fourDimensional(name)
    if gridOf(node).isSheared():
        return CohortError(
            "sheared",
            _("The axes of {name} are not perpendicular.").format(name=name),
            _("Harden its transform, or resample it with the module Resample Scalar Volume."),
        )
    return None


def candidateVolumes() -> tuple[Candidate, ...]:
    """All volumes of the scene that a user would look for, by name; unusable ones with the reason.

    Label maps, overlays of this module and hidden nodes are left out.
    """
    found = []
    for node in nodesOfClass("vtkMRMLVolumeNode"):
        isOther = node.IsA("vtkMRMLLabelMapVolumeNode") or roleOf(node) is Role.UNCERTAINTY
        if not isOther and not node.GetHideFromEditors():
            problem = volumeProblem(node)
            found.append(Candidate(node, node.GetName(), str(problem) if problem else ""))
    return tuple(sorted(found, key=lambda item: item.name.casefold()))


def _isInSequence(node: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether the volume is the current time point of a sequence, and changes when that is played."""
    return any(browser.IsProxyNodeID(node.GetID()) for browser in nodesOfClass("vtkMRMLSequenceBrowserNode"))


def _notAVolume(node: slicer.vtkMRMLNode | None) -> CohortError:
    name = node.GetName() if node is not None else _("Nothing")
    return CohortError(
        "not_a_volume",
        _("{name} is no image volume.").format(name=name),
        _("Choose a volume with gray values, as CT and MR images are."),
    )
