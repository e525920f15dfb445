"""What the tests of the methods share: networks, batches, gradients, and a training that is killed."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting
from CFRTrain.retraining.networks import build_network
from CFRTrain.retraining.planar.base import SliceWise
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.ema import EmaTeacher
from CFRTrain.training.loop import train
from Testing.engine.cohort import Cohort

CLASSES = 3
PATCH = (8, 8, 8)
SETTING = Setting(classes=CLASSES, total_steps=6000, patch_zyx=PATCH, consistency=0.1, ramp_length=40)


def models_for(method: type[Method], levels: int = 2, **options: object) -> Models:
    """Small networks, as many as the method wants, and teachers that are not their copies.

    Unlike in a training the teachers could learn: a method has to ask them without a gradient.
    """
    networks = tuple(
        build_network("vnet", 1, CLASSES, width=4, levels=levels, seed=seed, **options)
        for seed in range(method.networks)
    )
    teachers = tuple(EmaTeacher(network).module for network in networks)
    torch.manual_seed(99)
    for teacher in teachers:
        for parameter in teacher.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        teacher.requires_grad_(True)
    return Models(networks, teachers, planar_model() if method.needs_planar else None)


def planar_model(seed: int = 7) -> nn.Module:
    """A 2D model of two convolutions and dropout, so that its two modes differ."""
    torch.manual_seed(seed)
    layers = (nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Dropout(0.2), nn.Conv2d(8, CLASSES, 1))
    return SliceWise(nn.Sequential(*layers), axis=0)


def make(name: str, levels: int = 2, setting: Setting = SETTING) -> tuple[Method, Models]:
    """A method by its name, always initialized alike, with its networks."""
    models = models_for(METHODS[name], levels)
    torch.manual_seed(0)
    return METHODS[name](setting, models), models


def batch(
    step: int = 0, labeled: int = 2, unlabeled: int = 2, pseudo: bool = True, patch: tuple[int, ...] = PATCH
) -> Batch:
    """Random images and labels, the same every time for the same step."""
    torch.manual_seed(step)
    probabilities = torch.softmax(3 * torch.randn(unlabeled, CLASSES, *patch), dim=1)
    confidence = torch.rand(unlabeled, *patch)
    pseudo = pseudo and unlabeled > 0
    return Batch(
        image_l=torch.randn(labeled, 1, *patch),
        label_l=torch.randint(CLASSES, (labeled, *patch)),
        image_u=torch.randn(unlabeled, 1, *patch),
        probabilities_u=probabilities if pseudo else None,
        confidence_u=confidence if pseudo else None,
        step=step,
    )


def gradient_of(loss: Tensor, module: nn.Module) -> float:
    """The sum of the absolute gradient over a module's parameters; 0 where the loss does not reach them."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters or not loss.requires_grad:
        return 0.0
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return sum(float(gradient.abs().sum()) for gradient in found if gradient is not None)


def only_logits(logits: Tensor) -> Features:
    """Features of which nothing but the logits counts."""
    return Features(logits, logits, logits, (logits,))


class FixedNetwork(nn.Module):
    """Answers every image with the same foreground probability (two classes)."""

    def __init__(self, foreground: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(math.log(foreground / (1 - foreground))))

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(image), torch.ones_like(image) * self.logit], dim=1)


class _PseudoLabels:
    """The truth, a little uncertain."""

    def __init__(self, labels: dict[str, np.ndarray]) -> None:
        self.labels = labels

    def load(self, case_id: str) -> SimpleNamespace:
        label = self.labels[case_id]
        right = np.stack([label == index for index in range(CLASSES)])
        probabilities = np.where(right, 0.8, 0.1).astype(np.float32)
        return SimpleNamespace(probabilities=probabilities, confidence=np.full(label.shape, 0.7, np.float32))


def tiny_stage(
    cohort: Cohort, name: str, run: Path, pseudo: bool, steps: int, options: dict[str, object] | None = None
) -> Retrainer:
    """A re-training of a few steps on the cohort; options: fields of the job's `retrain`."""
    retrain = replace(cohort.job.retrain, steps=steps, levels=3, dropout=0.2, warmup=0, pairs=0.0)
    retrain = replace(retrain, **(options or {}))
    job = replace(cohort.job, method=name, retrain=retrain)
    plan = replace(cohort.plan, patch_zyx=PATCH)
    unlabeled = [case for case in cohort.ids if case not in cohort.labeled]
    labels = _PseudoLabels(cohort.labels) if pseudo else None
    return Retrainer(job, plan, cohort.store, cohort.labeled, unlabeled, labels, RunFolder(run))


def assert_it_trains_and_resumes(
    name: str, root: Path, pseudo: bool = True, steps: int = 3, options: dict[str, object] | None = None
) -> Retrainer:
    """One labeled case: a training that lost its last step ends with the bits it had. Returns it."""
    cohort = Cohort(root, count=3)
    whole = tiny_stage(cohort, name, root / "run", pseudo, steps, options)
    before = weights_hash(whole.trainee.models.student)
    train(whole, whole.run, checkpoint_every=steps - 1, log_every=1)
    assert weights_hash(whole.trainee.models.student) != before
    shutil.rmtree(root / "run" / "checkpoints" / "retrain" / f"step-{steps:08d}")
    torch.rand(3)
    resumed = tiny_stage(cohort, name, root / "run", pseudo, steps, options)
    train(resumed, resumed.run, checkpoint_every=steps - 1, log_every=1)
    for key, module in whole.modules().items():
        assert weights_hash(module) == weights_hash(resumed.modules()[key]), key
    return whole
