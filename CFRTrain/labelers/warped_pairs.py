"""Exact training pairs: a labeled image and its label, warped together onto the shape of another case.

An atlas label is only as good as its registration; here image and label move as one, so the pair is right
whatever the registration did, and it shows the anatomy in shapes that the few labeled cases do not have.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.base import is_the_cases_own, one_hot
from CFRTrain.labelers.registration import Transform, warp_image, warp_probabilities
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.machine import cache_limit
from CFRTrain.runs.run_folder import RunFolder

Pair = tuple[np.ndarray, np.ndarray]
HISTOGRAM_QUANTILES = 129


class WarpedPairs:
    """A pair source: (image float32 (z,y,x), label uint8 (z,y,x) of class indices) for a generator's state.

    combinations: (labeled case, case whose shape it takes). transform: (case, labeled case) -> Transform,
    such as AtlasLabeler.transform, which keeps them on disk. strength: range of the share of the displacement
    that is applied, drawn anew for each pair; (1, 1) gives the shape of the other case itself.
    match_intensity: share of pairs that take on the other's histogram. Arrays are read-only; those at full
    strength are kept in memory up to byte_limit (None: by the machine's free memory).
    """

    def __init__(
        self,
        store: CaseStore,
        combinations: Sequence[tuple[str, str]],
        transform: Callable[[str, str], Transform],
        spacing_zyx: Sequence[float],
        classes: int,
        *,
        strength: tuple[float, float] = (1.0, 1.0),
        match_intensity: float = 0.0,
        byte_limit: int | None = None,
    ) -> None:
        if not combinations:
            raise ValueError("Warped pairs need a labeled case and a case to warp it onto.")
        self.store, self.transform, self.classes = store, transform, classes
        self.combinations = tuple(combinations)
        self.spacing = tuple(float(value) for value in spacing_zyx)
        self.strength, self.match_intensity = strength, match_intensity
        self.byte_limit = cache_limit() if byte_limit is None else byte_limit
        self._recent: OrderedDict[tuple[str, str], Pair] = OrderedDict()

    def sample(self, generator: torch.Generator) -> Pair:
        """A pair drawn by the generator alone: the same state gives the same pair."""
        drawn = int(torch.randint(len(self.combinations), (), generator=generator))
        share, matching = torch.rand(2, generator=generator).tolist()
        labeled, target = self.combinations[drawn]
        low, high = self.strength
        if low == high == 1.0:
            image, label = self._kept(labeled, target)
        else:
            image, label = self._warped(labeled, target, low + (high - low) * share)
        if matching < self.match_intensity:
            image = match_histogram(image, self.store.image(target))
        return image, label

    def _warped(self, labeled: str, target: str, share: float) -> Pair:
        transform = self.transform(target, labeled)
        transform = replace(transform, displacement=transform.displacement * np.float32(share))
        exact = one_hot(self.store.label(labeled), self.classes)
        pair = (
            warp_image(self.store.image(labeled), self.spacing, transform),
            warp_probabilities(exact, self.spacing, transform).argmax(0).astype(np.uint8),
        )
        for array in pair:
            array.flags.writeable = False
        return pair

    def _kept(self, labeled: str, target: str) -> Pair:
        """The pair at full strength; beyond the byte limit the longest unused pairs leave first."""
        key = (labeled, target)
        if key not in self._recent:
            self._recent[key] = self._warped(labeled, target, 1.0)
            while len(self._recent) > 1 and self._bytes() > self.byte_limit:
                self._recent.popitem(last=False)
        self._recent.move_to_end(key)
        return self._recent[key]

    def _bytes(self) -> int:
        return sum(image.nbytes + label.nbytes for image, label in self._recent.values())


def pairs_from_atlas(
    atlas: AtlasLabeler,
    targets: Sequence[str],
    run: RunFolder,
    *,
    strength: tuple[float, float] = (1.0, 1.0),
    match_intensity: float = 0.0,
) -> WarpedPairs | None:
    """Pairs of each target with the labeled cases most like it; None where no registration worked.

    Registers what is not on disk yet, with progress; StopRequested in between. A target that fails is left
    out with a warning; the run then goes on with the pairs that it began with, or raises DataError.
    """
    combinations: list[tuple[str, str]] = []
    targets = [target for target in targets if target not in atlas.labeled]
    atlas.register_all(targets)
    for position, target in enumerate(targets):
        run.raise_if_stopped()
        try:
            for labeled in atlas.closest(target):
                atlas.transform(target, labeled)
                combinations.append((labeled, target))
        except Exception as error:  # one volume that cannot be registered must not end the run
            if not is_the_cases_own(error):
                raise
            run.events.warning("registration_failed", f"[{target}] no warped pair: {error}")
        run.events.progress("warped_pairs", position + 1, len(targets))
    combinations = _as_at_first(run, targets, combinations)
    if not combinations:
        return None
    return WarpedPairs(
        atlas.store, combinations, atlas.transform, atlas.spacing, atlas.classes,
        strength=strength, match_intensity=match_intensity,
    )  # fmt: skip


def _as_at_first(
    run: RunFolder, targets: Sequence[str], found: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The combinations this run first found for the targets. Raises DataError where one is lost since."""
    digest = hashlib.sha256(repr(tuple(targets)).encode()).hexdigest()[:16]
    names = [f"{labeled} {target}" for labeled, target in found]
    first = run.frozen(f"registrations/pairs-{digest}.json", names)
    for labeled, target in (name.split() for name in first):
        if (labeled, target) not in found:
            raise DataError(
                "registration_lost",
                f"The registration of {labeled}, from which this run learns, cannot be made again.",
                "The warnings say why. Restore what is missing, or make a new run without the case.",
                case=target,
            )
    return [tuple(name.split()) for name in first]


def match_histogram(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`image` (z,y,x) with the intensity quantiles of `reference`, by a piecewise linear map; float32."""
    shares = np.linspace(0.0, 1.0, HISTOGRAM_QUANTILES)
    source, goal = np.quantile(image, shares), np.quantile(reference, shares)
    source, first = np.unique(source, return_index=True)
    return np.interp(image, source, goal[first]).astype(np.float32)
