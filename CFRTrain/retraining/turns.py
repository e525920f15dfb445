"""Which of two models learns at a step of a co-training, and how its items are shared out (M&N)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from CFRTrain.retraining.sampling import unlabeled_items
from CFRTrain.runs.job import MN


class Work(NamedTuple):
    """Patches that a model learns from, and patches that it answers as the other one's teacher."""

    learned: int
    answered: int


@dataclass(frozen=True)
class Turns:
    """The turns of a training: both models learn until the transition, then one at a time."""

    options: MN
    total_steps: int

    @property
    def transition(self) -> int:
        """The step from which on the models teach each other."""
        share = self.options.transition
        return max(1, round(share * self.total_steps)) if share else 0

    def learns(self, step: int) -> tuple[bool, bool]:
        """Return whether the 3D network and whether the 2D model learns at this step; the 2D one begins."""
        length = self.options.steps_per_turn
        if step < self.transition or not length:
            return True, True
        turn = (step - self.transition) // length % 2
        return turn == 1, turn == 0

    def items(self, step: int, labeled: int, unlabeled: int) -> tuple[int, int]:
        """Return how many of a batch's items are labeled and unlabeled at this step."""
        total = labeled + unlabeled
        rule, end = self.options.sampling, self.total_steps
        count = unlabeled_items(rule, step, self.transition, end, total) if unlabeled else 0
        return total - count, count

    def work(self, labeled: int, unlabeled: int) -> tuple[Work, Work]:
        """Return the patches of the whole training: the 3D network's, the 2D model's."""
        learned, answered = [0, 0], [0, 0]
        for step in range(self.total_steps):
            items = self.items(step, labeled, unlabeled)
            for model, learns in enumerate(self.learns(step)):
                if learns:
                    learned[model] += sum(items)
                    answered[1 - model] += items[1]
        return Work(learned[0], answered[0]), Work(learned[1], answered[1])
