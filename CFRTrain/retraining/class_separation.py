"""Features of a class are drawn to a small memory of good features of the same class.

I. Alonso et al., Semi-supervised semantic segmentation with pixel-level contrastive learning from a
class-wise memory bank, ICCV 2021, arXiv 2104.13415, as SS-Net uses it: for each foreground class the mean
over features f and remembered m of a(f) b(m) (1 - cos(f, m)), with learned weights a and b of mean 1.
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn
from torch.nn import functional

REMEMBERED = 32
FEWEST = 2  # BatchNorm needs more than one


class ClassSeparation(nn.Module):
    """The two heads, the weights per class, and the memory of the latest features, `channels` wide.

    Unlike in the released code the memory keeps the features with the highest weights, not the lowest, and
    b really has an effect (there every b is divided by itself). The background has no memory, as there; its
    voxels and ignored ones are left out from the beginning.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = 2 * channels
        self.projection, self.prediction = _mlp(channels, width, width), _mlp(width, width, width)
        self.weigh_features = nn.ModuleList(_mlp(width, width, 1, slope=0.2) for _ in range(1, classes))
        self.weigh_memory = nn.ModuleList(_mlp(width, width, 1, slope=0.2) for _ in range(1, classes))
        self.register_buffer("memory", torch.zeros(classes - 1, REMEMBERED, width))
        self.register_buffer("count", torch.zeros(classes - 1, dtype=torch.long))

    @torch.no_grad()
    def remember(self, features: Tensor, labels: Tensor) -> None:
        """Replace the memory of each foreground class among labels (N) by its best features (N, channels)."""
        self.eval()
        with _uncached_autocast(features.device.type):
            for index, weigh in enumerate(self.weigh_features):
                found = self.projection(features[labels == index + 1]).float()
                if len(found):
                    best = weigh(found).flatten().topk(min(REMEMBERED, len(found))).indices
                    self.memory[index, : len(best)] = found[best]
                    self.count[index] = len(best)
        self.train()

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (N, channels) with labels (N), summed over classes, divided by C."""
        foreground = (labels > 0) & (labels <= len(self.weigh_features))
        features, labels = features[foreground], labels[foreground]
        if len(labels) < FEWEST:
            return features.new_zeros((), dtype=torch.float32)
        predicted = self.prediction(self.projection(features)).float()
        loss = predicted.new_zeros(())
        for index, (weigh, weigh_memory) in enumerate(
            zip(self.weigh_features, self.weigh_memory, strict=True)
        ):
            found, memory = predicted[labels == index + 1], self.memory[index, : self.count[index]]
            if min(len(found), len(memory)) >= FEWEST:
                remembered = functional.normalize(memory, dim=1)
                first = _weighted_mean(functional.normalize(found, dim=1), weigh(found.detach()))
                second = _weighted_mean(remembered, weigh_memory(remembered))
                loss = loss + 1.0 - first @ second  # all pairs at once, for weights of mean 1
        return loss / (len(self.weigh_features) + 1)


def _uncached_autocast(device: str) -> contextlib.AbstractContextManager[object]:
    """Autocast as it is, but without its cache of weights.

    What older versions of PyTorch keep in it without a gradient, a later pass with one uses as it is: the
    heads would learn nothing.
    """
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    return torch.autocast(device, dtype=dtype, enabled=enabled, cache_enabled=False)


def _weighted_mean(values: Tensor, scores: Tensor) -> Tensor:
    weights = scores.float().sigmoid()
    return (weights * values).sum(dim=0) / weights.sum()


def _mlp(source: int, hidden: int, target: int, slope: float = 0.0) -> nn.Sequential:
    """A layer of `hidden` units; slope is that of the rectifier below 0."""
    return nn.Sequential(
        nn.Linear(source, hidden), nn.BatchNorm1d(hidden), nn.LeakyReLU(slope), nn.Linear(hidden, target)
    )
