"""A plan derived from the cohort: spacing, patch, slicing axis, grid of slices, intensity scheme.

Rules: median spacing with nnU-Net's exception for thick slices (Isensee et al. 2021); patch and grid from the
CFR paper's condition that all slices of a patch fit one canvas; on a CPU a coarser grid, so that a step stays
short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from CFRTrain.data.checking import CheckReport
from CFRTrain.data.fingerprint import Fingerprint
from CFRTrain.data.plan import Intensity, Plan, plan_from_json, plan_to_json
from CFRTrain.runs.errors import DataError, JobError
from CFRTrain.runs.job import Job

__all__ = ["Intensity", "Plan", "plan_cohort", "plan_from_json", "plan_to_json"]

GPU_PATCH_VOXELS = 112 * 112 * 80
"""The patch of the CFR and UA-MT papers; four of them train the 9.4 M V-Net in 12 GB."""
CPU_PATCH_VOXELS = 40 * 56 * 40
"""Four such patches take a V-Net of width 8 about 0.3 s per step on two CPU cores without bfloat16 (fp32)."""
CPU_ROUNDING = 1.25
"""How far rounding to the network's multiples may exceed the voxels of a CPU patch before it is cut."""
CPU_MAX_COARSENING = 4.0
"""Small structures vanish on coarser grids; beyond this a CPU trains on crops instead of whole volumes."""
ANISOTROPIC = 3.0
PAPER_CANVAS = 1024
TOKEN = 16
"""Side in pixels of one token of SAM's image encoder."""
SOFT_TISSUE_HU = (-125.0, 275.0)

Triple = tuple[float, float, float]


def plan_cohort(report: CheckReport, job: Job, device: str | None = None) -> Plan:
    """The plan for the cases of `report`; values set in `job.plan` win, and `reasons` says so.

    `device` is "cpu" or "cuda"; by default it follows `job.device`. Raises DataError without any usable case,
    JobError if an override does not fit the network.
    """
    found = report.fingerprints
    if not found:
        raise DataError("no_cases", "No case can be used.", "Solve the problems that the check names.")
    on_cpu = _is_cpu(job.device if device is None else device)
    reasons: dict[str, str] = {}
    multiple = 2 ** (job.retrain.levels - 1)
    spacing = _spacing(found, job, on_cpu, reasons)
    shape = median_shape(found, spacing)
    axis = _slicing_axis(spacing, job, reasons)
    patch = _patch(shape, axis, multiple, job, on_cpu, reasons)
    return Plan(
        spacing,
        patch,
        axis,
        _intensity(found, job, reasons),
        _canvas(job, reasons),
        shape,
        reasons,
    )


def median_shape(found: Sequence[Fingerprint], spacing_zyx: Triple) -> tuple[int, int, int]:
    """Median size (z, y, x) in voxels of the volumes after resampling to `spacing_zyx` mm."""
    sizes = [np.array(one.size_zyx) * one.spacing_zyx / spacing_zyx for one in found]
    return tuple(max(1, round(float(size))) for size in np.median(sizes, axis=0))


def _is_cpu(device: str) -> bool:
    return device == "cpu" or device == "auto" and not torch.cuda.is_available()


def _spacing(found: Sequence[Fingerprint], job: Job, on_cpu: bool, reasons: dict[str, str]) -> Triple:
    if job.plan.spacing_mm_zyx is not None:
        reasons["spacing_zyx"] = "Set in the job."
        return tuple(float(value) for value in job.plan.spacing_mm_zyx)
    spacings = np.array([one.spacing_zyx for one in found])
    spacing = np.median(spacings, axis=0)
    reasons["spacing_zyx"] = f"Median of {len(found)} volumes."
    coarse = int(np.argmax(spacing))
    if spacing[coarse] > ANISOTROPIC * spacing.min():
        spacing[coarse] = max(np.quantile(spacings[:, coarse], 0.1), np.delete(spacing, coarse).max())
        reasons["spacing_zyx"] += (
            " Thick slices: the 10th percentile is kept between slices, so that few are blurred."
        )
    spacing = tuple(float(value) for value in spacing)
    return _coarsened(found, spacing, reasons) if on_cpu else spacing


def _coarsened(found: Sequence[Fingerprint], spacing: Triple, reasons: dict[str, str]) -> Triple:
    """The finest spacing at which a median volume has no more voxels than a CPU patch; fine axes go first."""
    target, limit = spacing, CPU_MAX_COARSENING * float(np.prod(spacing)) ** (1 / 3)
    finest = min(spacing)
    while math.prod(median_shape(found, target)) > CPU_PATCH_VOXELS and finest < limit:
        finest = min(finest * 1.01, limit)
        target = tuple(max(value, finest) for value in spacing)
    if target == spacing:
        return spacing
    target = tuple(
        value if value == kept else math.ceil(value * 1000) / 1000
        for value, kept in zip(target, spacing, strict=True)
    )
    shown = " x ".join(f"{value:.3g}" for value in spacing)
    reasons["spacing_zyx"] += (
        f" Coarsened from {shown} mm (z, y, x) because on a CPU a training step is to stay near "
        f"half a second ({CPU_PATCH_VOXELS} voxels per patch)."
    )
    return target


