"""The network labeler: a network trained on the labeled cases and on warped pairs labels the others.

Alone it is the first stage of self-training; beside the atlas it is a labeler whose errors are different.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from CFRTrain.data.planning import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.base import PseudoLabel
from CFRTrain.labelers.warped_pairs import pairs_from_atlas
from CFRTrain.models.inference import predict_probabilities
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.retraining.sources import PairSource
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import derive_seed, train


class NetworkLabeler:
    """Trains networks like job.retrain's, supervised, and labels whole volumes with them.

    job.network_labeler.networks of them, with different initializations and batches: the mean of their
    probabilities errs less than one network's. pairs: exact pairs to train on besides the labeled cases; None
    makes them by registration, as job.network_labeler.pairs says (0: none).
    """

    name = "network"

    def __init__(
        self,
        store: CaseStore,
        labeled: Sequence[str],
        plan: Plan,
        job: Job,
        run: RunFolder,
        *,
        pairs: PairSource | None = None,
    ) -> None:
        self.store, self.labeled, self.plan, self.run = store, tuple(labeled), plan, run
        self.job = job
        self._pairs = pairs
        self._networks: list[nn.Module] = []

    def prepare(self) -> None:
        """Trains, or goes on where an earlier training was stopped; a second call does nothing."""
        if self._networks:
            return
        share = self.job.network_labeler.pairs
        pairs = self._pairs if self._pairs is not None or share == 0 else self._registered_pairs()
        count = self.job.network_labeler.networks
        self._networks = [self._trained(index, pairs, share) for index in range(count)]

    def label(self, case_id: str) -> PseudoLabel:
        """The networks' pseudo-label of a case; a labeled case gets its own label. `prepare` comes first."""
        if case_id in self.labeled:
            return PseudoLabel.from_labels(self.store.label(case_id), len(self.job.classes))
        return PseudoLabel(np.mean(list(self.opinions(self.store.image(case_id))), axis=0))

    def opinions(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """Probabilities (C,z,y,x) of an image (z,y,x) at plan grid, one for each network."""
        image = np.array(image)  # the store's is read-only, which PyTorch warns about
        patch, overlap = self.plan.patch_zyx, self.job.predict.overlap
        for network in self.networks():
            yield predict_probabilities(network, image, patch, overlap)

    def networks(self) -> tuple[nn.Module, ...]:
        """The trained networks, in evaluation mode."""
        self.prepare()
        return tuple(self._networks)

    def weights(self) -> dict[str, Tensor]:
        """The first network's weights, for a re-training that starts from them."""
        return self.networks()[0].state_dict()

    def _trained(self, index: int, pairs: PairSource | None, share: float) -> nn.Module:
        stage = Retrainer(
            supervised_job(self.job, index),
            self.plan,
            self.store,
            self.labeled,
            (),
            None,
            self.run,
            name="label_network" if index == 0 else f"label_network_{index + 1}",
            extra_pairs=pairs,
            pair_probability=share if pairs is not None else 0.0,
        )
        options = self.job.retrain
        train(stage, self.run, checkpoint_every=options.checkpoint_every, log_every=options.log_every)
        return stage.result_network()

    def _registered_pairs(self) -> PairSource | None:
        targets = [case.id for case in self.run.cases() if case.role == "unlabeled"]
        atlas = AtlasLabeler(self.store, self.labeled, self.plan, self.job, self.run)
        return pairs_from_atlas(atlas, [case for case in targets if self.store.has(case)], self.run)


def supervised_job(job: Job, index: int = 0) -> Job:
    """The job of the index-th labeler's training: supervised, its own steps and seed, as many items."""
    items = job.retrain.batch_labeled + job.retrain.batch_unlabeled
    retrain = replace(job.retrain, steps=job.network_labeler.steps, batch_labeled=items, batch_unlabeled=0)
    seed = derive_seed(job.seed, "network_labeler", index)  # never the batches that the student will see
    return replace(job, method="supervised", retrain=retrain, seed=seed % 2**62)
