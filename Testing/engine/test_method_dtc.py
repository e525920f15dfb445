"""DTC: signed distances, their regression, and the agreement of both heads."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from CFRTrain.retraining.signed_distance import signed_distances
from Testing.engine.method_tools import (
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)


def line(*values: int) -> torch.Tensor:
    """One label (1, 1, 1, n) along x."""
    return torch.tensor(values).view(1, 1, 1, -1)


def test_the_distance_is_negative_inside_zero_on_the_border_and_relative_to_the_farthest_voxel():
    found = signed_distances(line(0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0), 2)[0, 0, 0, 0]
    expected = [2 / 4, 1 / 4, 0, -2 / 3, -1, -2 / 3, 0, 1 / 4, 2 / 4, 3 / 4, 1]
    assert found.tolist() == pytest.approx(expected)


def test_every_class_has_its_own_map_and_an_absent_one_is_far_away():
    found = signed_distances(line(0, 1, 1, 2), 4)[0, :, 0, 0]
    assert found[0].tolist() == pytest.approx([1, 0, 0, 1])
    assert found[1].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert found[2].tolist() == [1.0] * 4
    assert signed_distances(line(1, 1), 2)[0, 0, 0, 0].tolist() == [-1.0] * 2


def test_a_ball_has_its_center_at_minus_one():
    z, y, x = torch.meshgrid(*[torch.arange(9) - 4] * 3, indexing="ij")
    label = (z**2 + y**2 + x**2 <= 9).long()[None]
    found = signed_distances(label, 2)[0, 0]
    assert found[4, 4, 4].item() == -1.0 and found.min().item() == -1.0 and found.max().item() == 1.0
    assert bool(((found < 0) <= (label[0] == 1)).all()) and bool(((found > 0) == (label[0] == 0)).all())


class Distances(nn.Module):
    """A head whose tanh is one value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(math.atanh(value)))

    def forward(self, last):
        return self.value.expand(len(last), 2, *last.shape[2:])


def values_of(distance: float, given, logits=None):
    method, models = make("dtc")
    method.distance = Distances(distance)
    if logits is None:
        logits = torch.zeros(4, 3, 8, 8, 8)
    return method, method.loss(models, given, [only_logits(logits)])


def test_the_heads_agree_where_the_distance_is_negative_and_the_class_probable():
    """1/(1 + exp(1500 * 0.001)) = 0.1824 against the softmax's 1/3."""
    _, terms = values_of(0.001, batch(step=3000))
    expected = (1 / (1 + math.exp(1.5)) - 1 / 3) ** 2
    assert terms["consistency"].value.item() == pytest.approx(expected, rel=1e-3)
    assert terms["consistency"].weight == pytest.approx(0.2865, rel=1e-3)
    assert terms["distance"].weight == 0.3


def test_the_distance_is_regressed_on_the_labeled_voxels():
    given = batch()
    given.label_l[:] = 0
    given.label_l[:, :, :4] = 255
    method, terms = values_of(0.25, given)
    assert terms["distance"].value.item() == pytest.approx(0.75**2, rel=1e-5)  # both classes absent: 1
    distance = torch.zeros(2, 2, 8, 8, 8, requires_grad=True)
    method._distance_loss(distance, given.label_l).backward()
    assert distance.grad[:, :, :, :4].abs().max() == 0 and distance.grad[:, :, :, 4:].abs().min() > 0


def test_both_heads_learn_from_their_agreement_on_all_items():
    logits = torch.randn(4, 3, 8, 8, 8).requires_grad_()
    method, terms = values_of(0.0005, batch(), logits)
    value = terms["consistency"].value
    assert gradient_of(value, method.distance) > 0
    value.backward()
    assert logits.grad.abs().amax(dim=(1, 2, 3, 4)).min() > 0


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    whole = assert_it_trains_and_resumes("dtc", tmp_path, pseudo)
    head = whole.trainee.method.distance.weight
    assert any(head is item for group in whole.optimizer.param_groups for item in group["params"])
