"""Which cases the report shows, and from which files of the run their pictures are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CFRTrain.data.geometry import Geometry, Volume, from_sitk, to_sitk
from CFRTrain.data.preprocessing import values_to_indices
from CFRTrain.data.resampling import resample_label
from CFRTrain.data.store import CaseStore
from CFRTrain.data.volumes import read_label
from CFRTrain.models.report_overlays import best_slice, class_colors, overlay_png
from CFRTrain.runs.errors import CFRError
from CFRTrain.runs.job import CaseEntry, ClassSpec
from CFRTrain.runs.run_folder import RunFolder, write_atomic

MOST_PICTURES = 24
ANISOTROPIC = 1.5
"""From this ratio of spacings on, slices across the coarsest axis are shown, because others look torn."""


def choose_cases(roles: Mapping[str, str], order: Sequence[str], most: int = MOST_PICTURES) -> list[str]:
    """At most `most` cases, those first in `order` first, but every role gets its share."""
    chosen: list[str] = []
    by_role = [
        [case for case in order if roles[case] == role] for role in ("labeled", "validation", "unlabeled")
    ]
    for rank in range(len(order)):
        chosen += [cases[rank] for cases in by_role if rank < len(cases)]
    kept = set(chosen[:most])
    return [case for case in order if case in kept]


def write_picture(run: RunFolder, case: CaseEntry, classes: Sequence[ClassSpec]) -> Path | None:
    """overlays/<case>.png of a case that `prepare` has stored, or None where nothing can be shown.

    Panels: the image; then the label, pseudo-label or reference; then the prediction, as far as they exist. A
    picture newer than what it is made from is kept.
    """
    sources = [path for path in _layer_files(run, case) if path.is_file()]
    path = run.root / "overlays" / f"{case.id}.png"
    if path.is_file() and all(path.stat().st_mtime >= source.stat().st_mtime for source in sources):
        return path
    try:
        picture = _picture(run, case, classes, sources)
    except (CFRError, OSError, ValueError, RuntimeError):
        return None  # a report without one picture is better than none
    write_atomic(path, picture)
    return path


def caption(run: RunFolder, case: CaseEntry) -> str:
    """What the panels show, left to right."""
    names = {"labeled": "label", "validation": "reference", "unlabeled": "pseudo-label"}
    shown = ["image"]
    for path in _layer_files(run, case):
        if path.is_file():
            shown.append("prediction" if path.parent.name == "predictions" else names[case.role])
    return " · ".join(shown)


def _layer_files(run: RunFolder, case: CaseEntry) -> list[Path]:
    """Label maps of class values that may exist, in the order of the panels."""
    first = case.label if case.label is not None else run.root / "review" / f"{case.id}.nii.gz"
    return [Path(first), run.root / "predictions" / f"{case.id}.nii.gz"]


def _picture(run: RunFolder, case: CaseEntry, classes: Sequence[ClassSpec], sources: Sequence[Path]) -> bytes:
    store = CaseStore(run.root / "store", 0)
    grid = store.planned_geometry(case.id)
    image = _upright(Volume(np.asarray(store.image(case.id)), grid))
    layers = [_upright(_indices(path, case.id, classes, grid)).array for path in sources]
    spacing = image.geometry.spacing_zyx
    axis = int(np.argmax(spacing)) if max(spacing) > ANISOTROPIC * min(spacing) else 0
    index = best_slice(layers or [np.zeros(image.array.shape, np.uint8)], axis)
    slices = [np.take(array, index, axis) for array in (image.array, *layers)]
    if axis != 0:  # coronal and sagittal slices have z for rows, which grows toward the head
        slices = [array[::-1] for array in slices]
    rows, columns = (spacing[other] for other in range(3) if other != axis)
    return overlay_png(slices[0], slices[1:], class_colors(classes), (rows, columns))


def _indices(path: Path, case: str, classes: Sequence[ClassSpec], grid: Geometry) -> Volume:
    """A label map of class values as class indices on `grid`."""
    values = [item.value for item in classes]
    found = read_label(path, case, None, values, empty_ok=True)
    indices = Volume(values_to_indices(found.array, values), found.geometry)
    return resample_label(indices, grid)


def _upright(volume: Volume) -> Volume:
    """The volume turned as radiologists look at it: the patient's left to the right, front on top."""
    return from_sitk(sitk.DICOMOrient(to_sitk(volume), "LPS"))
