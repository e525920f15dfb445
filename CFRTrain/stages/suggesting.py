"""Which case to label next, for a run that is finished and for a cohort in which nothing is computed yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from CFRTrain.data.cases import Case, with_role
from CFRTrain.data.orientation import canonical_axes, to_canonical
from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.preprocessing import normalize, preprocess
from CFRTrain.data.store import CaseStore
from CFRTrain.data.volumes import read_volume
from CFRTrain.labelers.sam_choice import build_chosen, choose_sam
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.selection.bands import SliceRequest
from CFRTrain.selection.embeddings import Embedder, Image, VolumeEmbedder
from CFRTrain.selection.sam_embeddings import SamEmbedder
from CFRTrain.selection.scoring import CaseScore
from CFRTrain.selection.suggestions import FORMAT, Suggestion, suggestions
from CFRTrain.stages.checking import read_plan
from CFRTrain.stages.context import Context
from CFRTrain.stages.scoring_cases import Progress, score_cases
from CFRTrain.training.precision import choose_device

SUGGESTIONS = "suggestions.json"
UNPLANNED = Intensity("zscore", 0.5, 99.5)  # as the planner does for MR; correlations ask for no more


@dataclass(frozen=True)
class Wish:
    """count: cases to suggest. slices: to correct in each. embedding: "volumes" or "sam"."""

    count: int = 5
    slices: int = 3
    embedding: str = "volumes"


def suggest_for_run(context: Context, wish: Wish, progress: Progress) -> dict[str, Any]:
    """The suggestions for a run folder, written to its suggestions.json.

    Of a finished run, labeler and network are asked how sure they are; of any other, the images alone.
    Raises DataError naming a case that cannot be read, JobError, ModelError, StopRequested.
    """
    content = _of_run(context, wish, progress)
    context.run.write_json(SUGGESTIONS, content)
    return content


def suggest_with_run(cases: Sequence[Case], run: RunFolder, wish: Wish, progress: Progress) -> dict[str, Any]:
    """The suggestions for a cohort as it is now, of whose unlabeled cases a finished run knew some, or all.

    What has been labeled since counts as labeled; new cases are judged by their images. In the run only
    suggestions/ grows, what is found out about each case: it is not locked, so another one may train.
    Raises JobError (run_unfinished), and what `suggest_for_run` raises.
    """
    if run.results() is None:
        raise JobError("run_unfinished", "The run has not finished.", "Wait, or leave out --run.")
    return _of_run(Context(run, run.job(), tuple(cases)), wish, progress)


def _of_run(context: Context, wish: Wish, progress: Progress) -> dict[str, Any]:
    """The suggestions for the cases of `context`, with slices where the run has finished."""
    scores: dict[str, CaseScore] = {}
    finished = context.run.results() is not None
    if finished or (context.run.root / "plan.json").is_file():
        context.plan = read_plan(context)
    if finished:
        scores = score_cases(context, wish.slices, progress)
    embedder = chosen_embedder(context, wish.embedding)
    images = CaseImages(context.cases, context.store, context.plan)
    names = [item.name for item in context.job.classes]
    content = _content(context.cases, images, embedder, scores, names, wish, progress)
    for entry in content["suggestions"]:
        score = scores.get(entry["case"])
        entry["slices"] = [_described(context, entry["case"], item) for item in score.slices] if score else []
    return content


def suggest_for_cohort(cases: Sequence[Case], wish: Wish, progress: Progress) -> dict[str, Any]:
    """The suggestions for volumes of which nothing is known but which are labeled. Writes nothing.

    Raises DataError naming a case that cannot be read, JobError, StopRequested.
    """
    if wish.embedding != "volumes":
        raise JobError("no_run", "SAM's embeddings need a run's weights.", "Use --embedding volumes.")
    return _content(cases, CaseImages(cases), VolumeEmbedder(), {}, (), wish, progress)


def chosen_embedder(context: Context, name: str) -> Embedder:
    """The embedder of that name. Raises JobError for SAM's where the run has no plan or weights."""
    if name == "volumes":
        return VolumeEmbedder()
    choice = choose_sam(context.job, context.run.root)
    if choice.weights is None or context.plan is None:
        raise JobError(
            "no_sam",
            "SAM's embeddings need a run that names SAM's weights and has a plan.",
            "Set finetune.model and finetune.weights and run `check`, or use --embedding volumes.",
        )
    sam, sam_input = build_chosen(choice, context.job, context.plan)
    return SamEmbedder(sam, sam_input, choose_device(context.job.device))


class CaseImages:
    """Images of cases: prepared ones where there are, else their files, by the plan where there is one."""

    def __init__(
        self, cases: Sequence[Case], store: CaseStore | None = None, plan: Plan | None = None
    ) -> None:
        self._cases = {case.id: case for case in cases}
        self._store, self._plan = store, plan

    def __call__(self, case_id: str) -> Image:
        """The image and its spacing in mm. Raises DataError naming the case."""
        plan, case = self._plan, self._cases[case_id]
        if plan is not None and self._store is not None and self._store.has(case_id):
            return self._store.image(case_id), plan.spacing_zyx
        volume = read_volume(case.image, case.id, case.sha256)
        if plan is not None:
            return preprocess(volume, plan), plan.spacing_zyx
        canonical = to_canonical(volume)
        return normalize(canonical.array, UNPLANNED), canonical.geometry.spacing_zyx


def _content(
    cases: Sequence[Case],
    images: CaseImages,
    embedder: Embedder,
    scores: dict[str, CaseScore],
    names: Sequence[str],
    wish: Wish,
    progress: Progress,
) -> dict[str, Any]:
    """What suggestions.json holds, without slices."""
    used = [case.id for case in with_role(cases, "labeled", "unlabeled")]
    labeled = [case.id for case in with_role(cases, "labeled")]
    if len(labeled) == len(used):
        raise JobError("nothing_to_label", "No case is unlabeled.", "Add volumes without labels.")
    embeddings = embedder.embed(_told(used, progress), images)
    found = suggestions(used, labeled, embeddings, scores, names, wish.count)
    basis = "predictions" if scores else "images" if labeled else "cold_start"
    return {
        "format": FORMAT,
        "basis": basis,
        "embedding": embedder.name,
        "labeled": len(labeled),
        "unlabeled": len(used) - len(labeled),
        "suggestions": [_ranked(rank, item) for rank, item in enumerate(found, start=1)],
    }


def _told(cases: Sequence[str], progress: Progress) -> Iterator[str]:
    """The cases; how many have been looked at is said on the way."""
    for done, case in enumerate(cases):
        progress("embed", done, len(cases))
        yield case
    progress("embed", len(cases), len(cases))


def _ranked(rank: int, item: Suggestion) -> dict[str, Any]:
    return {"rank": rank, **item.to_dict(), "slices": []}


def _described(context: Context, case: str, request: SliceRequest) -> dict[str, Any]:
    """A slice on the case's own grid: array axis (z, y, x), index, and a point in it, LPS in mm."""
    planned, original = context.store.planned_geometry(case), context.store.geometry(case)
    position = planned.physical(request.center_zyx)
    axis = canonical_axes(original)[0][request.axis]
    index = int(np.clip(round(float(original.index(position)[axis])), 0, original.size_zyx[axis] - 1))
    return {
        "axis": axis,
        "index": index,
        "position_lps_mm": [round(float(value), 3) for value in position],
        "entropy_voxels": round(request.entropy, 2),
    }
