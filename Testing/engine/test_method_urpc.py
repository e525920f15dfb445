"""URPC: the scales of one network against their mean."""

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


def constant(foreground: float) -> torch.Tensor:
    """Logits of four items of two classes."""
    return torch.tensor([1 - foreground, foreground]).log().view(1, 2, 1, 1, 1).repeat(4, 1, 8, 8, 8)


def test_two_scales_that_say_the_same_everywhere():
    """0.9 and 0.5 have the mean 0.7; each is 0.2 away from it. exp(-v) cancels where v is the same."""
    method, models = make("urpc")
    outputs = [only_logits(constant(0.9)), only_logits(constant(0.5))]
    term = method.loss(models, batch(step=3000), outputs)["consistency"]
    away = [0.7 * math.log(0.7 / p) + 0.3 * math.log(0.3 / (1 - p)) for p in (0.9, 0.5)]
    assert term.value.item() == pytest.approx(0.04 + sum(away) / 2, rel=1e-4)
    assert term.weight == pytest.approx(0.02865, rel=1e-3)


def test_voxels_far_from_the_mean_count_less():
    """The second scale says 0.5 in a quarter of the voxels, and agrees with the first's 0.9 in the others."""
    method, models = make("urpc")
    second = constant(0.9)
    second[..., :2] = constant(0.5)[..., :2]
    value = method.loss(models, batch(), [only_logits(constant(0.9)), only_logits(second)])[
        "consistency"
    ].value
    expected = 0.0
    for p in (0.9, 0.5):
        v = 0.7 * math.log(0.7 / p) + 0.3 * math.log(0.3 / (1 - p))
        expected += 0.5 * (0.04 * math.exp(-v) / (math.exp(-v) + 3) + v / 4)
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_the_scales_are_those_of_the_decoder_from_fine_to_coarse():
    method, models = make("urpc", levels=4)
    given = batch(patch=(16, 16, 16))
    outputs = method.outputs(models, given)
    assert [head.in_channels for head in method.heads] == [8, 16]
    assert [tuple(output.logits.shape) for output in outputs] == [(4, 3, 16, 16, 16)] * 3
    assert torch.equal(outputs[0].logits, models.student(given.images))
    coarse = outputs[2].logits - outputs[2].logits[..., :1]
    assert coarse.abs().max() > 0.01


def test_a_network_of_five_levels_has_the_papers_four_scales_and_no_network_more():
    assert len(make("urpc", levels=5)[0].heads) == 3


def test_all_scales_learn_from_labels_and_pseudo_labels():
    method, models = make("urpc", levels=3)
    given = batch()
    outputs = method.outputs(models, given)
    logits = [output.logits for output in outputs]
    expected = sum(dice_ce(one[:2], given.label_l).item() for one in logits) / 2
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected, rel=1e-5)
    target = given.probabilities_u.argmax(dim=1)
    expected = sum(dice_ce(one[2:], target, given.confidence_u).item() for one in logits) / 2
    assert method.pseudo(models, given, outputs).item() == pytest.approx(expected, rel=1e-5)


def test_network_and_heads_have_a_gradient_and_labeled_items_none():
    method, models = make("urpc", levels=3)
    given = batch()
    outputs = method.outputs(models, given)
    value = method.loss(models, given, outputs)["consistency"].value
    assert gradient_of(value, models.student) > 0 and gradient_of(value, method.heads) > 0
    for gradient in torch.autograd.grad(value, [output.logits for output in outputs]):
        assert gradient[:2].abs().max() == 0 and gradient[2:].abs().max() > 0


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("urpc", tmp_path, pseudo)
