"""Cases as what SAM's image encoder, as published, sees in them on average."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import numpy as np
import torch

from CFRTrain.labelers.sam_input import SamInput
from CFRTrain.labelers.sam_model import ConcatenationSam
from CFRTrain.selection.embeddings import ImageSource
from CFRTrain.training.precision import autocast, autocast_dtype


class SamEmbedder:
    """Features of the image encoder, averaged over all tokens of all canvases of a case."""

    name = "sam"

    def __init__(self, sam: ConcatenationSam, sam_input: SamInput, device: torch.device) -> None:
        """sam: before its fine-tuning, so that the vectors do not depend on what is labeled already."""
        self.sam, self.sam_input, self.device = sam.eval().to(device), sam_input, device

    def embed(self, cases: Iterable[str], image_of: ImageSource) -> np.ndarray:
        """See `Embedder`. Images are those of the run: at plan spacing, normalized by the plan."""
        rows = [self._row(image_of(case)[0]) for case in cases]
        return np.stack(rows) if rows else np.zeros((0, 1), np.float32)

    def _row(self, image: np.ndarray) -> np.ndarray:
        features = [self._pooled(patch) for patch in patches(image, self.sam_input.patch_zyx)]
        return np.mean(features, axis=0).astype(np.float32)

    def _pooled(self, patch: np.ndarray) -> np.ndarray:
        """Mean feature (E,) of one patch (z,y,x)."""
        volume = torch.from_numpy(np.array(patch, np.float32))[None, None].to(self.device)
        dtype = autocast_dtype(self.device) if self.device.type == "cuda" else None
        with torch.inference_mode(), autocast(self.device, dtype):
            pictures = self.sam_input.pictures(volume).split(1)  # one at a time: ViT at 1024 pixels is large
            seen = [self.sam.image_encoder(picture.expand(-1, 3, -1, -1)) for picture in pictures]
        return torch.cat(seen).float().mean((0, 2, 3)).cpu().numpy()


def patches(image: np.ndarray, patch_zyx: Sequence[int]) -> Iterator[np.ndarray]:
    """Patches that cover the image (z,y,x) side by side, the last moved inside; borders go on outside."""
    missing = [max(0, side - size) for size, side in zip(image.shape, patch_zyx, strict=True)]
    padded = np.pad(image, [(part // 2, part - part // 2) for part in missing], mode="edge")
    starts = [
        [min(start, size - side) for start in range(0, size, side)]
        for size, side in zip(padded.shape, patch_zyx, strict=True)
    ]
    for corner in product(*starts):
        yield padded[tuple(slice(at, at + side) for at, side in zip(corner, patch_zyx, strict=True))]
