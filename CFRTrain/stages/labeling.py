"""Stage 3: first pseudo-labels for every unlabeled case, by the job's labeler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.base import CachedLabeler, Labeler, PseudoLabelCache, label_all
from CFRTrain.labelers.calibration import CalibratedLabeler
from CFRTrain.labelers.fusion import FusionLabeler
from CFRTrain.labelers.looks_labeler import with_looks
from CFRTrain.labelers.network_labeler import NetworkLabeler
from CFRTrain.labelers.reverse_accuracy import ReverseAccuracy
from CFRTrain.labelers.sam_labeler import SamLabeler
from CFRTrain.retraining.assembly import method_of
from CFRTrain.runs.errors import DataError, JobError
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.stages.context import Context

USABLE = "usable_cases.json"
BUILDERS: dict[str, Callable[..., Labeler]] = {
    "atlas": AtlasLabeler,
    "network": NetworkLabeler,
    "sam": SamLabeler,
}


def chosen_labeler(context: Context) -> str:
    """The labeler's name; "auto" is SAM where weights are named, the atlas otherwise."""
    name = context.job.labeler
    if name == "auto":
        return "sam" if context.job.finetune.weights else "atlas"
    return name


def uses(context: Context, member: str) -> bool:
    """Whether the run's labeler is `member`, or a fusion that has it."""
    name = chosen_labeler(context)
    return name == member or name == "fusion" and member in context.job.fusion_members


def labels_cases(context: Context) -> bool:
    """Whether the run makes pseudo-labels: it has a labeler, unlabeled cases, a method that wants them."""
    wanted = chosen_labeler(context) != "none" and method_of(context.job).uses_unlabeled
    return wanted and bool(context.ids("unlabeled"))


def cache_of(context: Context, name: str) -> PseudoLabelCache:
    """Where the pseudo-labels of one labeler, or of one round of re-training, lie."""
    return PseudoLabelCache(context.run.folder("pseudo_labels", name), name)


def build_labeler(context: Context, name: str) -> Labeler:
    """The labeler of that name; a fusion reuses what its members kept. Raises JobError for an unknown one."""
    if name == "fusion":
        members = [
            CachedLabeler(build_labeler(context, member), cache_of(context, member))
            for member in context.job.fusion_members
        ]
        return FusionLabeler(members, trust=trust_of(context, context.run))
    if name not in BUILDERS:
        raise JobError(
            "no_labeler", f"There is no labeler {name}.", f"Choose one of {', '.join(BUILDERS)}, fusion."
        )
    return decorated(context, _built(context, name, context.ids("labeled"), context.run))


def trust_of(context: Context, run: RunFolder) -> ReverseAccuracy | None:
    """What weighs the members of a fusion, with files in the run or a part of it; None: all weigh alike."""
    job = context.job
    if job.fusion.weights == "equal":
        return None
    data = (context.store, context.ids("labeled"), context.planned(), job, run)
    return ReverseAccuracy(job.fusion_members, *data)


def decorated(context: Context, labeler: Labeler) -> Labeler:
    """The labeler with the looks and the calibration that the job wants; what was calibrated once stays."""
    labeler = _looking(context, labeler)
    if context.job.calibration.temperature == "none":
        return labeler

    def build(labeled: Sequence[str], run: RunFolder) -> Labeler:
        return _looking(context, _built(context, labeler.name, labeled, run))

    data = (context.store, context.ids("labeled"), context.planned(), context.job, context.run)
    return CalibratedLabeler(labeler, build, *data)


def _looking(context: Context, labeler: Labeler) -> Labeler:
    return with_looks(labeler, context.store, context.planned(), context.job)


def _built(context: Context, name: str, labeled: Sequence[str], run: RunFolder) -> Labeler:
    """A single labeler that learns from `labeled`, in the run or in a part of it."""
    return BUILDERS[name](context.store, labeled, context.planned(), part_job(context, run), run)


def part_job(context: Context, run: RunFolder) -> Job:
    """The job as a part of the run must be told it: a relative path to weights begins at the run's folder."""
    job = context.job
    if run is context.run or not job.finetune.weights:
        return job
    weights = str((context.run.root / job.finetune.weights).resolve())
    return replace(job, finetune=replace(job.finetune, weights=weights))


def label_stage(context: Context) -> PseudoLabelCache | None:
    """Labels every unlabeled case that has no pseudo-label yet; None where none are wanted.

    Which cases could be labeled is frozen in the run when the stage first ends. Raises DataError where one of
    them cannot be labeled again after its file was lost.
    """
    if not labels_cases(context):
        return None
    name, wanted = chosen_labeler(context), usable_cases(context) or context.ids("unlabeled")
    cache, labeled = cache_of(context, name), wanted
    if not all(cache.has(case) for case in wanted):
        labeled = label_all(build_labeler(context, name), wanted, cache, context.run)
    for case in context.run.frozen(USABLE, labeled):
        if case not in labeled:
            raise DataError(
                "pseudo_label_lost",
                "Its pseudo-label, from which this run learns, is gone and could not be made again.",
                "The warnings say why. Restore the file, or make a new run without the case.",
                case=case,
            )
    return cache


def usable_cases(context: Context) -> tuple[str, ...] | None:
    """The unlabeled cases that the run learns from, frozen by the label stage; None before its first end."""
    if not (context.run.root / USABLE).is_file():
        return None
    return context.run.frozen(USABLE, ())
