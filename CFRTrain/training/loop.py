"""The one training loop: resumes from the newest checkpoint, stops cleanly, and repeats itself bit by bit.

Nothing a step computes may depend on how often the process was killed before it. So every step starts from
a random state derived from (seed, stage name, step), stages derive their batches from (seed, step), and
everything else that a step reads (weights, optimizer state, the stage's own state, the running means of the
log) is in the checkpoint.
"""

from __future__ import annotations

import hashlib
import math
import time
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from CFRTrain.runs.checkpoints import (
    Checkpoint,
    CheckpointStore,
    flatten_optimizer,
    module_tensors,
    restore_optimizer,
)
from CFRTrain.runs.errors import CFRError, MemoryLimitError, ModelError, StopRequested
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.memory import ran_out_of_memory
from CFRTrain.training.meters import RunningMeans, StepClock
from CFRTrain.training.precision import isolated_randomness


class Stage(Protocol):
    """What the loop trains. Optional: `on_resume(step)`, `extra_state() -> dict`, `load_extra_state(dict)`,
    and `before_step(step)`, which may be stopped in between and changes nothing that a checkpoint holds.

    `total_steps` is read before every step and may grow (a restart after a failed initialization needs more
    steps). The extra state is a JSON object; tensors that must survive a kill belong in a module's buffers.
    """

    name: str
    total_steps: int
    seed: int

    def modules(self) -> dict[str, nn.Module]:
        """Return every module whose state is checkpointed, by name."""

    def optimizers(self) -> dict[str, Optimizer]:
        """Return every optimizer whose state is checkpointed, by name."""

    def step(self, step: int) -> dict[str, float]:
        """Do one whole optimization step, derived from (seed, step) alone, and return its losses."""


def derive_seed(seed: int, name: str, step: int) -> int:
    """Return the 63-bit random seed of one step of one stage."""
    digest = hashlib.blake2b(f"{seed}/{name}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def train(stage: Stage, run: RunFolder, *, checkpoint_every: int, log_every: int) -> None:
    """Train the stage to its last step, from its newest checkpoint on; returns at once when that is the last.

    Writes checkpoints to `checkpoints/<stage.name>` every `checkpoint_every` steps and at the end, mean
    losses to the metrics every `log_every` steps, and progress events. Raises StopRequested after saving
    when the run is asked to stop, CFRError when a loss or a weight is not finite, MemoryLimitError when
    memory runs out, ModelError when the checkpoint belongs to other settings.
    """
    _Training(stage, run, checkpoint_every, log_every).run_all()


class _Training:
    def __init__(self, stage: Stage, run: RunFolder, checkpoint_every: int, log_every: int) -> None:
        self.stage, self.run = stage, run
        self.checkpoint_every, self.log_every = max(1, checkpoint_every), max(1, log_every)
        self.store = CheckpointStore(run.folder("checkpoints", stage.name))
        self.means = RunningMeans()
        self.clock = StepClock()
        self.saved_step = -1

    def run_all(self) -> None:
        with isolated_randomness():
            step = self._resume()
            while step < self.stage.total_steps:
                self._stop_if_asked(step)
                self._get_ready(step)
                losses = self._one_step(step)
                step += 1
                self.means.add(losses)
                self._report(step)
                if step % self.checkpoint_every == 0:
                    self._save(step)
            self._save(step)

    def _get_ready(self, step: int) -> None:
        if not hasattr(self.stage, "before_step"):
            return
        try:
            self.stage.before_step(step)
        except StopRequested:
            self._save(step)
            raise

    def _one_step(self, step: int) -> dict[str, float]:
        torch.manual_seed(derive_seed(self.stage.seed, self.stage.name, step))
        started = time.monotonic()
        try:
            losses = self.stage.step(step)
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            raise MemoryLimitError(
                code="memory_training",
                text=f"Memory ran out in step {step} of {self.stage.name}.",
                remedy="Choose a smaller patch, batch or width, or close other programs, then resume.",
            ) from error
        self.clock.add(time.monotonic() - started)
        for name, value in losses.items():
            if not math.isfinite(value):
                raise _diverged(self.stage.name, f"The value of {name} is {value} in step {step}.")
        return losses

    def _report(self, step: int) -> None:
        total = self.stage.total_steps
        if step % self.log_every == 0 or step == total:
            for name, value in self.means.take().items():
                self.run.events.metric(f"{self.stage.name}/{name}", value, step)
        seconds_left = self.clock.mean() * (total - step)
        self.run.events.progress(self.stage.name, step, total, round(seconds_left, 1))

    def _stop_if_asked(self, step: int) -> None:
        if self.run.stop_requested():
            self._save(step)
            self.run.raise_if_stopped()

    def _save(self, step: int) -> None:
        if step == self.saved_step:
            return
        tensors: dict[str, Tensor] = {}
        for name, module in self.stage.modules().items():
            tensors |= module_tensors(f"module.{name}", module)
        optimizers = {}
        for name, optimizer in self.stage.optimizers().items():
            moments, optimizers[name] = flatten_optimizer(optimizer)
            tensors |= {f"optimizer.{name}.{key}": tensor for key, tensor in moments.items()}
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise _diverged(self.stage.name, f"The tensor {name} is not finite after step {step}.")
        self.run.require_free_space(sum(tensor.nbytes for tensor in tensors.values()))
        extra = self.stage.extra_state() if hasattr(self.stage, "extra_state") else {}
        state = {
            "seed": self.stage.seed,
            "optimizers": optimizers,
            "means": self.means.state(),
            "extra": extra,
        }
        self.store.save(step, tensors, state)
        self.saved_step = step
        self.run.events.checkpoint(self.stage.name, step)

    def _resume(self) -> int:
        checkpoint = self.store.load_latest()
        for skipped in self.store.skipped:
            self.run.events.warning("checkpoint_skipped", f"A damaged checkpoint was left out: {skipped}.")
        if checkpoint is None:
            return 0
        try:
            self._restore(checkpoint)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelError(
                code="checkpoint_mismatch",
                text=f"The checkpoint of {self.stage.name} was written with other settings ({error}).",
                remedy="Start a new run, or restore the job this run was started with.",
            ) from error
        return checkpoint.step

    def _restore(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.state
        if state["seed"] != self.stage.seed:
            raise ValueError(f"seed {state['seed']} there, {self.stage.seed} here")
        for name, module in self.stage.modules().items():
            prefix = f"module.{name}."
            own = {key[len(prefix) :]: t for key, t in checkpoint.tensors.items() if key.startswith(prefix)}
            module.load_state_dict(own, strict=True)
        for name, optimizer in self.stage.optimizers().items():
            restore_optimizer(optimizer, checkpoint.tensors, state["optimizers"][name], f"optimizer.{name}.")
        if hasattr(self.stage, "load_extra_state"):
            self.stage.load_extra_state(state["extra"])
        self.means = RunningMeans(state["means"])
        self.saved_step = checkpoint.step
        if hasattr(self.stage, "on_resume"):
            self.stage.on_resume(checkpoint.step)


def _diverged(stage_name: str, text: str) -> CFRError:
    return CFRError(
        code="training_diverged",
        text=f"Training {stage_name} diverged. {text}",
        remedy="Lower the learning rate in the job and start a new run; earlier checkpoints are intact.",
    )
