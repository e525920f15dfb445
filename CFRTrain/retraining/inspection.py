"""The look at the networks that finds dead classes, and the attempt to bring them back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.retraining.assembly import Trainee
from CFRTrain.retraining.batches import BatchBuilder
from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.retraining.head_guard import class_dice, crops_of_classes, dead_classes, refit_head
from CFRTrain.runs.events import EventLog
from CFRTrain.runs.job import Job

CASES_TO_LOOK_AT = 3
REFIT_STEPS = 40


class Inspector:
    """Asks every network for every class on patches of the labeled cases, around the class's voxels."""

    def __init__(
        self, job: Job, plan: Plan, store: CaseStore, labeled: Sequence[str], device: torch.device
    ) -> None:
        self.names = ["background", *(item.name for item in job.classes)]
        self.patch = tuple(plan.patch_zyx)
        self.store, self.labeled, self.device = store, cases_to_look_at(store, labeled), device

    def revive(self, trainee: Trainee, batches: BatchBuilder, step: int, events: EventLog) -> list[str]:
        """Refit the head of every network with a dead class; return the classes that stayed dead, by name.

        The refit uses labeled batches of a random stream of their own. Teachers take the refitted head over.
        """
        crops = self._crops()
        still_dead: dict[int, None] = {}
        for index, network in enumerate(trainee.models.networks):
            dead = self._dead(network, crops)
            if not dead:
                continue
            names = ", ".join(self.names[index] for index in dead)
            events.warning(
                "class_dead_refit", f"Nothing found of {names} at step {step}: the output head is refitted."
            )
            refit_head(network, (batches.labeled_pair(f"refit/{step}", k) for k in range(REFIT_STEPS)))
            for teacher in trainee.models.teachers[index : index + 1]:
                teacher.head.load_state_dict(network.head.state_dict())
            still_dead |= dict.fromkeys(self._dead(network, crops))
        return [self.names[index] for index in still_dead]

    def missing(self, network: EncoderDecoder) -> list[str]:
        """Return the classes, by name, that the labeled cases show and a network does not find."""
        return [self.names[index] for index in self._dead(network, self._crops())]

    def _dead(self, network: EncoderDecoder, crops: Sequence[tuple[Tensor, Tensor]]) -> list[int]:
        return dead_classes(class_dice(network, crops, len(self.names)))

    def _crops(self) -> list[tuple[Tensor, Tensor]]:
        found = []
        for case in self.labeled:
            image, label = self.store.image(case), self.store.label(case)
            found += crops_of_classes(image, label, self.patch, len(self.names))
        return [(image.to(self.device), label.to(self.device)) for image, label in found]


def cases_to_look_at(store: CaseStore, labeled: Sequence[str]) -> tuple[str, ...]:
    """Return the first few labeled cases and every further one that shows a class which those do not."""
    chosen: list[str] = []
    seen: set[int] = set()
    for case in labeled:
        present = set(np.unique(store.label(case)).tolist())
        if len(chosen) < CASES_TO_LOOK_AT or present - seen:
            chosen.append(case)
            seen |= present
    return tuple(chosen)
