"""The re-training stage: the student learns from labels, pseudo-labels and its method's own term.

L = supervised + pseudo_weight(t) * pseudo + w(t) * method          (paper, equations 4 to 11)
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.retraining.assembly import (
    Sources,
    Trainee,
    build_batches,
    build_optimizer,
    build_planar,
    build_trainee,
)
from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.retraining.head_guard import check_steps
from CFRTrain.retraining.inspection import Inspector
from CFRTrain.retraining.methods.base import Batch, Term
from CFRTrain.retraining.planar import OWN_MODELS
from CFRTrain.retraining.planar.base import PlanarBuilder
from CFRTrain.retraining.sources import ForegroundSource, PairSource, PseudoLabelSource
from CFRTrain.retraining.trust import build_trust
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.measures import mean_dice
from CFRTrain.training.precision import autocast, autocast_dtype, choose_device
from CFRTrain.training.schedules import decay, learning_rate_factor

MAX_RESTARTS = 2


class Retrainer:
    """A stage for `CFRTrain.training.loop.train`; its product is `result_network()` after training.

    labeled and unlabeled are case ids of the store; one labeled case is enough, no unlabeled ones are needed.
    pseudo has the pseudo-label of every unlabeled case; without it methods see the unlabeled images only.
    warm_start are weights of an earlier network. extra_pairs replace labeled items with `pair_probability`,
    by default the job's. name keeps several re-trainings of one run apart. planar_models: the 2D models that
    methods may ask for, by name. foreground: finds where unlabeled patches are cut, for methods that want it.
    Raises JobError and DataError.
    """

    def __init__(
        self,
        job: Job,
        plan: Plan,
        store: CaseStore,
        labeled: Sequence[str],
        unlabeled: Sequence[str],
        pseudo: PseudoLabelSource | None,
        run: RunFolder,
        *,
        name: str = "retrain",
        warm_start: Mapping[str, Tensor] | None = None,
        extra_pairs: PairSource | None = None,
        pair_probability: float | None = None,
        planar_models: Mapping[str, PlanarBuilder] = OWN_MODELS,
        foreground: ForegroundSource | None = None,
    ) -> None:
        self.name, self.seed, self.job, self.plan, self.run = name, job.seed, job, plan, run
        self.device = choose_device(job.device)
        self.dtype = autocast_dtype(self.device)
        share = job.retrain.pairs if pair_probability is None else pair_probability
        sources = Sources(store, labeled, unlabeled, pseudo, extra_pairs, share, foreground)
        self.batches = build_batches(job, plan, sources, self.device)
        self.trust = build_trust(job.retrain, self.batches.pseudo, self.batches.unlabeled, run, name)
        self.warm_start, self.planar_models = warm_start, planar_models
        self.trainee = self._fresh_trainee(warm_start, attempt=0)
        self.optimizer = build_optimizer(job.retrain, self.trainee)
        self.checks = check_steps(job.retrain.steps, job.retrain.optimizer) if job.retrain.guard else ()
        self.inspector = Inspector(job, plan, store, labeled, self.device)
        self.started_at, self.restarts = 0, 0

    @property
    def total_steps(self) -> int:
        """The job's steps, counted from the last restart."""
        return self.started_at + self.job.retrain.steps

    def modules(self) -> dict[str, nn.Module]:
        """Return the networks, teachers and the method."""
        return self.trainee.modules()

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the networks' optimizer and the method's own ones."""
        own = self.trainee.method.own_optimizers()
        return {"main": self.optimizer} | {f"method_{name}": optimizer for name, optimizer in own.items()}

    def extra_state(self) -> dict[str, Any]:
        """Return what the checkpoint needs besides tensors."""
        return {"started_at": self.started_at, "restarts": self.restarts}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `extra_state` returned."""
        self.started_at, self.restarts = int(state["started_at"]), int(state["restarts"])

    def result_network(self) -> EncoderDecoder:
        """Return a copy, in evaluation mode, of the network to keep: the student or its moving average."""
        return copy.deepcopy(self._kept).eval().to(memory_format=torch.contiguous_format)

    @property
    def _kept(self) -> EncoderDecoder:
        models = self.trainee.models
        return models.teacher if self.job.retrain.result == "ema" else models.student

    def before_step(self, step: int) -> None:
        """See to it that this step's patches are cut around what the method's last look has found."""
        if self.batches.foreground is None:
            return
        looks = [look for look in self.trainee.method.foreground_steps() if look <= step - self.started_at]
        last = self.started_at + looks[-1] if looks else None
        self.batches.foreground.as_of(last, self.trainee.models.student, step)

    def step(self, step: int) -> dict[str, float]:
        """Do one optimization step and return the losses by name."""
        local, models, method = step - self.started_at, self.trainee.models, self.trainee.method
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(local)
        batch = self.trust.mark(self.batches.batch(step, local, self._items(local)), models)
        with autocast(self.device, self.dtype):
            outputs = method.outputs(models, batch)
            terms = self._terms(batch, outputs)
            loss = torch.stack([term.weight * term.value for term in terms.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._clip_gradient()
        self.optimizer.step()
        for ema in self.trainee.emas:
            ema.update(local)
        with torch.no_grad():
            method.after_step(models, batch, outputs)
        if local + 1 in self.checks:
            self._inspect(step)
        values = {name: float(term.value.detach()) for name, term in terms.items()}
        return {"loss": float(loss.detach())} | values | self._dice(batch, outputs)

    def _learning_rate(self, local: int) -> float:
        retrain, factor = self.job.retrain, self.trainee.method.learning_rate_factor(local)
        if factor is None:
            factor = learning_rate_factor(retrain.schedule, local, retrain.steps)
            factor *= min(1.0, (local + 1) / retrain.warmup) if retrain.warmup else 1.0
        return retrain.learning_rate * factor

    def _items(self, local: int) -> tuple[int, int] | None:
        """How many items of both kinds this step's batch has; None: as the job says."""
        if not self.batches.unlabeled:
            return None
        options = self.batches.options
        return self.trainee.method.items(local, options.labeled, options.unlabeled)

    def _dice(self, batch: Batch, outputs: Sequence[Any]) -> dict[str, float]:
        """Dice of this step's prediction on its labeled patches, where they show a class."""
        logits = self.trainee.method.labeled_logits(batch, outputs)
        dice = None if logits is None else mean_dice(logits, batch.label_l)
        return {} if dice is None else {"dice": dice}

    def _clip_gradient(self) -> None:
        if limit := self.job.retrain.gradient_clip:
            parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
            nn.utils.clip_grad_norm_(parameters, limit)

    def _terms(self, batch: Batch, outputs: Sequence[Any]) -> dict[str, Term]:
        retrain, models, method = self.job.retrain, self.trainee.models, self.trainee.method
        terms = {"supervised": Term(method.supervised(models, batch, outputs), 1.0)}
        weight = retrain.pseudo_weight * decay(retrain.pseudo_decay, batch.step, retrain.steps)
        if batch.probabilities_u is not None and weight > 0:
            terms["pseudo"] = Term(method.pseudo(models, batch, outputs), weight)
        return terms | method.loss(models, batch, outputs)

    def _inspect(self, step: int) -> None:
        """Look for classes that died; refit the head and, at the first look, start anew where that fails."""
        still_dead = self.inspector.revive(self.trainee, self.batches, step, self.run.events)
        if not still_dead and step + 1 == self.total_steps:
            still_dead = self.inspector.missing(self._kept)  # the moving average may lag behind the student
        if not still_dead:
            return
        names = ", ".join(still_dead)
        early = step + 1 - self.started_at == self.checks[0] < self.job.retrain.steps
        if early and self.restarts < MAX_RESTARTS:
            self.run.events.warning(
                "class_dead_restart", f"Training starts anew: still nothing found of {names}."
            )
            self._restart(step + 1)
        else:
            self.run.events.warning(
                "class_dead", f"The network finds nothing of {names} on the labeled cases."
            )

    def _restart(self, first_step: int) -> None:
        """Go on with another initialization and fresh optimizers; steps of the schedules count from here.

        A warm start in which every class was alive was not the cause and is taken again, on other batches.
        """
        self.restarts += 1
        self.started_at = first_step
        fresh = self._fresh_trainee(self.warm_start, self.restarts)
        if self.warm_start is not None and self.inspector.missing(fresh.models.student):
            fresh = self._fresh_trainee(None, self.restarts)
        for name, module in self.modules().items():
            module.load_state_dict(fresh.modules()[name].state_dict())
        for optimizer in self.optimizers().values():
            optimizer.state.clear()

    def _fresh_trainee(self, warm_start: Mapping[str, Tensor] | None, attempt: int) -> Trainee:
        planar = partial(build_planar, self.job, self.plan, self.run.root, self.planar_models)
        return build_trainee(self.job, self.plan, self.device, attempt, warm_start, planar)
