"""What a person chooses before a training, and the job that follows from it. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from CFRTrain.runs.job import ClassSpec, Job, preset

# Each step needs less memory than the one before; what the person set smaller already stays.
SMALLER_STEPS: tuple[dict[str, int], ...] = (
    {"retrain.batch_labeled": 1, "retrain.batch_unlabeled": 1, "finetune.batch": 1},
    {"retrain.width": 8, "retrain.levels": 4},
)


@dataclass(frozen=True)
class TrainSettings:
    """The choices of the train panel; an empty text leaves a choice to the preset.

    preset: preview, standard, paper. device: auto, cpu, mps, cuda or cuda:1. labeler: atlas, network, sam,
    fusion (atlas and network), fusion_sam (atlas and SAM), none. samModel: vit_b, vit_l, vit_h with its
    `weights` file. method: a name of CFRTrain.retraining.methods. modality: MR, CT. threads: 0 = all.
    changes: further values of the job by dotted path.
    """

    preset: str = "standard"
    device: str = "auto"
    labeler: str = ""
    samModel: str = ""
    weights: Path | None = None
    method: str = ""
    modality: str = "MR"
    seed: int = 0
    threads: int = 0
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def usesSam(self) -> bool:
        """Whether SAM labels the cases, alone or fused."""
        return self.labeler in ("sam", "fusion_sam") or (not self.labeler and self.preset == "paper")


def jobOf(settings: TrainSettings, classes: Sequence[ClassSpec], onCpu: bool) -> Job:
    """The engine's job. Raises JobError (CFRTrain.runs.errors) naming an impossible value."""
    changes: dict[str, Any] = {"device": settings.device, "seed": settings.seed, "threads": settings.threads}
    changes["modality"] = settings.modality
    changes |= _labelerChanges(settings)
    if settings.method:
        changes["method"] = settings.method
    return preset(settings.preset, classes, on_cpu=onCpu, **{**changes, **dict(settings.changes)})


def settingsOf(job: Job) -> TrainSettings:
    """The choices that a job was made from; values that the panel has no choice for are left out."""
    labeler = job.labeler
    if labeler == "fusion" and "sam" in job.fusion_members:
        labeler = "fusion_sam"
    weights = job.finetune.weights
    isOfPreset = preset(job.preset, job.classes).method == job.method
    return TrainSettings(
        preset=job.preset,
        device=job.device,
        labeler=labeler,
        samModel=job.finetune.model if weights else "",
        weights=Path(weights) if weights else None,
        method="" if isOfPreset else job.method,
        modality=job.modality,
        seed=job.seed,
        threads=job.threads,
    )


def _labelerChanges(settings: TrainSettings) -> dict[str, Any]:
    """Values of the job that name the labeler and, where SAM labels, its model and weights."""
    changes: dict[str, Any] = {}
    if settings.labeler == "fusion_sam":
        changes |= {"labeler": "fusion", "fusion_members": ("atlas", "sam")}
    elif settings.labeler == "fusion":
        changes |= {"labeler": "fusion", "fusion_members": ("atlas", "network")}
    elif settings.labeler:
        changes["labeler"] = settings.labeler
    if settings.usesSam and settings.weights is not None:
        changes["finetune.weights"] = settings.weights.as_posix()
        changes["finetune.model"] = settings.samModel or "vit_b"
    return changes


def smallerSettings(settings: TrainSettings, onCpu: bool = False) -> TrainSettings | None:
    """Settings that need less memory, to offer where it is short; None where these are the smallest."""
    probe = (ClassSpec(1, "probe"),)
    for step in SMALLER_STEPS:
        job = jobOf(settings, probe, onCpu)
        needed = {path: value for path, value in step.items() if _value(job, path) > value}
        if needed:
            kept = tuple((path, value) for path, value in settings.changes if path not in needed)
            return replace(settings, changes=kept + tuple(needed.items()))
    return None


def smallerThan(job: Job) -> TrainSettings | None:
    """Settings that need less memory than a run with this job did; None where those are the smallest."""
    used = tuple((path, _value(job, path)) for step in SMALLER_STEPS for path in step)
    return smallerSettings(replace(settingsOf(job), changes=used))


def _value(job: Job, path: str) -> Any:
    found: Any = job
    for name in path.split("."):
        found = getattr(found, name)
    return found
