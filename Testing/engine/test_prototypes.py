"""Prototypes and uncertainty against values computed by hand or the long way."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from CFRTrain.retraining.prototypes import (
    class_prototypes,
    cosine_logits,
    has_prototype,
    nearest_class,
)
from CFRTrain.retraining.uncertainty import mean_of_passes, normalized_entropy


def test_a_prototype_is_the_weighted_mean_feature_of_its_class():
    features = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 1, 1, 1, 4)
    weights = torch.zeros(1, 3, 1, 1, 8)
    weights[0, 0, ..., :4] = 1.0
    weights[0, 1, ..., 4:6] = 0.25
    weights[0, 1, ..., 6:] = 0.75
    prototypes, present = class_prototypes(features, weights)
    assert prototypes[0, :2, 0].tolist() == pytest.approx([2.0, 0.25 * 5 + 0.75 * 7])
    assert present.tolist() == [[True, True, False]]


def test_the_nearest_class_is_that_of_the_enlarged_features():
    torch.manual_seed(0)
    features, prototypes = torch.randn(2, 5, 3, 4, 3), torch.randn(2, 4, 5)
    present = torch.ones(2, 4, dtype=torch.bool)
    fine = functional.interpolate(features, size=(6, 8, 6), mode="trilinear")
    distances = (fine.unsqueeze(1) - prototypes[..., None, None, None]).square().sum(dim=2)
    assert torch.equal(nearest_class(features, prototypes, present, (6, 8, 6)), distances.argmin(dim=1))


def test_a_class_without_a_prototype_is_never_the_nearest():
    features, prototypes = torch.zeros(1, 2, 2, 2, 2), torch.tensor([[[0.0, 0.0], [5.0, 5.0]]])
    present = torch.tensor([[False, True]])
    assert bool((nearest_class(features, prototypes, present, (4, 4, 4)) == 1).all())


def test_the_entropy_is_one_for_equal_probabilities_of_any_number_of_classes():
    for classes in (2, 3, 14):
        assert normalized_entropy(torch.full((1, classes, 2), 1 / classes))[0, 0].item() == pytest.approx(1.0)
    half = normalized_entropy(torch.tensor([[0.5, 0.5, 0.0]]).view(1, 3, 1)).item()
    assert half == pytest.approx(math.log(2) / math.log(3))


def test_the_mean_of_passes_is_a_distribution_and_has_no_gradient():
    network = nn.Sequential(nn.Conv3d(1, 3, 1), nn.Dropout(0.5))
    image = torch.randn(2, 1, 4, 4, 4)
    mean = mean_of_passes(network, image, passes=3)
    assert torch.allclose(mean.sum(dim=1), torch.ones(2, 4, 4, 4)) and not mean.requires_grad
    assert not torch.equal(mean, mean_of_passes(network, image, passes=3))


def test_logits_are_the_scaled_cosines_and_absent_classes_are_opposite():
    features = torch.tensor([[3.0, 0.0], [0.0, 2.0], [1.0, 1.0]]).T.reshape(1, 2, 1, 1, 3)
    prototypes = torch.tensor([[[2.0, 0.0], [0.0, 0.5], [0.0, 0.0]]])
    present = torch.tensor([[True, True, False]])
    logits = cosine_logits(features, prototypes, present, (1, 1, 3), scale=20.0)
    half = 20 / math.sqrt(2)
    assert logits[0, 0, 0, 0].tolist() == pytest.approx([20, 0, half])
    assert logits[0, 1, 0, 0].tolist() == pytest.approx([0, 20, half])
    assert logits[0, 2, 0, 0].tolist() == pytest.approx([-20] * 3)


def test_voxels_of_absent_classes_and_ignored_ones_have_no_prototype():
    present = torch.tensor([[True, False], [True, True]])
    labels = torch.tensor([[0, 1, 255], [1, 0, 255]])
    assert has_prototype(present, labels).tolist() == [[True, False, False], [True, True, False]]
