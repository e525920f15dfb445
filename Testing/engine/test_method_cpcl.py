"""CPCL: the cycle between labeled and unlabeled prototypes, on features one can follow by eye."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Models
from Testing.engine.method_tools import (
    SETTING,
    FixedNetwork,
    assert_it_trains_and_resumes,
    batch,
    make,
    only_logits,
)

SURE = 0.9


def sides(swapped: bool = False) -> torch.Tensor:
    """Two features (2, 2, 4, 4, 4): the first is 1 on the left half, the second on the right one."""
    features = torch.zeros(2, 2, 4, 4, 4)
    features[:, 1 if swapped else 0, ..., :2] = 1.0
    features[:, 0 if swapped else 1, ..., 2:] = 1.0
    return features


def left_and_right() -> torch.Tensor:
    """Labels (2, 8, 8, 8): 0 on the left, 1 on the right."""
    label = torch.zeros(2, 8, 8, 8, dtype=torch.long)
    label[..., 4:] = 1
    return label


class Teacher:
    """Says with 0.9 what the label says, and has the features given."""

    def __init__(self, features: torch.Tensor) -> None:
        self.bottleneck = features

    def __call__(self, image):
        return FixedNetwork(SURE)(image)

    def features(self, image):
        sign = 2.0 * left_and_right() - 1
        logits = torch.stack([torch.zeros_like(sign), sign * math.log(SURE / (1 - SURE))], dim=1)
        return only_logits(logits)._replace(bottleneck=self.bottleneck)


def terms_of(teacher_features, label=None, student_features=None, step=3000):
    """The terms for a student that says 0.5 everywhere."""
    models = Models((FixedNetwork(0.5),), (Teacher(teacher_features),))
    method = METHODS["cpcl"](replace(SETTING, classes=2), models)
    given = replace(batch(step=step), label_l=left_and_right() if label is None else label)
    bottleneck = torch.cat([sides(), sides()]) if student_features is None else student_features
    output = only_logits(models.student(given.images))._replace(bottleneck=bottleneck)
    return method.loss(models, given, [output])


def middle_of(size: int) -> float:
    """Share of the voxels next to the border, where enlarging mixes both sides' cosines 3 to 1."""
    return 2 / size


def test_features_that_agree_are_classified_as_the_teacher_and_the_label_say():
    """A cosine of 1 against 0: softmax(20, 0) is all but (1, 0), a tenth away from the teacher's 0.9."""
    terms = terms_of(sides())
    near = 1 / (1 + math.exp(-10))  # (0.75 - 0.25) * 20
    squared = (1 - middle_of(8)) * 0.01 + middle_of(8) * (near - SURE) ** 2
    assert terms["labeled_to_unlabeled"].value.item() == pytest.approx(squared, rel=1e-4)
    crossed = middle_of(8) * math.log1p(math.exp(-10))
    assert terms["unlabeled_to_labeled"].value.item() == pytest.approx(crossed, abs=1e-6)
    assert terms["stability"].value.item() == pytest.approx(0.16, rel=1e-4)


def test_features_that_contradict_the_label_cost_twenty():
    terms = terms_of(sides(swapped=True))
    inner, border = 1 - middle_of(8), middle_of(8)
    expected = inner * 20 + border * (10 + math.log1p(math.exp(-10)))
    assert terms["unlabeled_to_labeled"].value.item() == pytest.approx(expected, rel=1e-4)


def test_the_weights_are_the_ramp_and_ten_times_the_ramp_for_the_way_back():
    terms = terms_of(sides())
    found = [terms[name].weight for name in ("labeled_to_unlabeled", "unlabeled_to_labeled", "stability")]
    assert found == pytest.approx([0.02865, 0.2865, 0.02865], rel=1e-3)


def test_the_gradient_reaches_the_students_labeled_features_alone():
    bottleneck = torch.cat([sides(), sides()]) + 0.3 * torch.rand(4, 2, 4, 4, 4)
    bottleneck.requires_grad_()
    teacher = (sides() + 0.3 * torch.rand(2, 2, 4, 4, 4)).requires_grad_()
    terms = terms_of(teacher, student_features=bottleneck)
    for name in ("labeled_to_unlabeled", "unlabeled_to_labeled"):
        gradient = torch.autograd.grad(terms[name].value, bottleneck, retain_graph=True)[0]
        assert gradient[:2].abs().max() > 0 and gradient[2:].abs().max() == 0


def test_ignored_voxels_make_no_prototype_and_are_not_asked_for():
    torch.manual_seed(0)
    label, features = left_and_right(), torch.cat([sides(), sides()])
    label[:, :4] = 255
    noisy = features.clone()
    noisy[:2, :, :2] = torch.rand(2, 2, 2, 4, 4)
    noisy[:2, :, 2] = features[:2, :, 2]
    features.requires_grad_()
    terms = terms_of(sides(), label, features)
    gradient = torch.autograd.grad(terms["unlabeled_to_labeled"].value, features, retain_graph=True)[0]
    assert gradient[:2, :, 0].abs().max() == 0  # the layer beside the border is enlarged into known voxels
    gradient = torch.autograd.grad(terms["labeled_to_unlabeled"].value, features)[0]
    assert gradient[:2, :, :2].abs().max() == 0 and gradient[:2, :, 2:].abs().max() > 0
    changed = terms_of(sides(), label, noisy)
    assert changed["labeled_to_unlabeled"].value.item() == terms["labeled_to_unlabeled"].value.item()


def test_a_voxel_s_weight_in_a_prototype_is_the_confidence_in_its_own_class():
    method, _ = make("cpcl")
    confidence = torch.rand(1, 3, 1, 1, 4)
    found = method._weights(confidence, torch.tensor([0, 2, 1, 255]).view(1, 1, 1, 4))
    expected = torch.zeros(3, 4)
    for voxel, label in enumerate((0, 2, 1)):
        expected[label, voxel] = confidence[0, label, 0, 0, voxel]
    assert torch.equal(found[0, :, 0, 0], expected)


def test_a_class_that_the_labeled_item_does_not_show_is_not_asked_of_the_unlabeled_one():
    terms = terms_of(sides(), label=torch.zeros(2, 8, 8, 8, dtype=torch.long))
    assert terms["labeled_to_unlabeled"].value.item() == pytest.approx(0.01, rel=1e-3)


def test_the_teacher_has_no_gradient():
    method, models = make("cpcl")
    given = batch()
    for term in method.loss(models, given, method.outputs(models, given)).values():
        term.value.backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in models.teacher.parameters())
    assert all(parameter.grad is not None for parameter in models.student.encoder.parameters())


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("cpcl", tmp_path, pseudo)
