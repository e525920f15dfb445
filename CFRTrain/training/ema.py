"""The exponential moving average of a network: the teacher of Mean Teacher and its relatives."""

from __future__ import annotations

import copy

import torch
from torch import nn


class EmaTeacher:
    """A copy of a network whose parameters follow the student's, and which never receives a gradient.

    Parameters are averaged. Buffers (BatchNorm statistics) are copied: averaging them is meaningless for
    counters, and a teacher that only runs in training mode does not read them, while its evaluation needs
    fresh ones. The decay min(1 - 1/(step + 1), decay) makes the teacher equal to the student after step 0
    (CFR, UA-MT).
    """

    def __init__(self, student: nn.Module, decay: float = 0.99) -> None:
        self.decay = decay
        self.module = copy.deepcopy(student).requires_grad_(False)
        self._student = student

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the teacher towards the student; call it after the optimizer's update of this step."""
        weight = 1.0 - min(1.0 - 1.0 / (step + 1), self.decay)
        averaged = list(self.module.parameters())
        current = [parameter.detach() for parameter in self._student.parameters()]
        torch._foreach_lerp_(averaged, current, weight)
        for own, source in zip(self.module.buffers(), self._student.buffers(), strict=True):
            own.copy_(source)
