"""Each method's terms against values computed by hand, and the contract that new methods rely on."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Method, Models, Setting, Term
from CFRTrain.retraining.perturbations import with_noise
from CFRTrain.training.losses import dice_ce
from Testing.engine.method_tools import (
    SETTING,
    FixedNetwork,
    batch,
    gradient_of,
    make,
    models_for,
    only_logits,
)


@pytest.mark.parametrize(("labeled", "unlabeled"), [(2, 2), (1, 1), (1, 3), (3, 1)])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_a_whole_step_with_any_number_of_items(name, labeled, unlabeled):
    method, models = make(name)
    given = batch(labeled=labeled, unlabeled=unlabeled if method.uses_unlabeled else 0)
    outputs = method.outputs(models, given)
    loss = method.supervised(models, given, outputs)
    if method.uses_unlabeled:
        loss = loss + method.pseudo(models, given, outputs)
    for term in method.loss(models, given, outputs).values():
        loss = loss + term.weight * term.value
    assert math.isfinite(loss.item())
    assert gradient_of(loss, models.student) > 0
    method.after_step(models, given, outputs)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_works_without_unlabeled_images(name):
    method, models = make(name)
    given = batch(unlabeled=0)
    outputs = method.outputs(models, given)
    terms = method.loss(models, given, outputs)
    assert all(math.isfinite(term.value.item()) for term in terms.values())


@pytest.mark.parametrize("name", ["supervised", "self_training"])
def test_supervised_and_self_training_have_no_term_of_their_own(name):
    method, models = make(name)
    given = batch()
    assert method.loss(models, given, method.outputs(models, given)) == {}
    assert METHODS[name].uses_unlabeled == (name == "self_training")


def test_the_supervised_term_sees_the_labeled_items_only():
    method, models = make("self_training")
    given = batch()
    outputs = method.outputs(models, given)
    expected = dice_ce(models.student(given.image_l), given.label_l)
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_pseudo_term_sees_the_unlabeled_items_weighted_by_confidence():
    method, models = make("self_training")
    given = batch()
    value = method.pseudo(models, given, method.outputs(models, given))
    target = given.probabilities_u.argmax(dim=1)
    expected = dice_ce(models.student(given.image_u), target, given.confidence_u)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    assert gradient_of(value, models.student) > 0


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_gamma_is_the_power_of_the_confidence_and_zero_is_the_papers_unweighted_loss(gamma):
    setting = Setting(classes=3, total_steps=10, patch_zyx=(8, 8, 8), confidence_gamma=gamma)
    method, given = make("self_training", setting=setting)[0], batch()
    target, weight = method.pseudo_target(given)
    assert torch.equal(target, given.probabilities_u.argmax(dim=1))
    assert weight is None if gamma == 0 else torch.allclose(weight, given.confidence_u**gamma)


def test_mean_teacher_is_the_squared_difference_over_all_crops():
    models = Models((FixedNetwork(0.8),), (FixedNetwork(0.5),))
    method, given = METHODS["mean_teacher"](SETTING, models), batch(step=3000)
    logits = models.student(given.images)
    term = method.loss(models, given, [only_logits(logits)])["consistency"]
    assert term.value.item() == pytest.approx(0.09, rel=1e-5)
    assert term.weight == pytest.approx(0.02865, rel=1e-3)


def test_mean_teacher_counts_labeled_and_unlabeled_items():
    method, models = make("mean_teacher")
    given = batch()
    outputs = method.outputs(models, given)
    torch.manual_seed(7)
    value = method.loss(models, given, outputs)["consistency"].value
    torch.manual_seed(7)
    teacher = models.teacher(with_noise(given.images)).softmax(dim=1)
    difference = (outputs[0].logits.softmax(dim=1) - teacher).square()
    assert difference.shape[0] == 4
    assert value.item() == pytest.approx(difference.mean().item(), rel=1e-5)


def test_the_student_gets_a_gradient_from_consistency_and_the_teacher_none():
    method, models = make("mean_teacher")
    given = batch()
    value = method.loss(models, given, method.outputs(models, given))["consistency"].value
    assert gradient_of(value, models.student) > 0
    value.backward()
    assert all(parameter.grad is None for parameter in models.teacher.parameters())


def test_teacher_noise_has_the_papers_size():
    noise = with_noise(torch.zeros(4, 1, 32, 32, 32))
    assert noise.abs().max().item() == pytest.approx(0.2)
    assert noise.std().item() == pytest.approx(0.0935, rel=0.03)  # of N(0, 0.1) clamped at two deviations


@pytest.mark.parametrize(
    ("name", "noisy"),
    [
        ("mean_teacher", True),
        ("acmt", True),
        ("ua_mt", True),
        ("magicnet", True),
        ("cpcl", True),  # in the term of Mean Teacher; prototypes are those of clean images
        ("ict", False),
        ("bcp", False),
    ],
)
def test_the_teacher_sees_noise_where_the_authors_give_it_some(name, noisy):
    method, models = make(name)
    given, seen = batch(step=3000), []
    models.teacher.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    method.loss(models, given, method.outputs(models, given))
    assert seen
    for image in seen:
        clean = given.images if len(image) == 4 else given.image_u
        largest = (image - clean).abs().max().item()
        assert largest == pytest.approx(0.2 if noisy else 0.0, abs=1e-6)


def test_prototypes_of_cpcl_are_those_of_clean_unlabeled_images():
    method, models = make("cpcl")
    given, seen, features = batch(), [], models.teacher.features
    outputs = method.outputs(models, given)
    models.teacher.features = lambda image: seen.append(image) or features(image)
    method.loss(models, given, outputs)
    assert any(torch.equal(image, given.image_u) for image in seen)


class CrossTeaching(Method):
    """Two networks, an extra head, a memory bank and an inner loop, as later methods need them."""

    networks = 2

    def __init__(self, setting, models):
        super().__init__(setting, models)
        self.projection = nn.Conv3d(4, 2, 1)
        self.register_buffer("bank", torch.zeros(2))
        self.adversary = nn.Parameter(torch.zeros(2))
        self._ascent = torch.optim.Adam([self.adversary], lr=0.1)

    def outputs(self, models, batch):
        mixed = 0.5 * batch.images + 0.5 * batch.images.flip(0)
        return [network.features(mixed) for network in models.networks]

    def loss(self, models, batch, outputs):
        projected = self.projection(outputs[0].last).mean(dim=(0, 2, 3, 4))
        self._ascent.zero_grad()
        (self.adversary * projected.detach()).sum().neg().backward()
        self._ascent.step()
        cross = dice_ce(outputs[0].logits, outputs[1].logits.argmax(dim=1))
        return {"cross": Term(cross, self.ramp(batch.step)), "projection": Term(projected.sum(), 1.0)}

    def after_step(self, models, batch, outputs):
        self.bank.copy_(outputs[0].bottleneck.mean() + self.bank)

    def own_optimizers(self):
        return {"adversary": self._ascent}


def test_the_contract_carries_two_networks_heads_banks_mixing_and_inner_loops():
    models = models_for(CrossTeaching)
    method, given = CrossTeaching(SETTING, models), batch()
    outputs = method.outputs(models, given)
    terms = method.loss(models, given, outputs)
    sum(term.weight * term.value for term in terms.values()).backward()
    assert method.projection.weight.grad.abs().sum() > 0
    assert method.adversary.abs().sum() > 0
    with torch.no_grad():
        method.after_step(models, given, outputs)
    assert method.bank.abs().sum() > 0 and "bank" in method.state_dict()
