"""Which pseudo-labels count: by threshold, by the teacher's agreement; what training makes of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Batch, Models
from CFRTrain.retraining.trust import Trust, agrees
from CFRTrain.runs.errors import JobError
from CFRTrain.training.losses import dice_ce
from CFRTrain.training.robust_losses import dice_generalized
from Testing.engine.cohort import Cohort
from Testing.engine.method_tools import (
    SETTING,
    FixedNetwork,
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    models_for,
    only_logits,
    tiny_stage,
)


def two_classes(*foreground: float, step: int = 0) -> Batch:
    """A batch with one unlabeled item (1, 1, n) whose pseudo-label is the foreground with these chances."""
    p = torch.tensor(foreground).view(1, 1, 1, 1, -1)
    image = torch.zeros_like(p)
    return Batch(
        image, image[:, 0].long(), image, torch.cat([1 - p, p], dim=1), torch.ones_like(image[:, 0]), step
    )


def test_a_fixed_teacher_agrees_where_the_pseudo_label_says_the_same():
    found = two_classes(0.9, 0.2, 0.6)
    mask = agrees(FixedNetwork(0.7), found.image_u, found.probabilities_u)
    assert mask.flatten().tolist() == [True, False, True]


def test_threshold_and_agreement_must_both_be_met():
    teacher = FixedNetwork(0.7)
    trust = Trust((0.5, 0.7), agreement=True, steps=10)
    marked = trust.mark(two_classes(0.9, 0.2, 0.6, step=5), Models((teacher,), (teacher,)))
    assert marked.trusted_u.flatten().tolist() == [True, False, False]


def test_a_young_teacher_is_not_asked():
    teacher = FixedNetwork(0.3)
    trust = Trust((), agreement=True, steps=10)
    models = Models((teacher,), (teacher,))
    assert trust.mark(two_classes(0.9, step=1), models).trusted_u is None
    assert trust.mark(two_classes(0.9, step=2), models).trusted_u.item() is False


def test_without_options_or_pseudo_labels_a_batch_stays_as_it_is():
    found = two_classes(0.9)
    assert Trust((), False, 10).mark(found, Models(())) is found
    without = replace(found, probabilities_u=None, confidence_u=None)
    assert Trust((0.5, 0.5), True, 10).mark(without, Models(())) is without


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_untrusted_voxels_have_no_pseudo_label_loss_and_no_gradient(gamma):
    models = models_for(METHODS["self_training"])
    method = METHODS["self_training"](replace(SETTING, confidence_gamma=gamma), models)
    found = batch(pseudo=True)
    trusted = torch.zeros(found.confidence_u.shape, dtype=torch.bool)
    trusted[:, :4] = True
    logits = torch.randn(4, 3, 8, 8, 8, requires_grad=True)
    value = method.pseudo(models, replace(found, trusted_u=trusted), [only_logits(logits)])
    weight = trusted * found.confidence_u**gamma
    expected = dice_ce(logits[2:], found.probabilities_u.argmax(1), weight.float())
    assert value.item() == pytest.approx(expected.item())
    value.backward()
    assert logits.grad[2:, :, 4:].abs().sum() == 0 and logits.grad[2:, :, :4].abs().sum() > 0


def test_consistency_is_asked_of_untrusted_voxels_too():
    method, models = make("mean_teacher")
    found = replace(batch(), trusted_u=torch.zeros(2, 8, 8, 8, dtype=torch.bool))
    outputs = method.outputs(models, found)
    assert gradient_of(method.pseudo(models, found, outputs), models.student) == 0
    assert gradient_of(method.loss(models, found, outputs)["consistency"].value, models.student) > 0
    assert gradient_of(method.loss(models, found, outputs)["consistency"].value, models.teacher) == 0


def test_the_job_chooses_the_pseudo_label_loss():
    models = models_for(METHODS["self_training"])
    setting = replace(SETTING, pseudo_loss="generalized", confidence_gamma=0.0)
    method, found = METHODS["self_training"](setting, models), batch()
    logits = torch.randn(4, 3, 8, 8, 8)
    value = method.pseudo(models, found, [only_logits(logits)])
    expected = dice_generalized(logits[2:], found.probabilities_u.argmax(1), None)
    assert math.isclose(value.item(), expected.item(), rel_tol=1e-6)


OPTIONS = {"ignored_share": 0.2, "teacher_agreement": True, "pseudo_loss": "symmetric"}


@pytest.mark.parametrize("name", ["self_training", "mean_teacher", "bcp"])
def test_a_training_with_every_option_resumes_bit_by_bit(name, tmp_path):
    stage = assert_it_trains_and_resumes(name, tmp_path, options=OPTIONS)
    # the pseudo-labels are 0.8 sure everywhere: the background's threshold lies there as well
    assert stage.trust.thresholds == (203.5 / 255,) * 3
    assert json.loads((tmp_path / "run/thresholds/retrain.json").read_text()) == [203.5 / 255] * 3


def test_a_damaged_file_of_thresholds_is_named(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    folder = tmp_path / "run/thresholds"
    folder.mkdir(parents=True)
    (folder / "retrain.json").write_text('["high"]')
    with pytest.raises(JobError, match="thresholds/retrain.json"):
        tiny_stage(cohort, "self_training", tmp_path / "run", True, 3, options=OPTIONS)
