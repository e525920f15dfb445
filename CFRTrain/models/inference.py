"""Whole volumes through a network: overlapping windows with Gaussian weights, in memory that does not grow.

Windows are taken row by row along z. A row's probabilities are blended with the next row's and then done
with, so that memory is that of one row of windows, whatever the volume's height. MONAI tiles each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import Tensor, nn

from CFRTrain.data.preprocessing import indices_to_values, planned_geometry, preprocess, restore_label
from CFRTrain.data.volumes import Volume, read_volume, write_volume
from CFRTrain.models.components import keep_largest_components
from CFRTrain.models.memory_ladder import MemoryLadder
from CFRTrain.models.package import Model
from CFRTrain.models.runtimes import Runtime, TorchRuntime, Warn, choose_runtime
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.job import Predict

Progress = Callable[[int, int], None]
"""Takes the windows done and the windows in all."""
SIGMA = 0.125
"""Standard deviation of the Gaussian weights as a share of the window's side, as in nnU-Net and MONAI."""


def predict_probabilities(
    network: nn.Module | Runtime,
    image: np.ndarray,
    patch_zyx: Sequence[int],
    overlap: float = 0.5,
    *,
    on_progress: Progress | None = None,
    on_warning: Warn | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Class probabilities float32 (C, z, y, x) of a preprocessed image float32 (z, y, x) at plan spacing.

    Raises StopRequested between windows, MemoryLimitError if not even one window at a time fits.
    """
    windows = _Windows(network, image, patch_zyx, overlap, on_progress, on_warning, should_stop)
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
    *,
    on_progress: Progress | None = None,
    on_warning: Warn | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Class indices uint8 (z, y, x): arg-max of `predict_probabilities`, which are never held as a whole."""
    windows = _Windows(network, image, patch_zyx, overlap, on_progress, on_warning, should_stop)
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
    on_progress: Progress | None = None,
    on_warning: Warn | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Volume:
    """Class values uint8 (z, y, x) on the volume's exact grid.

    The arg-max is taken at plan spacing and labels are resampled, not one float volume per class. `runtime`
    saves choosing and compiling one for every volume. Raises what `predict_labels` raises.
    """
    options = options or Predict()
    runtime = runtime or choose_runtime(model, options.runtime, options.precision, on_warning=on_warning)
    labels = predict_labels(
        runtime, preprocess(volume, model.plan), model.plan.patch_zyx, options.overlap,
        on_progress=on_progress, on_warning=on_warning, should_stop=should_stop,
    )  # fmt: skip
    restored = restore_label(labels, planned_geometry(volume.geometry, model.plan), volume.geometry).array
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
    on_progress: Progress | None = None,
    on_warning: Warn | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Volume:
    """Segments one volume file or DICOM folder into a label map file, written only when it is complete.

    `case` names the volume in errors (default: its file name). Raises DataError for an image that cannot be
    used, and what `segment_volume` raises.
    """
    volume = read_volume(image_path, case or Path(image_path).name)
    labels = segment_volume(
        model, volume, options, runtime=runtime,
        on_progress=on_progress, on_warning=on_warning, should_stop=should_stop,
    )  # fmt: skip
    write_volume(output_path, labels)
    return labels


class _Windows:
    """One pass over one image."""

    def __init__(
        self,
        network: nn.Module | Runtime,
        image: np.ndarray,
        patch_zyx: Sequence[int],
        overlap: float,
        on_progress: Progress | None,
        on_warning: Warn | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        runtime = TorchRuntime(network) if isinstance(network, nn.Module) else network
        self.image = torch.from_numpy(np.ascontiguousarray(image, np.float32))
        self.patch, self.overlap = tuple(int(side) for side in patch_zyx), float(overlap)
        self.ladder = MemoryLadder(runtime, on_warning)
        self.on_progress, self.should_stop = on_progress, should_stop
        starts = [window_starts(*pair, overlap) for pair in zip(image.shape, self.patch, strict=True)]
        self.rows, self.total, self.done = starts[0], math.prod(map(len, starts)), 0

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Planes along z in order, each with its final probabilities (C, planes, y, x)."""
        depth = self.image.shape[0]
        weights = gaussian(self.patch[0])[:depth]  # a single row, padded or not, may have any weights
        carried, carried_weights = None, None
        for row, start in enumerate(self.rows):
            slab = self.image[start : start + self.patch[0]]
            total = self.ladder.climb_down(lambda step, slab=slab: self._row(slab, step))
            here = weights[: len(slab)].clone().to(total.device)
            total = total * here[:, None, None]
            if carried is not None:
                total[:, : carried.shape[1]] += carried.to(total.device)
                here[: len(carried_weights)] += carried_weights.to(total.device)
            end = self.rows[row + 1] if row + 1 < len(self.rows) else depth
            yield slice(start, end), total[:, : end - start] / here[: end - start, None, None]
            carried, carried_weights = total[:, end - start :], here[end - start :]

    def _row(self, slab: Tensor, step: MemoryLadder.Step) -> Tensor:
        """Probabilities (C, z, y, x) of one row of windows over `slab` (z, y, x)."""
        before = self.done

        def predictor(windows: Tensor) -> Tensor:
            if self.should_stop is not None and self.should_stop():
                raise StopRequested()
            probabilities = torch.softmax(step.runtime(windows), 1)
            self.done += len(windows)
            if self.on_progress is not None:
                self.on_progress(self.done, self.total)
            return probabilities

        try:
            in_plane = gaussian(self.patch[1])[:, None] * gaussian(self.patch[2])
            return sliding_window_inference(
                slab[None, None], self.patch, step.windows_at_once, predictor, self.overlap, mode="gaussian",
                padding_mode="replicate",  # as in training, see data/cropping.py
                roi_weight_map=in_plane.expand(1, 1, *self.patch).to(step.runtime.device),
                sw_device=step.runtime.device, device=step.accumulate_on,
            )[0]  # fmt: skip
        except BaseException:
            self.done = before
            raise


def window_starts(size: int, side: int, overlap: float) -> list[int]:
    """First voxels of the windows along one axis, spaced as MONAI does, the last one flush with the end."""
    if side >= size:
        return [0]
    step = max(1, int(side * (1 - overlap)))
    count = math.ceil((size - side) / step) + 1
    return [min(index * step, size - side) for index in range(count)]


def gaussian(side: int) -> Tensor:
    """Weights float32 (side,) that fall from the middle of a window to its faces, never to 0."""
    offsets = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    return torch.exp(-0.5 * (offsets / (SIGMA * side)) ** 2)
