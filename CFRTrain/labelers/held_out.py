"""What a labeler says of voxels whose truth is known and that it did not learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import binary_dilation

from CFRTrain.data.augmentation import apply_spatial, augment_intensity, draw_spatial, generator_for
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import Labeler, is_the_cases_own, one_hot
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.runs.run_part import RunPart

REACH_VOXELS = 3  # around true and predicted structures; farther away every labeler is right and certain
MOST_VOXELS = 50_000  # of one volume

Build = Callable[[Sequence[str], RunFolder], Labeler]
Answer = Callable[[np.ndarray, str], np.ndarray]
Opinion = tuple[np.ndarray, np.ndarray]


class HeldOut(NamedTuple):
    """probabilities float32 (C, n) of n voxels and their true class indices labels (n,)."""

    probabilities: np.ndarray
    labels: np.ndarray


def voxels_of(opinions: Iterable[Opinion]) -> HeldOut | None:
    """The voxels in and around structures of volumes (probabilities (C,z,y,x), truth (z,y,x)); None: none."""
    parts = [_near_structures(*opinion) for opinion in opinions]
    if not parts:
        return None
    return HeldOut(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))


def _near_structures(probabilities: np.ndarray, truth: np.ndarray) -> HeldOut:
    structure = (truth > 0) | (probabilities.argmax(0) > 0)
    near = binary_dilation(structure, iterations=REACH_VOXELS) if structure.any() else ~structure
    every = int(np.ceil(near.sum() / MOST_VOXELS))
    return HeldOut(probabilities[:, near][:, ::every], truth[near][::every])


def of_left_out_cases(
    build: Build, store: CaseStore, labeled: Sequence[str], folds: int, run: RunFolder, name: str
) -> Iterator[Opinion]:
    """Every labeled case as a labeler sees it that was built without it, one labeler per fold.

    A case that fails is left out with a warning. The folds' files stay, so that a stopped run goes on;
    `remove_folds` deletes them.
    """
    folds = min(folds, len(labeled))
    for fold in range(folds):
        held = labeled[fold::folds]
        labeler = build([case for case in labeled if case not in held], _part(run, name, fold))
        for case in held:
            run.raise_if_stopped()
            try:
                yield labeler.label(case).probabilities, store.label(case)
            except Exception as error:  # one volume that cannot be labeled must not end the run
                if not is_the_cases_own(error):
                    raise
                run.events.warning("calibration_case", f"[{case}] not used for the calibration: {error}")


def remove_folds(run: RunFolder, name: str, folds: int) -> None:
    """Deletes what the folds of a labeler left behind."""
    for fold in range(folds):
        _part(run, name, fold).remove()


def _part(run: RunFolder, name: str, fold: int) -> RunPart:
    return RunPart(run, f"calibration/{name}_{fold + 1}")


def of_augmented_copies(
    answer: Answer,
    store: CaseStore,
    labeled: Sequence[str],
    copies: int,
    spacing_zyx: Sequence[float],
    seed: int,
) -> Iterator[Opinion]:
    """Strongly augmented copies of the labeled cases in turn: optimistic, for their anatomy was learned."""
    classes = max(int(store.label(case).max()) for case in labeled)
    for index in range(copies):
        case = labeled[index % len(labeled)]
        generator = generator_for(seed, "calibration", index)
        image = torch.from_numpy(np.array(store.image(case)))[None, None]
        exact = torch.from_numpy(one_hot(store.label(case), classes))[None]
        grid = draw_spatial(1, image.shape[2:], generator, spacing_zyx=spacing_zyx)
        changed = augment_intensity(apply_spatial(image, grid), generator)[0, 0].numpy()
        truth = apply_spatial(exact, grid)[0].numpy().argmax(0).astype(np.uint8)
        yield answer(changed, f"copy_{index}"), truth
