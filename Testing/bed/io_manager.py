"""`slicer.app.coreIOManager()`: loading, saving and exporting through Slicer's storage nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
import vtk

from Testing.bed.core import SlicerCore
from Testing.bed.io_readers import READERS, file_type, new_messages


class CoreIOManager:
    """The methods of Slicer's IO manager that slicer.util and scripted modules use; no dialogs."""

    def __init__(self, core: SlicerCore) -> None:
        self._core = core

    def fileType(self, fileName: str) -> str:
        return file_type(str(fileName))

    def fileWriterFileType(self, node: Any, _format: str = "") -> str:
        """The file type under which a node is saved."""
        return "SegmentationFile" if node.IsA("vtkMRMLSegmentationNode") else f"{node.GetNodeTagName()}File"

    def registeredFileReaderCount(self, fileType: str) -> int:
        return int(fileType in READERS)

    def loadNodes(
        self, fileType: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None
    ) -> bool:
        """Load one file or, where `fileName` is a list, several; nodes go into the collection `loaded`."""
        names = properties["fileName"]
        if isinstance(names, list | tuple):
            results = [
                self.loadNodes(fileType, {**properties, "fileName": n}, loaded, messages) for n in names
            ]
            return all(results)
        messages = messages or new_messages()
        reader = READERS.get(fileType)
        nodes = reader(self._core, str(names), properties, messages) if reader else None
        if nodes is None and not messages.GetNumberOfMessages():
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"Loading {names} -  load failed.")
        for node in nodes or ():
            if loaded is not None:
                loaded.AddItem(node)
        return nodes is not None

    def saveNodes(
        self, fileType: str, properties: dict[str, Any], messages: Any = None, scene: Any = None
    ) -> bool:
        """Save a node, or the scene, where `fileType` is SceneFile; missing folders are made."""
        messages = messages or new_messages()
        path = Path(properties["fileName"]).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        if fileType == "SceneFile":
            return self._save_scene(path, messages)
        node = (scene or self._core.scene).GetNodeByID(properties["nodeID"])
        storage = _storage_node(node)
        if storage is None:
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"No writer found to write file {path}.")
            return False
        storage.SetFileName(str(path))
        if properties.get("fileFormat"):
            storage.SetWriteFileFormat(properties["fileFormat"])
        storage.SetURI(None)
        if "useCompression" in properties:
            storage.SetUseCompression(int(properties["useCompression"]))
            if "compressionParameter" in properties:
                storage.SetCompressionParameter(str(properties["compressionParameter"]))
        success = bool(storage.WriteData(node))
        messages.AddMessages(storage.GetUserMessages())
        return success

    def _save_scene(self, path: Path, messages: Any) -> bool:
        scene = self._core.scene
        if path.suffix not in (".mrml", ".mrb"):
            path.mkdir(exist_ok=True)
            return bool(self._core.application_logic.SaveSceneToSlicerDataBundleDirectory(str(path), None))
        scene.SetURL(str(path))
        scene.SetRootDirectory(str(path.parent))
        if path.suffix == ".mrml":
            return bool(scene.Commit())
        success = bool(scene.WriteToMRB(str(path), None, messages))
        if success:
            scene.SetStorableNodesModifiedSinceRead()
        return success

    def exportNodes(
        self,
        nodeIDs: Sequence[str],
        fileNames: Sequence[str],
        properties: dict[str, Any],
        hardenTransforms: bool,
        messages: Any = None,
    ) -> bool:
        """Write copies of nodes from a temporary scene, so that the nodes keep their own storage nodes."""
        messages = messages or new_messages()
        results = [
            self._export(node_id, str(name), properties, hardenTransforms, messages)
            for node_id, name in zip(nodeIDs, fileNames, strict=True)
        ]
        return all(results)

    def _export(
        self, node_id: str, name: str, properties: dict[str, Any], harden: bool, messages: Any
    ) -> bool:
        node = self._core.scene.GetNodeByID(node_id)
        temporary = slicer.vtkMRMLScene()
        temporary.SetDataIOManager(self._core.scene.GetDataIOManager())
        copy = temporary.AddNewNodeByClass(node.GetClassName())
        copy.CopyContent(node, harden)
        parent = node.GetParentTransformNode() if harden and node.IsA("vtkMRMLTransformableNode") else None
        if parent is not None:
            transform = vtk.vtkGeneralTransform()
            parent.GetTransformFromWorld(transform)
            composite = temporary.AddNewNodeByClass("vtkMRMLTransformNode")
            composite.SetAndObserveTransformFromParent(transform)
            copy.SetAndObserveTransformNodeID(composite.GetID())
            copy.HardenTransform()
        copy.AddDefaultStorageNode()
        if node.IsA("vtkMRMLDisplayableNode") and node.GetDisplayNode():
            display = temporary.AddNewNodeByClass(node.GetDisplayNode().GetClassName())
            display.CopyContent(node.GetDisplayNode(), False)
            copy.SetAndObserveDisplayNodeID(display.GetID())
        values = {**properties, "nodeID": copy.GetID(), "fileName": name}
        return self.saveNodes(self.fileWriterFileType(node), values, messages, temporary)

    def fileWriterExtensions(self, node: Any) -> tuple[str, ...]:
        """Formats in which a node can be saved, such as `NRRD (.nrrd)`; the default format first."""
        storage = _storage_node(node)
        formats = storage.GetSupportedWriteFileTypes() if storage else vtk.vtkStringArray()
        return tuple(formats.GetValue(index) for index in range(formats.GetNumberOfValues()))

    def extractKnownExtension(self, fileName: str, node: Any) -> str:
        """The longest ending of the file name that the node can be saved with, or an empty string."""
        formats = self.fileWriterExtensions(node)
        endings = [slicer.vtkDataFileFormatHelper.GetFileExtensionFromFormatString(item) for item in formats]
        return max((item for item in endings if item and str(fileName).endswith(item)), key=len, default="")


def _storage_node(node: Any) -> Any:
    """The storage node of a node, made where there is none; None for nodes that are not stored in files."""
    if node is None or not node.IsA("vtkMRMLStorableNode"):
        return None
    if node.GetStorageNode() is None:
        node.AddDefaultStorageNode()
    return node.GetStorageNode()
