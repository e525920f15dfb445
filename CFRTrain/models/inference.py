"""From an image to a label map: preprocessing, windows, arg-max, and back onto the image's exact grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from CFRTrain.data.components import keep_largest_components
from CFRTrain.data.preprocessing import (
    indices_to_values,
    planned_geometry,
    preprocess,
    restore_label,
    restore_probabilities,
)
from CFRTrain.data.volumes import Volume, read_volume, write_volume
from CFRTrain.models.package import Model
from CFRTrain.models.runtimes import Runtime, choose_runtime
from CFRTrain.models.windows import UNWATCHED, Watch, Windows
from CFRTrain.runs.job import Predict

MOST_PROBABILITY_BYTES = 1 << 30
"""Probabilities at plan spacing beyond this are decided there and labels are resampled, to spare memory."""


def predict_probabilities(
    network: nn.Module | Runtime,
    image: np.ndarray,
    patch_zyx: Sequence[int],
    overlap: float = 0.5,
    watch: Watch = UNWATCHED,
) -> np.ndarray:
    """Class probabilities float32 (C, z, y, x) of a preprocessed image float32 (z, y, x) at plan spacing.

    Raises StopRequested between windows, MemoryLimitError if not even one window at a time fits.
    """
    windows = Windows(network, image, patch_zyx, overlap, watch)
    probabilities = None
    for planes, block in windows.blocks():
        if probabilities is None:
            probabilities = np.empty((len(block), *image.shape), np.float32)
        probabilities[:, planes] = block.cpu().numpy()
    return probabilities


def predict_labels(
    network: nn.Module | Runtime,
    image: np.ndarray,
    patch_zyx: Sequence[int],
    overlap: float = 0.5,
    watch: Watch = UNWATCHED,
) -> np.ndarray:
    """Class indices uint8 (z, y, x): arg-max of `predict_probabilities`, which are never held as a whole."""
    windows = Windows(network, image, patch_zyx, overlap, watch)
    labels = np.empty(image.shape, np.uint8)
    for planes, block in windows.blocks():
        labels[planes] = block.argmax(0).to(torch.uint8).cpu().numpy()
    return labels


def segment_volume(
    model: Model,
    volume: Volume,
    options: Predict | None = None,
    *,
    runtime: Runtime | None = None,
    watch: Watch = UNWATCHED,
) -> Volume:
    """Class values uint8 (z, y, x) on the volume's exact grid; without options as the model's file says.

    Probabilities at plan spacing are interpolated one class at a time, never a float volume per class on the
    image's grid; where even those are too large, labels are. On the image's own grid it is all the same.
    `runtime` saves choosing and compiling one for every volume. Raises what `predict_labels` raises.
    """
    options = options or model.usage.predict()
    runtime = runtime or choose_runtime(
        model, options.runtime, options.precision, on_warning=watch.on_warning
    )
    image, planned = preprocess(volume, model.plan), planned_geometry(volume.geometry, model.plan)
    finer = image.nbytes * (len(model.classes) + 1) <= MOST_PROBABILITY_BYTES and planned != volume.geometry
    predict, restore = (
        (predict_probabilities, restore_probabilities) if finer else (predict_labels, restore_label)
    )
    found = predict(runtime, image, model.plan.patch_zyx, options.overlap, watch)
    restored = restore(found, planned, volume.geometry).array
    if options.largest_component:
        restored = keep_largest_components(restored)
    return Volume(indices_to_values(restored, [item.value for item in model.classes]), volume.geometry)


def segment_file(
    model: Model,
    image_path: Path,
    output_path: Path,
    options: Predict | None = None,
    *,
    case: str | None = None,
    runtime: Runtime | None = None,
    watch: Watch = UNWATCHED,
) -> Volume:
    """Segments one volume file or DICOM folder into a label map file, written only when it is complete.

    `case` names the volume in errors (default: its file name). Raises DataError for an image that cannot be
    used, and what `segment_volume` raises.
    """
    volume = read_volume(image_path, case or Path(image_path).name)
    labels = segment_volume(model, volume, options, runtime=runtime, watch=watch)
    write_volume(output_path, labels)
    return labels
