"""Whom to trust without a reference: what a label would do as an atlas for the cases whose truth is known.

V. Valindria et al., Reverse classification accuracy: predicting segmentation performance in the absence of
ground truth, IEEE TMI 36 (2017) 1597, arXiv 1702.03407. The case is registered onto the labeled cases, its
pseudo-label goes along, and the Dice there tells how good the pseudo-label is here.

Measured on development cases (one labeled case): on left atrium the correlation with the true Dice is 0.91
for the atlas's and 0.95 for the networks' labels. The atlas is flattered, as its labels came by registration.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.atlas import FOCUS_VOXELS, AtlasLabeler
from CFRTrain.labelers.registration import Transform, register_each_way, warp_probabilities
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder

MOST_CASES = 3  # labeled ones that a case is registered onto
SHARPNESS = 4.0  # on left atrium 4 to 12 fuse best; on hippocampus, where members are alike, it hardly matters
LEAST = 0.05  # Dice below which differences mean nothing


class ReverseAccuracy:
    """The trust in each member of a fusion, case by case; kept in trust/<case>.json of the run."""

    def __init__(
        self,
        members: Sequence[str],
        store: CaseStore,
        labeled: Sequence[str],
        plan: Plan,
        job: Job,
        run: RunFolder,
    ) -> None:
        """members: their names, in the order of the fusion."""
        self.members, self.store, self.run = tuple(members), store, run
        self.classes = len(job.classes)
        self._atlas = AtlasLabeler(store, labeled, plan, job, run)

    def weights(self, case_id: str, opinions: Sequence[np.ndarray]) -> tuple[float, ...]:
        """The weight of each member's opinion (C,z,y,x) on a case: its accuracy to the power of SHARPNESS."""
        name = f"trust/{case_id}.json"
        if not (self.run.root / name).is_file():
            self.run.folder("trust")
            accuracies = self.accuracies(case_id, opinions)
            self.run.write_json(name, dict(zip(self.members, accuracies, strict=True)))
        found = self.run.read_json(name)
        if not isinstance(found, dict) or not all(isinstance(found.get(key), float) for key in self.members):
            raise JobError("bad_trust", f"{name} is damaged.", "Delete it; the engine makes it again.")
        return tuple(max(found[member], LEAST) ** SHARPNESS for member in self.members)

    def accuracies(self, case_id: str, opinions: Sequence[np.ndarray]) -> tuple[float, ...]:
        """The Dice of each opinion as an atlas, mean over the closest labeled cases."""
        sums = np.zeros(len(opinions))
        closest = self._atlas.closest(case_id)[:MOST_CASES]
        for labeled in closest:
            ways = self._onto(labeled, case_id, opinions)
            truth = self.store.label(labeled)
            sums += [reverse_dice(opinion, truth, ways, self._atlas.spacing) for opinion in opinions]
        return tuple(float(value) for value in sums / len(closest))

    def _onto(self, labeled: str, case_id: str, opinions: Sequence[np.ndarray]) -> Sequence[Transform]:
        """The transforms that bring the case onto a labeled one; matched where the members see structures."""
        foreground = np.mean([opinion[0] < 0.5 for opinion in opinions], axis=0, dtype=np.float32)
        fixed, moving = self.store.image(labeled), self.store.image(case_id)
        spacings, focus = (self._atlas.spacing,) * 2, gaussian_filter(foreground, FOCUS_VOXELS)
        return register_each_way(fixed, moving, *spacings, self._atlas.options, focus=focus)


def reverse_dice(
    opinion: np.ndarray, truth: np.ndarray, ways: Sequence[Transform], spacing_zyx: Sequence[float]
) -> float:
    """Mean Dice, over the classes of truth (z,y,x), of an opinion (C,z,y,x) carried over in all ways."""
    carried = np.mean([warp_probabilities(opinion, spacing_zyx, way) for way in ways], axis=0).argmax(0)
    scores = []
    for index in range(1, len(opinion)):
        there, here = carried == index, truth == index
        if here.any():
            scores.append(2.0 * float((there & here).sum()) / float(there.sum() + here.sum()))
    return float(np.mean(scores)) if scores else 0.0
