"""Label map files: .seg.nrrd that are plain label maps, and what others wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import slicer

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.file_headers import readSegmentFields
from CFRSegmentLib.scene.files import orientedImage, readArray, readLayers, unreadable, writeSegmentation
from CFRSegmentLib.scene.grids import Grid, fileGridOf, inFileOrder
from CFRSegmentLib.scene.label_arrays import collectLayers, fillSegments
from CFRSegmentLib.scene.segments import LABEL_MAP, addClasses, matchSegments, segmentIds

# Names that programs give: Segment_1, Label 2, 3. Any other name says what the segment is, and is taken
# seriously.
_NUMBERED = re.compile(r"(segment|label|class)?[ _-]*\d+", re.IGNORECASE)


def writeLabels(
    path: Path, labels: np.ndarray, volumeNode: slicer.vtkMRMLVolumeNode, classes: Sequence[SegmentClass]
) -> None:
    """Write a label map (k, j, i) of the volume as .seg.nrrd on the grid of the volume's image file.

    One layer over the whole grid, label values = class values. Raises CohortError: resized, not_written.
    """
    grid, slicesReversed = fileGridOf(volumeNode)
    node = slicer.vtkMRMLSegmentationNode()
    segmentation = node.GetSegmentation()
    segmentation.SetSourceRepresentationName(LABEL_MAP)
    addClasses(segmentation, classes)
    values = inFileOrder(labels, slicesReversed)
    fillSegments(segmentation, classes, values, grid)
    # Without a reference the file would shrink to the labeled voxels.
    converter = slicer.vtkSegmentationConverter
    geometry = converter.SerializeImageGeometry(orientedImage(values, grid))
    segmentation.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), geometry)
    writeSegmentation(path, node)


def readLabels(
    path: Path, volumeNode: slicer.vtkMRMLVolumeNode, classes: Sequence[SegmentClass]
) -> np.ndarray:
    """The label map (k, j, i) uint8 in a file, on the grid that the volume has in the scene.

    A .seg.nrrd may be cropped and have several layers; its segments are matched by id, name, then label
    value. One without segments is a plain label map that another program named so. Raises CohortError:
    missing, unreadable, other_grid, label_values, resized.
    """
    grid, slicesReversed = fileGridOf(volumeNode)
    if path.name.lower().endswith(".seg.nrrd") and _hasSegments(path):
        labels = _readSegments(path, grid, classes, volumeNode.GetName())
    else:
        labels = _readPlain(path, grid, classes, volumeNode.GetName())
    return inFileOrder(labels, slicesReversed)


def _hasSegments(path: Path) -> bool:
    """Whether the header names segments; True for a file that cannot be read, which says so later."""
    try:
        return bool(readSegmentFields(path))
    except (OSError, ValueError, KeyError):
        return True


def _readPlain(path: Path, grid: Grid, classes: Sequence[SegmentClass], title: str) -> np.ndarray:
    values, itsGrid = readArray(path, title)
    if not itsGrid.isSame(grid):
        raise _otherGrid(title)
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        raise _labelValues(title, _("It holds fractions."))
    allowed = {0, *(item.value for item in classes)}
    strange = sorted(set(np.unique(values).tolist()) - allowed)
    if strange:
        shown = ", ".join(f"{value:g}" for value in strange[:8])
        raise _labelValues(title, _("It has the values {values}.").format(values=shown))
    return values.astype(np.uint8)


def _readSegments(path: Path, grid: Grid, classes: Sequence[SegmentClass], title: str) -> np.ndarray:
    segmentation = _segmentationOf(path, title)
    matches = _matchWithValues(segmentation, classes)
    strange = [one for one in segmentIds(segmentation) if one not in matches]
    if strange:
        shown = ", ".join(segmentation.GetSegment(one).GetName() for one in strange[:8])
        raise _labelValues(title, _("It has the segments {names}.").format(names=shown))
    found = collectLayers(segmentation, matches, classes, grid, None)
    if found.resampled or found.outside:
        raise _otherGrid(title)
    return found.values


def _segmentationOf(path: Path, title: str) -> slicer.vtkSegmentation:
    """The segments in a file, without node or scene, for Slicer's own reader needs both."""
    layers, grid = readLayers(path, title)
    images = [orientedImage(layer, grid) for layer in layers]
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName(LABEL_MAP)
    try:
        for fields in readSegmentFields(path):
            segment = slicer.vtkSegment()
            segment.SetName(fields["Name"])
            segment.SetLabelValue(int(fields["LabelValue"]))
            segment.AddRepresentation(LABEL_MAP, images[int(fields["Layer"])])
            segmentation.AddSegment(segment, fields["ID"])
    except (KeyError, ValueError, IndexError, OSError) as error:
        raise unreadable(title) from error
    return segmentation


def _matchWithValues(segmentation: slicer.vtkSegmentation, classes: Sequence[SegmentClass]) -> dict[str, int]:
    matches, _rest = matchSegments(segmentation, classes)
    free = {item.value for item in classes} - set(matches.values())
    for segmentId in segmentIds(segmentation):
        segment = segmentation.GetSegment(segmentId)
        value, isNamed = segment.GetLabelValue(), not _NUMBERED.fullmatch(segment.GetName() or "")
        if segmentId not in matches and value in free and not isNamed:
            matches[segmentId] = value
            free.remove(value)
    return matches


def _otherGrid(title: str) -> CohortError:
    return CohortError(
        "other_grid",
        _("The label map does not lie on the voxels of {name}.").format(name=title),
        _("Make the label on this volume, or resample it to this volume's geometry first."),
    )


def _labelValues(title: str, found: str) -> CohortError:
    return CohortError(
        "label_values",
        _("The label map for {name} does not fit the classes. {found}").format(name=title, found=found),
        _("Add the missing classes to the cohort, or rename the segments to the names of the classes."),
    )
