"""From segments to one label map on the volume's grid, and back. Arrays: (k, j, i), uint8, 0 background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import slicer
import vtk

from CFRSegmentLib.cohort.classes import SegmentClass
from CFRSegmentLib.cohort.errors import CohortError
from CFRSegmentLib.i18n import _
from CFRSegmentLib.scene.files import orientedImage
from CFRSegmentLib.scene.grids import Grid, gridOf
from CFRSegmentLib.scene.lattices import Placement, placeOnGrid, transformBetween
from CFRSegmentLib.scene.segments import LABEL_MAP, matchSegments


@dataclass
class LabelArray:
    """A label map on a volume's grid, and what did not go into it.

    values: class values. overlaps: {(kept value, lost value): voxels}. ignored: names of segments that are no
    class. outside: voxels of classes beyond the grid. resampled: the segments had other voxels.
    """

    values: np.ndarray
    overlaps: dict[tuple[int, int], int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    outside: int = 0
    resampled: bool = False


def labelArray(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLVolumeNode,
    classes: Sequence[SegmentClass],
) -> LabelArray:
    """The classes' segments on the volume's grid; where they overlap, the first class in order wins.

    Different parent transforms of the two nodes are taken into account. The nodes are not changed.
    CohortError "not_a_label_map" for a segmentation made of surfaces.
    """
    segmentation = segmentationNode.GetSegmentation()
    if segmentation.GetNumberOfSegments() and segmentation.GetSourceRepresentationName() != LABEL_MAP:
        raise _notALabelMap(segmentationNode)
    matches, ignored = matchSegments(segmentation, classes)
    toVolume = transformBetween(segmentationNode, volumeNode)
    found = collectLayers(segmentation, matches, classes, gridOf(volumeNode), toVolume)
    return replace(found, ignored=ignored)


def collectLayers(
    segmentation: slicer.vtkSegmentation,
    matches: Mapping[str, int],
    classes: Sequence[SegmentClass],
    grid: Grid,
    toVolume: vtk.vtkAbstractTransform | None,
) -> LabelArray:
    """The segments in `matches` ({segment id: class value}) as one label map on the grid."""
    rankOf = {item.value: rank for rank, item in enumerate(classes, start=1)}
    found = LabelArray(np.zeros(grid.shape, np.uint8))  # ranks until the end: the lower one has the voxel
    for layer in range(segmentation.GetNumberOfLayers(LABEL_MAP)):
        image = segmentation.GetLayerDataObject(layer, LABEL_MAP)
        members = segmentation.GetSegmentIDsForLayer(layer, LABEL_MAP)
        ranks = {segmentId: rankOf[matches[segmentId]] for segmentId in members if segmentId in matches}
        if ranks and image is not None and image.GetNumberOfPoints():
            _merge(found, placeOnGrid(image, grid, toVolume), _table(segmentation, image, ranks))
    values = np.array([0, *(item.value for item in classes)], np.uint8)
    overlaps = {(int(values[kept]), int(values[lost])): n for (kept, lost), n in found.overlaps.items()}
    return replace(found, values=values[found.values], overlaps=overlaps)


def fillSegments(
    segmentation: slicer.vtkSegmentation, classes: Sequence[SegmentClass], labels: np.ndarray, grid: Grid
) -> None:
    """Give all classes' segments one shared label map over the grid; its values are the class values."""
    image = orientedImage(labels, grid)
    matches, _ignored = matchSegments(segmentation, classes)
    for segmentId, value in matches.items():
        segment = segmentation.GetSegment(segmentId)
        segment.SetLabelValue(value)
        segment.AddRepresentation(LABEL_MAP, image)


def _table(
    segmentation: slicer.vtkSegmentation, image: vtk.vtkImageData, ranks: Mapping[str, int]
) -> np.ndarray:
    """What each voxel value of a layer stands for; those of segments that are no class, for nothing."""
    values = {segmentation.GetSegment(segmentId).GetLabelValue(): rank for segmentId, rank in ranks.items()}
    table = np.zeros(max(*values, int(image.GetScalarRange()[1]), 0) + 1, np.uint8)
    for value, rank in values.items():
        table[value] = rank
    return table


def _merge(found: LabelArray, placed: Placement, table: np.ndarray) -> None:
    """Put one layer in: the lower rank stays where both have a class; counts what was lost."""
    target, new = found.values[placed.where], table[placed.inside]
    both = (target != 0) & (new != 0)
    if both.any():
        kept, lost = np.minimum(target, new)[both], np.maximum(target, new)[both]
        pairs, counts = np.unique(kept.astype(np.int32) * 256 + lost, return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            found.overlaps[divmod(pair, 256)] = found.overlaps.get(divmod(pair, 256), 0) + count
        target[both] = kept
    np.copyto(target, new, where=target == 0)
    found.resampled = found.resampled or placed.resampled
    if placed.inside.size < placed.voxels.size:
        found.outside += int(np.count_nonzero(table[placed.voxels]) - np.count_nonzero(new))


def _notALabelMap(segmentationNode: slicer.vtkMRMLSegmentationNode) -> CohortError:
    return CohortError(
        "not_a_label_map",
        _("The segmentation {name} is made of surfaces, not of voxels.").format(
            name=segmentationNode.GetName()
        ),
        _("Make the binary labelmap its source representation in the Segmentations module."),
    )
