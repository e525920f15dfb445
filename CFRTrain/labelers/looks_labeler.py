"""A labeler that looks several times: the mean is its label, contradictions are its uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import Labeler, PseudoLabel
from CFRTrain.labelers.looks import looks_at
from CFRTrain.runs.job import Job


class ImageLabeler(Labeler, Protocol):
    """A labeler that answers any image, not only cases of the store."""

    def opinions(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """Probabilities (C,z,y,x) of an image (z,y,x), one for each network or slicing axis it has."""


class Opinions:
    """The running mean of probabilities (C,z,y,x) and of their entropies; memory does not grow."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: np.ndarray | float = 0.0
        self._entropy: np.ndarray | float = 0.0

    def add(self, probabilities: np.ndarray) -> None:
        """One more opinion."""
        self.count += 1
        self._sum = self._sum + probabilities
        self._entropy = self._entropy + entropy(probabilities)

    def mean(self) -> np.ndarray:
        """The mean opinion, float32, summing to 1."""
        return (self._sum / self._sum.sum(0)).astype(np.float32)

    def agreement(self) -> np.ndarray:
        """1 - I / ln C, with the mutual information I = H(mean) - mean(H); float32 (z,y,x), 1: all alike."""
        mean = self.mean()
        information = np.maximum(entropy(mean) - self._entropy / self.count, 0.0)
        return np.clip(1.0 - information / np.log(len(mean)), 0.0, 1.0).astype(np.float32)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """-sum p ln p over the first axis of probabilities (C,z,y,x)."""
    return -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(0)


class LooksLabeler:
    """Labels a case by the mean of all opinions on all looks that the job asks for."""

    def __init__(self, labeler: ImageLabeler, store: CaseStore, plan: Plan, job: Job) -> None:
        self.labeler, self.store, self.plan, self.job = labeler, store, plan, job
        self.name = labeler.name

    def prepare(self) -> None:
        self.labeler.prepare()

    def label(self, case_id: str) -> PseudoLabel:
        """The mean over the looks; a labeled case gets its own label from the labeler."""
        if case_id in getattr(self.labeler, "labeled", ()):
            return self.labeler.label(case_id)
        return self.answer(self.store.image(case_id), case_id)

    def answer(self, image: np.ndarray, name: str) -> PseudoLabel:
        """The mean over the looks at an image (z,y,x); `name` decides the random ones."""
        options, opinions = self.job.looks, Opinions()
        spacing, axis = self.plan.spacing_zyx, self.plan.slicing_axis
        for look in looks_at(name, options, axis, spacing, self.job.seed):
            changed = np.ascontiguousarray(look.image(image), np.float32)
            for probabilities in self.labeler.opinions(changed):
                opinions.add(look.back(probabilities))
        agreement = opinions.agreement() if options.uncertainty == "mutual_information" else None
        return PseudoLabel(opinions.mean(), agreement)


def with_looks(labeler: Labeler, store: CaseStore, plan: Plan, job: Job) -> Labeler:
    """The labeler, looking several times where the job wants that and the labeler can answer any image."""
    if not job.looks.several or not hasattr(labeler, "opinions"):
        return labeler
    return LooksLabeler(labeler, store, plan, job)


def answers_images(labeler: Labeler) -> bool:
    """Whether `answer` works: the labeler needs no case of the store, as registration does."""
    return hasattr(labeler, "answer") or hasattr(labeler, "opinions")


def answer(labeler: Labeler, image: np.ndarray, name: str) -> PseudoLabel:
    """A labeler's opinion on an image (z,y,x) that need not be a case; `name` tells it from others."""
    if hasattr(labeler, "answer"):
        return labeler.answer(image, name)
    opinions = Opinions()
    for probabilities in labeler.opinions(image):
        opinions.add(probabilities)
    return PseudoLabel(opinions.mean())
