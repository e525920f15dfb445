"""Iterated rounds: between two re-trainings, confident cases join the training of the labelers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.base import Labeler, PseudoLabelCache, label_all
from CFRTrain.labelers.fusion import FusionLabeler
from CFRTrain.labelers.network_labeler import NetworkLabeler
from CFRTrain.labelers.promotion import PromotedStore, Unbiased, mean_confidence, with_repeats
from CFRTrain.labelers.sam_labeler import SamLabeler
from CFRTrain.labelers.warped_pairs import pairs_from_atlas
from CFRTrain.retraining.sources import PairSource
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_part import RunPart
from CFRTrain.stages.context import Context
from CFRTrain.stages.labeling import cache_of, chosen_labeler, decorated, part_job, trust_of

TAUGHT = ("sam", "network")


def promote(
    context: Context, number: int, opinion: Labeler, current: PseudoLabelCache, cases: Sequence[str]
) -> PseudoLabelCache:
    """The pseudo-labels for round `number`: by labelers that learned confident cases, and by `opinion`.

    current: what labeler and last network say together; it decides who is promoted, and with which label.
    Returned as it is where the job wants no promotion, no labeler learns, or no case is confident enough.
    """
    options, share = context.job.promotion, context.job.retrain.labeler_share
    if not options.confidence or not share or not any(name in TAUGHT for name in _members(context)):
        return current
    promoted = _promoted(context, number, current, cases)
    if not promoted:
        text = f"No case is confident enough ({options.confidence:g}) to be learned before round {number}."
        context.run.events.warning("nothing_promoted", text)
        return current
    labeler = _labeler(context, number, promoted, current)
    cache = cache_of(context, f"round_{number}_promoted")
    label_all(FusionLabeler([labeler, opinion], weights=[share, 1 - share]), cases, cache, context.run)
    return cache


def _members(context: Context) -> tuple[str, ...]:
    name = chosen_labeler(context)
    return context.job.fusion_members if name == "fusion" else (name,)


def _promoted(
    context: Context, number: int, current: PseudoLabelCache, cases: Sequence[str]
) -> tuple[str, ...]:
    """The confident cases, decided once and kept in promotion/round_<number>.json of the run."""
    name = f"promotion/round_{number}.json"
    if not (context.run.root / name).is_file():
        context.run.folder("promotion")
        found = {case: mean_confidence(current.load(case)) for case in cases}
        least = context.job.promotion.confidence
        context.run.frozen(name, [case for case in cases if found[case] >= least])
        for case in cases:
            context.run.events.case_done(case, f"promotion_{number}", confidence=round(found[case], 4))
    return context.run.frozen(name, ())


def _labeler(context: Context, number: int, promoted: Sequence[str], current: PseudoLabelCache) -> Labeler:
    """The run's labeler, whose members that can learn have learned the promoted cases as well."""
    part = RunPart(context.run, f"promotion/round_{number}")
    members = [
        _taught(context, name, part, promoted, current) if name in TAUGHT else cache_of(context, name)
        for name in _members(context)
    ]
    return members[0] if len(members) == 1 else FusionLabeler(members, trust=trust_of(context, part))


def _taught(
    context: Context, name: str, part: RunPart, promoted: Sequence[str], current: PseudoLabelCache
) -> Labeler:
    """One labeler, trained anew on labeled and promoted cases with files of its own."""
    labeled, options = context.ids("labeled"), context.job.promotion
    store = PromotedStore(context.store, current, promoted)
    cases = with_repeats(labeled, promoted, options.labeled_share)
    plan, job = context.planned(), _later(part_job(context, part))
    if name == "sam":
        return Unbiased(decorated(context, SamLabeler(store, cases, plan, job, part)), context.store)
    pairs = _exact_pairs(context)
    if pairs is None:  # without this the labeler would make its own, of promoted cases, too
        job = replace(job, network_labeler=replace(job.network_labeler, pairs=0.0))
    network = NetworkLabeler(store, cases, plan, job, part, pairs=pairs)
    return Unbiased(decorated(context, network), context.store)


def _later(job: Job) -> Job:
    """The job with the steps of a later training."""
    steps = job.promotion.steps
    if not steps:
        return job
    return replace(
        job,
        finetune=replace(job.finetune, steps=steps),
        network_labeler=replace(job.network_labeler, steps=steps),
    )


def _exact_pairs(context: Context) -> PairSource | None:
    """Warped pairs of the labeled cases alone: a promoted label is not exact."""
    if context.job.network_labeler.pairs == 0:
        return None
    atlas = AtlasLabeler(context.store, context.ids("labeled"), context.planned(), context.job, context.run)
    return pairs_from_atlas(atlas, context.ids("unlabeled"), context.run)
