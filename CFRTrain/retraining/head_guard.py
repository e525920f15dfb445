"""Catching a class that died: Dice per class on the labeled cases, and a refit of the output head.

A network can find a class and code it as "all features zero" after its last ReLU, a code the output
convolution may be unable to name; the class then stays at exactly 0 Dice. The features are fine, so
training the head alone on them, a convex problem, brings the class back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from CFRTrain.data.cropping import crop
from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.training.losses import IGNORE, dice_ce

DEAD_BELOW = 1e-3
FIRST_CHECK = 150
SHARE_FOR_SGD = 0.1  # plain SGD has learned nothing at step 150; it is judged after a tenth of its training


def check_steps(total_steps: int, optimizer: str) -> tuple[int, ...]:
    """Return after how many steps the classes are checked; only the first check may lead to a restart.

    Trainings too short to judge a network half-way are checked at the end only.
    """
    first = max(FIRST_CHECK, round(SHARE_FOR_SGD * total_steps)) if optimizer == "sgd" else FIRST_CHECK
    return (first, total_steps // 2, total_steps) if total_steps >= 2 * first else (total_steps,)


@torch.no_grad()
def class_dice(
    network: EncoderDecoder, crops: Iterable[tuple[Tensor, Tensor]], classes: int
) -> list[float | None]:
    """Return the Dice per class, background first, pooled over the crops; None for a class they do not
    contain.

    Each crop is an image (B, 1, z, y, x) and its label (B, z, y, x). The network is asked in evaluation
    mode and left in the mode it was in.
    """
    counts = torch.zeros(3, classes, dtype=torch.float64)
    was_training = network.training
    network.eval()
    for image, label in crops:
        known = label != IGNORE
        predicted, expected = network(image).max(dim=1).indices[known], label[known]
        both = predicted[predicted == expected]
        for row, values in enumerate((both, predicted, expected)):
            counts[row] += torch.bincount(values, minlength=classes)[:classes].cpu()
    network.train(was_training)
    overlap, predicted_sum, expected_sum = counts.tolist()
    return [
        2 * overlap[k] / (predicted_sum[k] + expected_sum[k]) if expected_sum[k] else None
        for k in range(classes)
    ]


def dead_classes(dice: Sequence[float | None]) -> list[int]:
    """Return the classes that are present and have practically no Dice."""
    return [index for index, value in enumerate(dice) if value is not None and value < DEAD_BELOW]


def refit_head(
    network: EncoderDecoder, batches: Iterable[tuple[Tensor, Tensor]], learning_rate: float = 0.05
) -> None:
    """Train the 1^3 head alone on evaluation-mode features, one Adam step per (image, label)."""
    was_training = network.training
    network.eval()
    optimizer = torch.optim.Adam(network.head.parameters(), lr=learning_rate)
    for image, label in batches:
        with torch.no_grad():
            last = network.features(image).last
        loss = dice_ce(network.head(last), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.head.zero_grad()
    network.train(was_training)


def crops_of_classes(
    image: np.ndarray, label: np.ndarray, patch_zyx: tuple[int, int, int], classes: int
) -> list[tuple[Tensor, Tensor]]:
    """Return one crop per foreground class of the labeled volume (z, y, x), around the middle of its voxels.

    The crops are (1, 1, *patch) images and (1, *patch) labels; equal crops come once.
    """
    starts = set()
    for index in range(1, classes):
        voxels = np.flatnonzero(label == index)
        if len(voxels):
            center = np.unravel_index(voxels[len(voxels) // 2], label.shape)
            starts.add(tuple(_start(*axis) for axis in zip(center, image.shape, patch_zyx, strict=True)))
    found = []
    for start in sorted(starts):
        picture, truth = crop(image, start, patch_zyx), crop(label, start, patch_zyx).astype(np.int64)
        found.append((torch.from_numpy(picture)[None, None], torch.from_numpy(truth)[None]))
    return found


def _start(center: int, size: int, side: int) -> int:
    """Return the crop's first voxel: inside the volume where it fits, else with the volume centered."""
    return -((side - size) // 2) if side >= size else int(np.clip(center - side // 2, 0, size - side))
