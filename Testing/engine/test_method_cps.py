"""CPS: each network against the other's arg-max."""

from __future__ import annotations

import math

import pytest
import torch

from CFRTrain.training.losses import dice_ce
from Testing.engine.method_tools import (
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)


def constant(*probabilities: float) -> torch.Tensor:
    """Logits of four items that say the same everywhere."""
    return torch.tensor(probabilities).log().view(1, -1, 1, 1, 1).repeat(4, 1, 8, 8, 8)


def test_the_loss_is_minus_the_log_of_what_each_gives_to_the_others_class():
    method, models = make("cps")
    outputs = [only_logits(constant(0.7, 0.2, 0.1)), only_logits(constant(0.3, 0.1, 0.6))]
    term = method.loss(models, batch(step=3000), outputs)["cross"]
    assert term.value.item() == pytest.approx(-math.log(0.1) - math.log(0.3), rel=1e-5)
    assert term.weight == pytest.approx(0.02865, rel=1e-3)


def test_each_network_learns_from_the_others_label_and_labeled_items_do_not_count():
    method, models = make("cps")
    first, second = constant(0.7, 0.2, 0.1).requires_grad_(), constant(0.3, 0.1, 0.6).requires_grad_()
    method.loss(models, batch(), [only_logits(first), only_logits(second)])["cross"].value.backward()
    assert first.grad[:2].abs().max() == 0 and second.grad[:2].abs().max() == 0
    assert bool((first.grad[2:, 2] < 0).all()) and bool((first.grad[2:, :2] > 0).all())
    assert bool((second.grad[2:, 0] < 0).all()) and bool((second.grad[2:, 1:] > 0).all())


def test_both_networks_have_the_gradient_that_each_would_have_alone():
    method, models = make("cps")
    given = batch()
    outputs = method.outputs(models, given)
    target, weight = method.pseudo_target(given)
    for network, output in zip(models.networks, outputs, strict=True):
        alone = dice_ce(output.logits[:2], given.label_l)
        found = gradient_of(method.supervised(models, given, outputs), network)
        assert found == pytest.approx(gradient_of(alone, network), rel=1e-4)
        alone = dice_ce(output.logits[2:], target, weight)
        found = gradient_of(method.pseudo(models, given, outputs), network)
        assert found == pytest.approx(gradient_of(alone, network), rel=1e-4)


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    whole = assert_it_trains_and_resumes("cps", tmp_path, pseudo)
    first, second = whole.trainee.models.networks
    assert not torch.equal(first.head.weight, second.head.weight)