def _slicing_axis(spacing: Triple, job: Job, reasons: dict[str, str]) -> int:
    if job.plan.slicing_axis is not None:
        reasons["slicing_axis"] = "Set in the job."
        return job.plan.slicing_axis
    axis = int(np.argmax(np.array(spacing) > max(spacing) * 0.999))
    coarsest = max(spacing) > 1.01 * min(spacing)
    reasons["slicing_axis"] = (
        f"Axis {'zyx'[axis]}: slices across the coarsest spacing are sharpest."
        if coarsest
        else "Equal spacings: the first axis (z)."
    )
    return axis


def _nearest(shape: Sequence[int], multiple: int) -> tuple[int, int, int]:
    """The nearest multiples, ties downward, at least one: beyond the volume, a patch shows no anatomy."""
    sides = [max(multiple, multiple * math.ceil(size / multiple - 0.5)) for size in shape]
    if max(sides) == multiple:  # the deepest level needs more than one voxel to normalize
        sides[int(np.argmax(shape))] = 2 * multiple
    return tuple(sides)


def _patch(
    shape: tuple[int, int, int], axis: int, multiple: int, job: Job, on_cpu: bool, reasons: dict[str, str]
) -> tuple[int, int, int]:
    if job.plan.patch_zyx is not None:
        if any(side % multiple for side in job.plan.patch_zyx):
            raise JobError(
                "patch",
                f"plan.patch_zyx {tuple(job.plan.patch_zyx)} does not fit the network.",
                f"Give sides that are multiples of {multiple} (2 to the power of levels - 1).",
            )
        reasons["patch_zyx"] = "Set in the job."
        return tuple(job.plan.patch_zyx)
    budget = CPU_PATCH_VOXELS if on_cpu else GPU_PATCH_VOXELS
    whole = _nearest(shape, multiple)
    if math.prod(whole) <= budget * (CPU_ROUNDING if on_cpu else 1.0):
        reasons["patch_zyx"] = (
            f"About a whole median volume: the nearest multiples of {multiple}, not the next larger ones, "
            "because patches that reach far beyond a volume cost accuracy."
        )
        return whole
    reasons["patch_zyx"] = (
        f"The largest patch of at most {budget} voxels with square slices (multiples of {multiple}) "
        f"whose slices fit one canvas of {PAPER_CANVAS} pixels."
    )
    return _largest_patch(shape, axis, multiple, budget)


def _largest_patch(
    shape: tuple[int, int, int], axis: int, multiple: int, budget: int
) -> tuple[int, int, int]:
    """S square slices of side a: ceil(sqrt(S)) * a <= canvas, S <= depth, a * a * S <= budget (A.1.1)."""
    whole = _nearest(shape, multiple)
    best, best_voxels = (multiple,) * 3, 0
    for side in range(multiple, max(whole) + 1, multiple):
        for slices in range(multiple, whole[axis] + 1, multiple):
            patch = [min(side, extent) for extent in whole]
            patch[axis] = slices
            fits = math.ceil(math.sqrt(slices)) * TOKEN * math.ceil(side / TOKEN) <= PAPER_CANVAS
            if fits and best_voxels < math.prod(patch) <= budget:
                best, best_voxels = tuple(patch), math.prod(patch)
    return best


def _intensity(found: Sequence[Fingerprint], job: Job, reasons: dict[str, str]) -> Intensity:
    scheme = job.plan.intensity or ("ct_window" if job.modality == "CT" else "zscore")
    said = "Set in the job." if job.plan.intensity else f"The modality is {job.modality}."
    if scheme == "zscore":
        reasons["intensity"] = (
            f"{said} Values have no fixed meaning between scanners, so each volume is clipped to its "
            "own 0.5 to 99.5 percentiles and scaled to mean 0, standard deviation 1."
        )
        return Intensity("zscore", 0.5, 99.5)
    low, high = SOFT_TISSUE_HU
    inside = [one.inside for one in found if one.inside is not None and one.role == "labeled"]
    if not inside:
        reasons["intensity"] = f"{said} Soft-tissue window; no label shows which values matter."
        return Intensity("ct_window", low, high, (low + high) / 2, (high - low) / 4)
    low = min(low, float(np.median([one.quantiles[0] for one in inside])))
    high = max(high, float(np.median([one.quantiles[-1] for one in inside])))
    mean = float(np.mean([one.mean for one in inside]))
    spread = float(np.sqrt(np.mean([one.std**2 + (one.mean - mean) ** 2 for one in inside])))
    reasons["intensity"] = (
        f"{said} Soft-tissue window, widened to the 0.5 to 99.5 percentiles of the labeled "
        "structures; mean and standard deviation of those structures."
    )
    return Intensity("ct_window", low, high, mean, max(spread, 1.0))


def _canvas(job: Job, reasons: dict[str, str]) -> int:
    """finetune.canvas of the job where it is set, else plan.canvas, else 0: the smallest that will do."""
    if job.finetune.canvas or job.plan.canvas:
        reasons["canvas"] = "Set in the job."
        return job.finetune.canvas or job.plan.canvas
    reasons["canvas"] = "0: SAM sees the smallest square that holds the slices of a patch in its layout."
    return 0
