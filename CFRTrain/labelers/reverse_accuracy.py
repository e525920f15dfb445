"""Whom to trust without a reference: what a label would do as an atlas for the cases whose truth is known.

V. Valindria et al., Reverse classification accuracy: predicting segmentation performance in the absence of
ground truth, IEEE TMI 36 (2017) 1597, arXiv 1702.03407. The case is registered onto the labeled cases, its
pseudo-label goes along, and the Dice there tells how good the pseudo-label is here.

On development cases with one labeled case the correlation with the true Dice was 0.91 for an atlas's and 0.95
for weak networks' labels (left atrium), 0.4 to 0.9 on hippocampus. An atlas is flattered by up to 0.1, as its
labels came by registration; so smaller differences do not count, and the cohort's mean decides, not a case.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.atlas import FOCUS_VOXELS, AtlasLabeler
from CFRTrain.labelers.base import is_the_cases_own
from CFRTrain.labelers.fusion import OpinionsOf
from CFRTrain.labelers.registration import Transform, register_each_way, warp_probabilities
from CFRTrain.labelers.templates import evenly
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder

MOST_CASES = 12  # of the cohort, spread evenly; each is registered onto
MOST_LABELED = 3  # labeled cases at most
MARGIN = 0.1  # a member may be this much worse than the best and weighs as much
WIDTH = 0.1  # from there on its weight falls to next to nothing
LEAST = 0.01


class ReverseAccuracy:
    """The trust in each member of a fusion; what it rests on is kept in trust/<case>.json of the run."""

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
        self._atlas = AtlasLabeler(store, labeled, plan, job, run)
        unlabeled = [case.id for case in run.cases() if case.role == "unlabeled" and store.has(case.id)]
        self.cases = evenly(unlabeled, MOST_CASES)

    def weights(self, opinions_of: OpinionsOf) -> tuple[float, ...]:
        """One weight per member; all alike, with a warning, where no case could be looked at.

        Raises StopRequested between cases, JobError for a damaged file.
        """
        found, start = [], time.monotonic()
        for position, case in enumerate(self.cases, start=1):
            self.run.raise_if_stopped()
            try:
                found.append(self.of_case(case, opinions_of))
            except Exception as error:  # one volume that cannot be registered must not end the run
                if not is_the_cases_own(error):
                    raise
                self.run.events.warning("trust_case", f"[{case}] says nothing about the labelers: {error}")
            left = (time.monotonic() - start) / position * (len(self.cases) - position)
            self.run.events.progress("trust", position, len(self.cases), round(left, 1))
        if not found:
            self.run.events.warning("trust_unknown", "Nothing tells the labelers apart: all weigh alike.")
            return (1.0,) * len(self.members)
        return trusted(np.mean(found, axis=0).tolist())

    def of_case(self, case_id: str, opinions_of: OpinionsOf) -> tuple[float, ...]:
        """The reverse accuracy of each member on one case, from disk where it is known."""
        name = f"trust/{case_id}.json"
        if not (self.run.root / name).is_file():
            self.run.folder("trust")
            accuracies = self.accuracies(case_id, opinions_of(case_id))
            self.run.write_json(name, dict(zip(self.members, accuracies, strict=True)))
        found = self.run.read_json(name)
        if not isinstance(found, dict) or not all(isinstance(found.get(key), float) for key in self.members):
            raise JobError("bad_trust", f"{name} is damaged.", "Delete it; the engine makes it again.")
        return tuple(found[member] for member in self.members)

    def accuracies(self, case_id: str, opinions: Sequence[np.ndarray]) -> tuple[float, ...]:
        """The Dice of each opinion as an atlas, mean over the closest labeled cases."""
        sums = np.zeros(len(opinions))
        closest = self._atlas.closest(case_id)[:MOST_LABELED]
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


def trusted(accuracies: Sequence[float]) -> tuple[float, ...]:
    """The weight of each member: 1 up to MARGIN below the best, falling to LEAST within WIDTH."""
    best = max(accuracies)
    return tuple(max(1 - max(0.0, best - value - MARGIN) / WIDTH, LEAST) for value in accuracies)


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
