"""UA-MT: the mask of certain voxels and the consistency on them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Models
from CFRTrain.retraining.perturbations import with_noise
from Testing.engine.method_tools import (
    SETTING,
    FixedNetwork,
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)


class HalfCertain(nn.Module):
    """Says 0.9 of the upper half of every image and 0.5, of which it knows nothing, of the lower."""

    def forward(self, image):
        foreground = torch.zeros_like(image)
        foreground[:, :, :4] = math.log(9)
        return torch.cat([torch.zeros_like(image), foreground], dim=1)


def test_only_the_voxels_of_which_the_teacher_is_certain_count():
    models = Models((FixedNetwork(0.6),), (HalfCertain(),))
    method, given = METHODS["ua_mt"](replace(SETTING, classes=2), models), batch(step=3000)
    logits = models.student(given.images).detach().requires_grad_()
    term = method.loss(models, given, [only_logits(logits)])["consistency"]
    assert term.value.item() == pytest.approx(0.09, rel=1e-5)  # (0.6 - 0.9)^2; no 0.01 of the lower half
    assert term.weight == pytest.approx(0.02865, rel=1e-3)
    term.value.backward()
    assert logits.grad[2:, :, :4].abs().min() > 0
    assert logits.grad[:2].abs().max() == 0 and logits.grad[2:, :, 4:].abs().max() == 0


@pytest.mark.parametrize(("step", "share"), [(0, 0.75 + 0.25 * math.exp(-5)), (6000, 1.0)])
def test_the_value_is_that_of_eight_passes_and_of_one_more_as_the_target(step, share):
    method, models = make("ua_mt")
    given = batch(step=step)
    outputs = method.outputs(models, given)
    torch.manual_seed(5)
    found = method.loss(models, given, outputs)["consistency"].value.item()
    torch.manual_seed(5)
    with torch.no_grad():
        passes = [models.teacher(with_noise(given.image_u)).softmax(dim=1) for _ in range(9)]
    mean = torch.stack(passes[1:]).mean(dim=0)
    certain = -(mean * mean.log()).sum(dim=1) < share * math.log(3)
    squared = (outputs[0].logits[2:].softmax(dim=1) - passes[0]).square().mean(dim=1)
    assert found == pytest.approx(squared[certain].mean().item(), rel=1e-4)
    assert certain.any() and bool(certain.all()) == (step == 6000)


def test_the_student_has_a_gradient_and_the_teacher_none():
    method, models = make("ua_mt")
    given = batch()
    value = method.loss(models, given, method.outputs(models, given))["consistency"].value
    assert gradient_of(value, models.student) > 0
    value.backward()
    assert all(parameter.grad is None for parameter in models.teacher.parameters())


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("ua_mt", tmp_path, pseudo)
