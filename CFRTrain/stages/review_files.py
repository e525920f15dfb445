"""Pseudo-labels as files for a viewer: label values and uncertainty on each case's own grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from CFRTrain.data.geometry import Volume
from CFRTrain.data.preprocessing import indices_to_values, restore_probabilities
from CFRTrain.data.resampling import interpolate
from CFRTrain.data.volumes import write_volume
from CFRTrain.labelers.base import PseudoLabel, PseudoLabelCache, case_uncertainty, entropy_confidence
from CFRTrain.stages.context import Context
from CFRTrain.stages.labeling import usable_cases


def write_review_files(context: Context, pseudo: PseudoLabelCache) -> None:
    """Writes, on each case's own grid, what a viewer shows; files that are there are left.

    review/<case>.nii.gz: class values. review/<case>_uncertainty.nii.gz: entropy of the probabilities, 0 is
    sure, 100 a guess. review.json: uncertainty per case, most uncertain first. Raises StopRequested.
    """
    run, scores = context.run, {}
    cases = usable_cases(context) or tuple(case for case in context.ids("unlabeled") if pseudo.has(case))
    if _are_there(context, cases):
        return
    for done, case in enumerate(cases, start=1):
        run.raise_if_stopped()
        opinion = pseudo.load(case)
        scores[case] = round(case_uncertainty(opinion), 4)
        if not _is_there(context, case):
            _write_case(context, case, opinion)
        run.events.progress("review", done, len(cases))
    ranked = sorted(scores, key=lambda case: (-scores[case], case))
    run.write_json("review.json", [{"case": case, "uncertainty": scores[case]} for case in ranked])


def _are_there(context: Context, cases: Sequence[str]) -> bool:
    """Whether an earlier start has written everything: review.json comes last."""
    run = context.run
    if not (run.root / "review.json").is_file():
        return False
    listed = [entry.get("case") for entry in run.read_json("review.json") if isinstance(entry, dict)]
    return sorted(listed) == sorted(cases) and all(_is_there(context, case) for case in cases)


def _is_there(context: Context, case: str) -> bool:
    files = (f"{case}.nii.gz", f"{case}_uncertainty.nii.gz")
    return all((context.run.root / "review" / name).is_file() for name in files)


def _write_case(context: Context, case: str, opinion: PseudoLabel) -> None:
    store, folder = context.store, context.run.folder("review")
    planned, original = store.planned_geometry(case), store.geometry(case)
    labels = restore_probabilities(opinion.probabilities, planned, original)
    values = indices_to_values(labels.array, [item.value for item in context.job.classes])
    write_volume(folder / f"{case}.nii.gz", Volume(values, original))
    # entropy alone: images that differ far from the structure make no one doubt that it ends here
    doubt = interpolate(1 - entropy_confidence(opinion.probabilities), planned, original, outside=0.0)
    percent = np.round(np.clip(doubt, 0, 1) * 100).astype(np.uint8)
    write_volume(folder / f"{case}_uncertainty.nii.gz", Volume(percent, original))
