"""Stand-in of the module SampleData: registers data sets as Slicer does, and downloads nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import slicer

PER_FILE = ("uris", "fileNames", "nodeNames", "checksums", "loadFiles", "loadFileTypes")


@dataclass
class SampleDataSource:
    """One data set: what it is called, and for each of its files where it comes from and how it is loaded."""

    sampleName: str | None = None
    sampleDescription: str | None = None
    uris: Any = None
    fileNames: Any = None
    nodeNames: Any = None
    checksums: Any = None
    loadFiles: Any = None
    customDownloader: Any = None
    thumbnailFileName: str | None = None
    loadFileTypes: Any = None
    loadFileProperties: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make lists of what was given for one file. Raises ValueError where the lengths differ."""
        self.sampleDescription = self.sampleDescription or self.sampleName
        several = isinstance(self.uris, list | tuple)
        count = len(self.uris) if several else 1
        for name in PER_FILE:
            value = getattr(self, name)
            if not several or (value is None and name not in ("uris", "fileNames")):
                setattr(self, name, [value] * count)
        if self.loadFileTypes and isinstance(self.loadFileTypes, str):
            self.loadFileTypes = [self.loadFileTypes] * count
        lengths = {name: len(getattr(self, name)) for name in PER_FILE}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All fields of sample data source must have the same length: {lengths}")


class SampleDataLogic:
    """The registry of data sets, by category."""

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: dict[str, Any] | None = None,
        checksums: Any = None,
        loadFileType: Any = None,
    ) -> None:
        """Offer a data set; the same one again changes nothing."""
        source = SampleDataSource(
            sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            checksums=checksums,
            loadFiles=loadFiles,
            customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName,
            loadFileTypes=loadFileTypes or loadFileType,
            loadFileProperties=dict(loadFileProperties or {}),
        )
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        known = slicer.modules.sampleDataSources.setdefault(category, [])
        if source not in known:
            known.append(source)

    @staticmethod
    def sourceForSampleName(sampleName: str) -> SampleDataSource | None:
        """The data set of a name, or None."""
        every = getattr(slicer.modules, "sampleDataSources", {}).values()
        return next((item for sources in every for item in sources if item.sampleName == sampleName), None)

    def downloadFromSource(self, source: SampleDataSource, *_: Any) -> list[Any]:
        """Load files of `file:` addresses; others are refused, as the bed downloads nothing."""
        loaded = []
        for uri, name in zip(source.uris, source.nodeNames, strict=True):
            if not uri.startswith("file:"):
                raise RuntimeError(f"The test bed downloads nothing: {uri}")
            loaded.append(slicer.util.loadNodeFromFile(uri.removeprefix("file://"), None, {"name": name}))
        return loaded

    def downloadSample(self, sampleName: str) -> Any:
        """Load the data set of a name; its first node."""
        return self.downloadFromSource(self.sourceForSampleName(sampleName))[0]


def downloadSample(sampleName: str) -> Any:
    """Load the data set of a name; its first node."""
    return SampleDataLogic().downloadSample(sampleName)
