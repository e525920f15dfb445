"""Stage 4: the 3D network is re-trained on labels and pseudo-labels, in one or more rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor, nn

from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.base import Labeler, PseudoLabel, PseudoLabelCache, label_all
from CFRTrain.labelers.fusion import FusionLabeler
from CFRTrain.labelers.looks_labeler import with_looks
from CFRTrain.labelers.network_labeler import NetworkLabeler
from CFRTrain.labelers.planar_models import PLANAR_MODELS
from CFRTrain.labelers.warped_pairs import pairs_from_atlas
from CFRTrain.models.inference import predict_probabilities
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.retraining.sources import ForegroundSource, PairSource
from CFRTrain.stages.context import PLANAR_RECORD, Context
from CFRTrain.stages.found_foreground import FoundForeground
from CFRTrain.stages.labeling import cache_of, usable_cases, uses
from CFRTrain.stages.promoting import promote
from CFRTrain.training.loop import train


def retrain_stage(context: Context, pseudo: PseudoLabelCache | None) -> nn.Module:
    """Trains all rounds and returns the network to keep, in evaluation mode.

    From the second round on, the pseudo-labels are a mean of the first ones and of the last round's network
    (paper, equation 8, with the labeler as a lasting second opinion), weighted by job.retrain.labeler_share.
    With job.promotion the labeler learns confident cases in between.
    """
    usable = (usable_cases(context) if pseudo is not None else None) or context.ids("unlabeled")
    pairs = _pairs(context)
    weights = _first_weights(context)
    rounds = context.job.retrain.rounds if pseudo is not None else 1
    current = pseudo
    for index in range(1, rounds + 1):
        network = _train_round(context, index, usable, current, pairs, weights)
        if index < rounds and pseudo is not None:
            opinion = _network_opinion(context, network)
            current = _relabel(context, index, opinion, usable, pseudo)
            current = promote(context, index + 1, opinion, current, usable)
            weights = network.state_dict() if context.job.retrain.warm_start else None
    return network


def _first_weights(context: Context) -> dict[str, Tensor] | None:
    """The network labeler's weights, where the job uses it and wants to go on from them."""
    job = context.job
    if not job.retrain.warm_start or not uses(context, "network"):
        return None
    return NetworkLabeler(
        context.store, context.ids("labeled"), context.planned(), job, context.run
    ).weights()


def _pairs(context: Context) -> PairSource | None:
    if context.job.retrain.pairs == 0 or not context.ids("unlabeled"):
        return None
    atlas = AtlasLabeler(context.store, context.ids("labeled"), context.planned(), context.job, context.run)
    return pairs_from_atlas(atlas, context.ids("unlabeled"), context.run)


def _train_round(
    context: Context,
    index: int,
    unlabeled: Sequence[str],
    pseudo: PseudoLabelCache | None,
    pairs: PairSource | None,
    weights: dict[str, Tensor] | None,
) -> nn.Module:
    job, options = context.job, context.job.retrain
    stage = Retrainer(
        job,
        context.planned(),
        context.store,
        context.ids("labeled"),
        unlabeled,
        pseudo,
        context.run,
        name="retrain" if index == 1 else f"retrain_{index}",
        warm_start=weights,
        extra_pairs=pairs,
        planar_models=PLANAR_MODELS,
        foreground=_foreground(context, unlabeled) if pseudo is None else None,
    )
    _tell_planar(context, stage)
    train(stage, context.run, checkpoint_every=options.checkpoint_every, log_every=options.log_every)
    return stage.result_network()


def _foreground(context: Context, unlabeled: Sequence[str]) -> ForegroundSource:
    """What looks for structures in unlabeled volumes where the method asks for it."""
    patch, overlap = context.planned().patch_zyx, context.job.predict.overlap
    return FoundForeground(context.store, unlabeled, patch, overlap, context.run)


def _tell_planar(context: Context, stage: Retrainer) -> None:
    """What the 2D model is, where there is one, for the log, the report and the model file."""
    planar = stage.trainee.planar
    if planar is not None:
        context.run.write_json(PLANAR_RECORD, planar.record())
        if planar.weights_sha256 is None and planar.name != "small":
            context.run.events.warning("planar_from_scratch", planar.explanation)


def _relabel(
    context: Context, index: int, opinion: Labeler, cases: Sequence[str], first: PseudoLabelCache
) -> PseudoLabelCache:
    """Pseudo-labels for the next round, kept like a labeler's."""
    name = f"round_{index + 1}"
    cache = cache_of(context, name)
    share = context.job.retrain.labeler_share
    both = FusionLabeler([first, opinion], weights=[share, 1 - share]) if share else opinion
    label_all(both, cases, cache, context.run)
    return cache


def _network_opinion(context: Context, network: nn.Module) -> Labeler:
    opinion = _NetworkOpinion(context, network)
    if not context.job.looks.rounds:
        return opinion
    return with_looks(opinion, context.store, context.planned(), context.job)


class _NetworkOpinion:
    """A trained network as a member of a fusion."""

    name = "network"

    def __init__(self, context: Context, network: nn.Module) -> None:
        self._context, self._network = context, network

    def prepare(self) -> None:
        """The network is trained already."""

    def label(self, case_id: str) -> PseudoLabel:
        return PseudoLabel(next(self.opinions(self._context.store.image(case_id))))

    def opinions(self, image: np.ndarray) -> Iterator[np.ndarray]:
        patch, overlap = self._context.planned().patch_zyx, self._context.job.predict.overlap
        yield predict_probabilities(self._network, image, patch, overlap)
