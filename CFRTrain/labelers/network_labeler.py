"""The network labeler: a network trained on the labeled cases and on warped pairs labels the others.

Alone it is the first stage of self-training; beside the atlas it is a labeler whose errors are different.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from CFRTrain.training.loop import train


class NetworkLabeler:
    """Trains job.retrain's network for job.network_labeler.steps, supervised, then labels whole volumes.

    pairs: exact pairs to train on besides the labeled cases; None makes them by registration, as
    job.network_labeler.pairs says (0: none). seed_offset: another initialization, to fuse several networks.
    """

    def __init__(
        self,
        store: CaseStore,
        labeled: Sequence[str],
        plan: Plan,
        job: Job,
        run: RunFolder,
        *,
        pairs: PairSource | None = None,
        seed_offset: int = 0,
    ) -> None:
        self.name = "network" if not seed_offset else f"network_{seed_offset}"
        self.store, self.labeled, self.plan, self.run = store, tuple(labeled), plan, run
        self.job = supervised_job(job, seed_offset)
        self._given_job = job
        self._pairs = pairs
        self._network: nn.Module | None = None

    def prepare(self) -> None:
        """Trains, or goes on where an earlier training was stopped; a second call does nothing."""
        if self._network is not None:
            return
        share = self.job.network_labeler.pairs
        pairs = self._pairs if self._pairs is not None or share == 0 else self._registered_pairs()
        stage = Retrainer(
            self.job,
            self.plan,
            self.store,
            self.labeled,
            (),
            None,
            self.run,
            name=f"label_{self.name}",
            extra_pairs=pairs,
            pair_probability=share if pairs is not None else 0.0,
        )
        options = self.job.retrain
        train(stage, self.run, checkpoint_every=options.checkpoint_every, log_every=options.log_every)
        self._network = stage.result_network()

    def label(self, case_id: str) -> PseudoLabel:
        """The network's pseudo-label of a case; a labeled case gets its own label. `prepare` comes first."""
        if case_id in self.labeled:
            return PseudoLabel.from_labels(self.store.label(case_id), len(self.job.classes))
        self.prepare()
        image = np.array(self.store.image(case_id))  # the store's is read-only, which PyTorch warns about
        overlap = self.job.predict.overlap
        return PseudoLabel(predict_probabilities(self._network, image, self.plan.patch_zyx, overlap))

    def weights(self) -> dict[str, Tensor]:
        """The trained network's weights, for a re-training that starts from them."""
        self.prepare()
        return self._network.state_dict()

    def _registered_pairs(self) -> PairSource | None:
        targets = [case.id for case in self.run.cases() if case.role == "unlabeled"]
        atlas = AtlasLabeler(self.store, self.labeled, self.plan, self._given_job, self.run)
        return pairs_from_atlas(atlas, [case for case in targets if self.store.has(case)], self.run)


def supervised_job(job: Job, seed_offset: int = 0) -> Job:
    """The job of the labeler's own training: supervised, its own number of steps, as many items."""
    items = job.retrain.batch_labeled + job.retrain.batch_unlabeled
    retrain = replace(job.retrain, steps=job.network_labeler.steps, batch_labeled=items, batch_unlabeled=0)
    return replace(job, method="supervised", retrain=retrain, seed=(job.seed + seed_offset) % 2**31)
