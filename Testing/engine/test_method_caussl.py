"""CauSSL: the dependence of two networks' filters, and the search for the coefficients that show it most."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from CFRTrain.retraining.independence import Products, filters_of, products, squared_cosine
from CFRTrain.retraining.methods.base import Models
from Testing.engine.method_tools import (
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)


def one_layer(*rows: list[float]) -> nn.Module:
    """A 1^3 convolution with these filters."""
    layer = nn.Conv3d(len(rows[0]), len(rows), 1)
    layer.weight.data.copy_(torch.tensor(rows)[..., None, None, None])
    return layer


def test_the_dependence_is_the_squared_cosine_with_the_combined_filters():
    first, second = one_layer([1.0, 0.0], [3.0, 4.0]), one_layer([2.0, 0.0], [0.0, 5.0])
    found = products(first, second)
    straight = torch.tensor([[1.0, 0.0], [0.5, 0.2]])  # (2, 0) and (1, 1)
    expected = (1.0 + (7 / (5 * math.sqrt(2))) ** 2) / 2
    assert squared_cosine(found, [straight]).item() == pytest.approx(expected, rel=1e-5)
    crossed = torch.tensor([[0.0, 1.0], [2.0, -0.6]])  # (0, 5) and (4, -3): at right angles
    assert squared_cosine(found, [crossed]).item() == pytest.approx(0.0, abs=1e-9)


def test_the_products_stand_for_the_filters_of_every_layer():
    _, models = make("caussl")
    first, second = models.networks
    coefficients = [torch.randn(len(filters), len(filters)) for filters in filters_of(first)]
    expected = []
    for own, others, weights in zip(filters_of(first), filters_of(second), coefficients, strict=True):
        expected.append(functional.cosine_similarity(own, weights @ others, dim=1).square().mean().item())
    found = squared_cosine(products(first, second), coefficients).item()
    assert found == pytest.approx(sum(expected) / len(expected), rel=1e-4)


def test_a_filter_belongs_to_an_output_channel_also_where_it_is_transposed():
    network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.ConvTranspose3d(4, 2, 2), nn.BatchNorm3d(2))
    assert [tuple(filters.shape) for filters in filters_of(network)] == [(4, 27), (2, 32)]
    assert torch.equal(filters_of(network)[1][1], network[1].weight[:, 1].flatten())


def constant(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities).log().view(1, -1, 1, 1, 1).repeat(4, 1, 8, 8, 8)


def test_the_loss_begins_with_labels_then_cross_supervision_then_independence():
    method, models = make("caussl")
    outputs = [only_logits(constant(0.7, 0.2, 0.1)), only_logits(constant(0.3, 0.1, 0.6))]
    assert method.loss(models, batch(step=479), outputs) == {}
    terms = method.loss(models, batch(step=480), outputs)
    assert list(terms) == ["cross"]
    assert terms["cross"].value.item() == pytest.approx(-math.log(0.1) - math.log(0.3), rel=1e-5)
    assert terms["cross"].weight == pytest.approx(0.3 * method.ramp(480))
    terms = method.loss(models, batch(step=600), outputs)
    assert list(terms) == ["cross", "independence"] and terms["independence"].weight == 3.0


def test_the_search_makes_two_equal_networks_look_wholly_dependent():
    method, models = make("caussl")
    same = Models((models.student, models.student))
    for step in (600, 660):
        value = method.loss(same, batch(step=step, unlabeled=0), [])["independence"].value.item()
    assert 1.95 < value <= 2.0  # 1 for each direction


def test_the_coefficients_are_searched_in_every_sixtieth_step_only():
    method, models = make("caussl")
    for step, moves in ((600, True), (601, False), (659, False), (660, True)):
        before = [item.clone() for item in method.coefficients.parameters()]
        method.loss(models, batch(step=step, unlabeled=0), [])
        after = list(method.coefficients.parameters())
        assert moves != all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_each_network_is_moved_by_its_own_dependence_and_the_coefficients_by_the_search_alone():
    method, models = make("caussl")
    value = method.loss(models, batch(step=601, unlabeled=0), [])["independence"].value
    assert all(gradient_of(value, network) > 0 for network in models.networks)
    assert gradient_of(value, method) == 0
    first, second = models.networks
    one = [Products(*layer) for layer in products(first, second)]
    alone = squared_cosine(one, list(method.coefficients[0]))
    assert gradient_of(alone, first) > 0 and gradient_of(alone, second) == 0


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    whole = assert_it_trains_and_resumes("caussl", tmp_path, pseudo)
    assert set(whole.optimizers()) == {"main", "method_search"}
    owned = {id(item) for group in whole.optimizer.param_groups for item in group["params"]}
    assert not owned & {id(item) for item in whole.trainee.method.parameters()}
