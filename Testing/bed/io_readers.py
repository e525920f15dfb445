"""What Slicer's file readers do, through the same module logics and storage nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk

from Testing.bed.core import SlicerCore

Reader = Callable[[SlicerCore, str, dict[str, Any], Any], list[Any] | None]

VOLUME_SUFFIXES = (
    ".nrrd .nhdr .mhd .mha .nii .nii.gz .hdr .img .img.gz .mgh .mgz .dcm .ima .png .tif .tiff .jpg .jpeg"
)
FILE_TYPES = {
    "SegmentationFile": (".seg.nrrd", ".seg.nhdr", ".seg.vtm"),
    "SceneFile": (".mrml", ".mrb"),
    "ModelFile": (".vtk", ".vtp", ".stl", ".obj", ".ply"),
    "TableFile": (".tsv", ".csv", ".sqlite3"),
    "TransformFile": (".tfm", ".h5", ".mat"),
    "ColorTableFile": (".ctbl",),
    "MarkupsFile": (".mrk.json", ".fcsv"),
    "TextFile": (".txt", ".json", ".xml"),
    "VolumeFile": tuple(VOLUME_SUFFIXES.split()),
}


def file_type(name: str) -> str:
    """Slicer's file type with the longest matching ending; a plain .nrrd with segments is a segmentation."""
    lower = name.lower()
    matches = [
        (len(suffix), kind)
        for kind, suffixes in FILE_TYPES.items()
        for suffix in suffixes
        if lower.endswith(suffix)
    ]
    kind = max(matches)[1] if matches else "NoFile"
    if kind == "VolumeFile" and lower.endswith((".nrrd", ".nhdr")) and _describes_segments(name):
        return "SegmentationFile"
    return kind


def _describes_segments(name: str) -> bool:
    try:
        with open(name, "rb") as file:
            header = file.read(800)
    except OSError:
        return False
    return b"Segment0_ID:=" in header or b"Segmentation_" in header


def read_volume(core: SlicerCore, name: str, properties: dict[str, Any], _messages: Any) -> list[Any] | None:
    """A scalar, vector or label map volume; shown in the slice views unless `show` is false."""
    flags = ("labelmap", "center", "singleFile", "autoWindowLevel", "discardOrientation")
    options = sum(bit for bit, flag in zip((1, 2, 4, 8, 16), flags, strict=True) if properties.get(flag))
    files = vtk.vtkStringArray() if "fileNames" in properties else None
    for item in properties.get("fileNames", ()):
        files.InsertNextValue(str(item))
    node_name = properties.get("name") or Path(name).name.split(".")[0]
    node = core.logics["Volumes"].AddArchetypeVolume(name, node_name, options, files)
    if node is None:
        return None
    if properties.get("colorNodeID") and node.GetDisplayNode():
        node.GetDisplayNode().SetAndObserveColorNodeID(properties["colorNodeID"])
    if properties.get("show", True):
        selection = core.application_logic.GetSelectionNode()
        is_label = node.IsA("vtkMRMLLabelMapVolumeNode")
        (selection.SetActiveLabelVolumeID if is_label else selection.SetActiveVolumeID)(node.GetID())
        core.application_logic.PropagateVolumeSelection()
    return [node]


def read_segmentation(
    core: SlicerCore, name: str, properties: dict[str, Any], messages: Any
) -> list[Any] | None:
    """A segmentation file or a label image; segment names and colors come from the file or a color table."""
    color_table = core.scene.GetNodeByID(properties.get("colorNodeID") or "")
    node = core.logics["Segmentations"].LoadSegmentationFromFile(
        name, bool(properties.get("autoOpacities", True)), properties.get("name") or "", color_table, messages
    )
    return None if node is None else [node]


def read_scene(core: SlicerCore, name: str, properties: dict[str, Any], messages: Any) -> list[Any] | None:
    """An MRB or MRML file; the present scene is kept unless `clear` is true."""
    scene, clear = core.scene, bool(properties.get("clear", False))
    before = {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}
    name = str(Path(name).absolute())
    if name.lower().endswith(".mrb"):
        success = scene.ReadFromMRB(name, clear, messages)
    else:
        scene.SetURL(name)
        success = scene.Connect(messages) if clear else scene.Import(messages)
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return [node for node in nodes if node.GetID() not in before] if success else None


def read_color_table(
    core: SlicerCore, name: str, _properties: dict[str, Any], _messages: Any
) -> list[Any] | None:
    """A color table, with terminology where the file has it."""
    node = core.logics["Colors"].LoadColorFile(name)
    return None if node is None else [node]


def reader_by_storage(class_name: str) -> Reader:
    """A reader that makes a node of a class and lets the node's default storage node read the file."""

    def read(core: SlicerCore, name: str, properties: dict[str, Any], messages: Any) -> list[Any] | None:
        node_name = properties.get("name") or Path(name).name.split(".")[0]
        node = core.scene.AddNewNodeByClass(class_name, core.scene.GenerateUniqueName(node_name))
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(name)
        if storage.ReadData(node):
            if node.IsA("vtkMRMLDisplayableNode"):
                node.CreateDefaultDisplayNodes()
            return [node]
        messages.AddMessages(storage.GetUserMessages())
        core.scene.RemoveNode(node)
        return None

    return read


READERS: dict[str, Reader] = {
    "VolumeFile": read_volume,
    "SegmentationFile": read_segmentation,
    "SceneFile": read_scene,
    "ColorTableFile": read_color_table,
    "ModelFile": reader_by_storage("vtkMRMLModelNode"),
    "TableFile": reader_by_storage("vtkMRMLTableNode"),
    "TransformFile": reader_by_storage("vtkMRMLLinearTransformNode"),
    "TextFile": reader_by_storage("vtkMRMLTextNode"),
    "MarkupsFile": reader_by_storage("vtkMRMLMarkupsFiducialNode"),
}


def new_messages() -> Any:
    """An empty collection of messages for the user."""
    return slicer.vtkMRMLMessageCollection()
