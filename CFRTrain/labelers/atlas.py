"""The atlas labeler: labeled cases are registered to a target, and their labels, carried along, are fused."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from CFRTrain.data.planning import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import PseudoLabel, is_the_cases_own, one_hot
from CFRTrain.labelers.registration import (
    MOST_REGISTERED_VOXELS,
    RegistrationOptions,
    Transform,
    automatic_resolution,
    register_each_way,
    warp_image,
    warp_probabilities,
)
from CFRTrain.labelers.side_by_side import side_by_side
from CFRTrain.labelers.templates import TemplateStage
from CFRTrain.labelers.transform_store import TransformStore, half_precision
from CFRTrain.labelers.voting import Ballot, band_correlation
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.job import Job
from CFRTrain.runs.machine import memory_bytes
from CFRTrain.runs.run_folder import RunFolder

THUMBNAIL_VOXELS = 12  # per axis: enough to tell a large from a small organ and left from right
FOCUS_VOXELS = 2.0  # a registration is judged where the structures are
REGISTRATION_BYTES = 230  # per voxel at registration resolution; measured on 1.2 million
COPY_BYTES = 20  # per voxel of the volume itself: both images and the focus, scaled and as SimpleITK's
MOST_THREADS = 1024
DIRECT_VOTE, TEMPLATE_VOTE = 2.0, 1.0  # a template's label went through one registration more
WAY_SHARPNESS = 20.0  # a way that matches 0.05 worse has a third of the vote, a failed one next to none


class Pair(NamedTuple):
    """A registration to be made: `moving`, the volume of case `atlas`, onto `fixed`, that of case `target`.

    focus: where the match counts, float32 (z,y,x) on the moving grid.
    """

    target: str
    atlas: str
    fixed: np.ndarray
    moving: np.ndarray
    focus: np.ndarray


class AtlasLabeler:
    """Labels a case by the labeled cases most like it, each warped onto it; needs no training and no weights.

    With job.atlas.templates, well matched unlabeled cases vote too (MAGeT, see templates.py): the shapes of
    the cohort correct errors that stem from the few labeled cases.
    """

    name = "atlas"

    def __init__(
        self, store: CaseStore, labeled: Sequence[str], plan: Plan, job: Job, run: RunFolder
    ) -> None:
        if not labeled:
            raise DataError("no_labeled_case", "The atlas labeler has no labeled case.", "Label one volume.")
        self.store, self.labeled, self.job, self.run = store, tuple(labeled), job, run
        self.spacing = tuple(float(value) for value in plan.spacing_zyx)
        self.classes = len(job.classes)
        shape = np.median([store.image(case).shape for case in self.labeled], axis=0)
        self._threads = min(job.threads or os.cpu_count() or 1, most_side_by_side(shape))
        resolution = job.atlas.resolution_mm or automatic_resolution(shape, self.spacing)
        self.options = RegistrationOptions(resolution_mm=resolution, demons=job.atlas.demons)
        self.transforms = TransformStore(run.folder("registrations"), repr((self.options, self.spacing)))
        self.templates: TemplateStage | None = None
        self._thumbnails: dict[str, np.ndarray] = {}

    def prepare(self) -> None:
        """Registers the run's unlabeled cases, then chooses and labels the templates, if any.

        A second call or a resumed run finds both done. Raises StopRequested and DiskFullError.
        """
        unlabeled = [case.id for case in self.run.cases() if case.role == "unlabeled"]
        candidates = [case for case in unlabeled if self.store.has(case) and case not in self.labeled]
        self.register_all(candidates)
        if self.job.atlas.templates and self.templates is None:
            key = repr((self.options, self.labeled, self.job.atlas))
            templates = TemplateStage(
                candidates, self.job.atlas.templates, self._label_directly, self.run, key
            )
            templates.prepare()
            self.templates = templates

    def label(self, case_id: str) -> PseudoLabel:
        """The fused pseudo-label of one case; a labeled case gets its own label, certain."""
        if case_id in self.labeled:
            return PseudoLabel.from_labels(self.store.label(case_id), self.classes)
        target = self.store.image(case_id)
        ballot = Ballot(target)
        self._vote_directly(ballot, case_id, target)
        if self.templates is not None:
            others = [case for case in self.templates.chosen if case != case_id]
            registered = self._registered(case_id, others, keep=False)
            for template, ways in zip(others, registered, strict=True):
                probabilities = self.templates.label(template).probabilities
                self._vote(ballot, template, probabilities, ways, TEMPLATE_VOTE)
        return ballot.result()

    def register_all(self, targets: Sequence[str]) -> None:
        """Finds and keeps the transforms of every target's closest labeled cases, several side by side.

        What is on disk is left, and the bits do not depend on the number of threads. A target that fails is
        passed over: whoever uses it meets the error again and names it. Raises StopRequested, once what has
        begun is kept, and DiskFullError.
        """
        start, position = time.monotonic(), {target: index for index, target in enumerate(targets, start=1)}
        with side_by_side(self._register_and_keep, self._missing_pairs(targets), self._threads) as found:
            for pair, future in found:
                error = future.exception()
                if isinstance(error, Exception) and not is_the_cases_own(error):
                    raise error
                done = position[pair.target]
                left = (time.monotonic() - start) / done * (len(targets) - done)
                self.run.events.progress("registration", done, len(targets), round(left, 1))

    def _missing_pairs(self, targets: Sequence[str]) -> Iterator[Pair]:
        """The registrations that are not on disk. Raises StopRequested between targets."""
        for target in targets:
            self.run.raise_if_stopped()
            try:
                atlases = self.closest(target)
                missing = [atlas for atlas in atlases if self.transforms.get(target, atlas) is None]
                yield from [self._pair(target, atlas) for atlas in missing]
            except Exception as error:  # a damaged volume, say: `label` meets it again and names the case
                if not is_the_cases_own(error):
                    raise

    def _register_and_keep(self, pair: Pair) -> None:
        self._taken(pair, self._register(pair), keep=True)

    def transform(self, case_id: str, labeled_id: str) -> Transform:
        """The best transform that brings case `labeled_id` onto `case_id`, from disk where it is known."""
        return self._registered(case_id, [labeled_id], keep=True)[0][0]

    def closest(self, case_id: str) -> tuple[str, ...]:
        """At most job.atlas.atlases labeled cases, the most similar to `case_id` first."""
        target = self._thumbnail(case_id)
        scores = {case: float((self._thumbnail(case) * target).mean()) for case in self.labeled}
        ranked = sorted(self.labeled, key=lambda case: -scores[case])
        return tuple(ranked[: max(self.job.atlas.atlases, 1)])

    def _label_directly(self, case_id: str) -> tuple[PseudoLabel, float]:
        """First stage only: the pseudo-label and how well the registrations matched (-1 to 1)."""
        target = self.store.image(case_id)
        ballot = Ballot(target)
        self._vote_directly(ballot, case_id, target)
        pseudo = ballot.result()
        return pseudo, band_correlation(target, ballot.image(), pseudo.probabilities)

    def _vote_directly(self, ballot: Ballot, case_id: str, target: np.ndarray) -> None:
        atlases = self.closest(case_id)
        for atlas, ways in zip(atlases, self._registered(case_id, atlases, keep=True), strict=True):
            soft = smoothed_one_hot(
                self.store.label(atlas), self.classes, self.job.atlas.smoothing_sigma, self.spacing
            )
            self._vote(ballot, atlas, soft, ways, DIRECT_VOTE)

    def _vote(
        self, ballot: Ballot, atlas: str, probabilities: np.ndarray, ways: Sequence[Transform], weight: float
    ) -> None:
        """One atlas's vote, shared by the ways in which it was registered."""
        shares = np.exp([WAY_SHARPNESS * (way.similarity - ways[0].similarity) for way in ways])
        for way, share in zip(ways, shares / shares.sum(), strict=True):
            image = warp_image(self.store.image(atlas), self.spacing, way)
            ballot.add(warp_probabilities(probabilities, self.spacing, way), image, weight * share)

    def _registered(self, case_id: str, moving: Sequence[str], keep: bool) -> list[Sequence[Transform]]:
        """Each case's transforms onto one, the best first, found side by side; `keep`: looked up, kept."""
        known = {atlas: self.transforms.get(case_id, atlas) if keep else None for atlas in moving}
        missing = [self._pair(case_id, atlas) for atlas in moving if known[atlas] is None]
        with side_by_side(self._register, missing, self._threads) as found:
            for pair, future in found:
                known[pair.atlas] = self._taken(pair, future.result(), keep)
        return [known[atlas] for atlas in moving]

    def _pair(self, case_id: str, atlas: str) -> Pair:
        fixed, moving = self.store.image(case_id), self.store.image(atlas)
        return Pair(case_id, atlas, fixed, moving, self._focus(atlas))

    def _register(self, pair: Pair) -> tuple[Transform, ...]:
        """The transforms of a pair, as they come back from disk. Safe on any thread."""
        spacings = self.spacing, self.spacing
        found = register_each_way(pair.fixed, pair.moving, *spacings, self.options, focus=pair.focus)
        return tuple(half_precision(transform) for transform in found)

    def _focus(self, case_id: str) -> np.ndarray:
        """Where the structures of an atlas or template are and a little around, float32 (z,y,x)."""
        own = case_id in self.labeled
        labels = self.store.label(case_id) if own else self.templates.label(case_id).labels
        return gaussian_filter((labels > 0).astype(np.float32), FOCUS_VOXELS)

    def _taken(self, pair: Pair, ways: Sequence[Transform], keep: bool) -> Sequence[Transform]:
        if not any(way.affine_converged for way in ways):
            text = f"[{pair.target}] linear registration of {pair.atlas} failed; their centers were aligned."
            self.run.events.warning("affine_failed", text)
        if keep:
            self.run.require_free_space(2 * sum(way.displacement.nbytes for way in ways))
            self.transforms.put(pair.target, pair.atlas, ways)
        return ways

    def _thumbnail(self, case_id: str) -> np.ndarray:
        if case_id not in self._thumbnails:
            image = torch.from_numpy(np.array(self.store.image(case_id), np.float32))[None, None]
            small = torch.nn.functional.adaptive_avg_pool3d(image, THUMBNAIL_VOXELS)[0, 0].numpy()
            self._thumbnails[case_id] = (small - small.mean()) / (small.std() + 1e-6)
        return self._thumbnails[case_id]


def most_side_by_side(shape_zyx: Sequence[float]) -> int:
    """How many registrations of volumes this large fit into half of the machine's free memory; 1 at least."""
    voxels = float(np.prod(shape_zyx))
    each = COPY_BYTES * voxels + REGISTRATION_BYTES * min(voxels, MOST_REGISTERED_VOXELS)
    available, _ = memory_bytes()
    return MOST_THREADS if available is None else max(1, int(available / 2 / each))


def smoothed_one_hot(
    labels: np.ndarray, classes: int, sigma: float, spacing_zyx: Sequence[float]
) -> np.ndarray:
    """Class indices (z,y,x) as soft probabilities (classes + 1, z,y,x); sigma: voxels of the finest axis."""
    probabilities = one_hot(labels, classes)
    if sigma > 0:
        sigmas = [sigma * min(spacing_zyx) / spacing for spacing in spacing_zyx]
        for channel in probabilities:
            gaussian_filter(channel, sigmas, output=channel)
        probabilities /= probabilities.sum(0)
    return probabilities
