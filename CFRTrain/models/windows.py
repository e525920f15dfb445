"""Overlapping windows over a volume, blended with Gaussian weights, in memory that does not grow with it.

Windows are taken row by row along z. A row's probabilities are blended with the next row's and then done
with, so that memory is that of one row, whatever the volume's height. Where windows lie alike the result is
that of MONAI's `sliding_window_inference`, which the tests compare with; MONAI itself is not used because
importing it takes longer than segmenting a small volume.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from CFRTrain.models.memory_ladder import MemoryLadder
from CFRTrain.models.runtimes import Runtime, TorchRuntime, Warn
from CFRTrain.runs.errors import StopRequested

Progress = Callable[[int, int], None]
"""Takes the windows done and the windows in all."""
SIGMA = 0.125
"""Standard deviation of the Gaussian weights as a share of the window's side, as in nnU-Net and MONAI."""
SLACK = 1.2
"""How much further apart than asked for windows may lie where that saves one."""


@dataclass(frozen=True)
class Watch:
    """How somebody follows an inference: told of windows done and of warnings, asked whether to stop."""

    on_progress: Progress | None = None
    on_warning: Warn | None = None
    should_stop: Callable[[], bool] | None = None


UNWATCHED = Watch()


class Windows:
    """One pass over an image float32 (z, y, x); one smaller than the window goes on with its edge voxels.

    So do the patches in training, see data/cropping.py: with another border the network is out of its depth.
    """

    def __init__(
        self,
        network: nn.Module | Runtime,
        image: np.ndarray,
        patch_zyx: Sequence[int],
        overlap: float,
        watch: Watch = UNWATCHED,
    ) -> None:
        runtime = TorchRuntime(network) if isinstance(network, nn.Module) else network
        self._ladder = MemoryLadder(runtime, watch.on_warning)
        self._watch = watch
        self._patch = tuple(int(side) for side in patch_zyx)
        self._size = tuple(image.shape)
        missing = [max(0, side - size) for size, side in zip(self._size, self._patch, strict=True)]
        self._front = [share // 2 for share in missing]
        padding = [part for share in missing[::-1] for part in (share // 2, share - share // 2)]
        whole = torch.from_numpy(np.array(image, np.float32))[None, None]
        self._image = functional.pad(whole, padding, mode="replicate")[0, 0]
        pairs = list(zip(self._image.shape, self._patch, strict=True))
        self._starts = [window_starts(size, side, overlap) for size, side in pairs]
        self._coverage = [
            coverage(size, side, starts) for (size, side), starts in zip(pairs, self._starts, strict=True)
        ]
        self._done, self._total = 0, math.prod(map(len, self._starts))

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Planes of the image along z, in order, each with its probabilities float32 (C, planes, y, x).

        Raises StopRequested between windows, MemoryLimitError if not even one window at a time fits.
        """
        depth, starts, carried = self._image.shape[0], self._starts[0], None
        for row, start in enumerate(starts):
            total = self._ladder.climb_down(lambda step, start=start: self._row(start, step))
            if carried is not None:
                total[:, : carried.shape[1]] += carried.to(total.device)
            end = starts[row + 1] if row + 1 < len(starts) else depth
            carried = total[:, end - start :]
            yield self._finished(total[:, : end - start], start, end)

    def _finished(self, total: Tensor, start: int, end: int) -> tuple[slice, Tensor]:
        """The planes start:end of the padded image, divided by their weights, without the padding."""
        along_z, along_y, along_x = (weights.to(total.device) for weights in self._coverage)
        total = total / (along_z[start:end, None, None] * along_y[:, None] * along_x)
        inside = [slice(front, front + size) for front, size in zip(self._front, self._size, strict=True)]
        if self._size[0] < self._patch[0]:  # padded along z: a single row
            return slice(0, self._size[0]), total[:, inside[0], inside[1], inside[2]]
        return slice(start, end), total[:, :, inside[1], inside[2]]

    def _row(self, start: int, step: MemoryLadder.Step) -> Tensor:
        """Weighted sums of the probabilities (C, z, y, x) of all windows that begin at plane `start`."""
        depth, height, width = self._patch
        slab = self._image[start : start + depth]
        along_z, along_y, along_x = (gaussian(side).to(step.accumulate_on) for side in self._patch)
        weights = along_z[:, None, None] * along_y[:, None] * along_x
        corners = list(product(*self._starts[1:]))
        done_before, total = self._done, None
        try:
            for first in range(0, len(corners), step.windows_at_once):
                chosen = corners[first : first + step.windows_at_once]
                windows = torch.stack([slab[None, :, y : y + height, x : x + width] for y, x in chosen])
                probabilities = self._compute(windows, step).to(step.accumulate_on)
                if total is None:
                    shape = (probabilities.shape[1], *slab.shape)
                    total = torch.zeros(shape, device=step.accumulate_on)
                for (y, x), window in zip(chosen, probabilities, strict=True):
                    total[:, :, y : y + height, x : x + width] += window * weights
        except BaseException:
            self._done = done_before
            raise
        return total

    def _compute(self, windows: Tensor, step: MemoryLadder.Step) -> Tensor:
        """Probabilities of windows (B, 1, z, y, x) on the runtime's device."""
        if self._watch.should_stop is not None and self._watch.should_stop():
            raise StopRequested()
        probabilities = torch.softmax(step.runtime(windows.to(step.runtime.device)), 1)
        self._done += len(windows)
        if self._watch.on_progress is not None:
            self._watch.on_progress(self._done, self._total)
        return probabilities


def window_starts(size: int, side: int, overlap: float) -> list[int]:
    """First voxels of the windows along one axis, evenly spread, the last one flush with the end.

    Neighbors share about `overlap` of their side. Where a window can be saved they share a little less:
    their distance may be `SLACK` times as large, so half an overlap is 0.4 at least. (Fixed steps would put
    the last two windows nearly onto each other: 18 windows instead of 8 for 176 x 176 x 88 voxels.)
    """
    if side >= size:
        return [0]
    step = max(1.0, side * (1 - overlap))
    count = max(math.ceil(size / side), math.ceil((size - side) / (SLACK * step)) + 1)
    return [round(index * (size - side) / (count - 1)) for index in range(count)]


def gaussian(side: int) -> Tensor:
    """Weights float32 (side,) that fall from the middle of a window to its faces, never to 0."""
    offsets = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    return torch.exp(-0.5 * (offsets / (SIGMA * side)) ** 2)


def coverage(size: int, side: int, starts: Sequence[int]) -> Tensor:
    """Sum float32 (size,) of the weights of all windows along one axis; over a volume the three multiply."""
    total = torch.zeros(size)
    for start in starts:
        total[start : start + side] += gaussian(side)
    return total
