"""ACMT: the three masks of ambiguous voxels, and the consistency that counts on them alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

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

NAMES = ("acmt", "acmt_uncertainty", "acmt_prototypes")


def logits_of(*probabilities: float) -> torch.Tensor:
    """Logits (1, C, 1, 1, 1) of one voxel."""
    return torch.tensor(probabilities).clamp_min(1e-12).log().view(1, -1, 1, 1, 1)


def entropy_mask(step: int, *probabilities: float) -> bool:
    method, models = make("acmt")
    return bool(method.ambiguous(models, batch(step=step), logits_of(*probabilities).softmax(dim=1)))


def test_only_the_voxels_with_high_entropy_count():
    """Half of the voxels at 0.5, where the teacher says 0.9: (0.5 - 0.9)^2; the others are certain."""
    models = Models((FixedNetwork(0.5),), (FixedNetwork(0.9),))
    method, given = METHODS["acmt"](replace(SETTING, classes=2), models), batch(step=3000)
    foreground = torch.full((4, 1, 8, 8, 8), 8.0)
    foreground[2:, :, :4] = 0.0
    logits = torch.cat([torch.zeros_like(foreground), foreground], dim=1).requires_grad_()
    term = method.loss(models, given, [only_logits(logits)])["consistency"]
    assert term.value.item() == pytest.approx(0.16, rel=1e-5)
    assert term.weight == pytest.approx(0.02865, rel=1e-3)
    term.value.backward()
    assert logits.grad[2:, :, :4].abs().min() > 0
    assert logits.grad[:2].abs().max() == 0 and logits.grad[2:, :, 4:].abs().max() == 0


def test_the_entropy_that_counts_rises_from_three_quarters_to_95_percent():
    """H(p) / ln 2 of (0.8, 0.2) is 0.72, of (0.77, 0.23) 0.78 and of (0.6, 0.4) 0.971."""
    assert not entropy_mask(0, 0.8, 0.2) and entropy_mask(0, 0.77, 0.23)
    assert not entropy_mask(6000, 0.77, 0.23) and entropy_mask(6000, 0.6, 0.4)


def test_entropy_is_relative_to_the_number_of_classes():
    assert not entropy_mask(0, 0.5, 0.5, 0.0) and entropy_mask(0, 0.4, 0.3, 0.3)


def test_the_uncertainty_is_that_of_the_mean_of_eight_noisy_passes():
    method, models = make("acmt_uncertainty")
    given, unused = batch(step=6000), torch.rand(2, 3, 8, 8, 8)
    torch.manual_seed(5)
    found = method.ambiguous(models, given, unused)
    torch.manual_seed(5)
    with torch.no_grad():
        mean = torch.stack([models.student(with_noise(given.image_u)).softmax(dim=1) for _ in range(8)])
    mean = mean.mean(dim=0)
    entropy = -(mean * mean.log()).sum(dim=1)
    assert torch.equal(found, entropy >= 0.9 * math.log(3))
    assert 0 < found.float().mean() < 1


class TwoSides:
    """A teacher whose features and classes are 0 on the left half and 1 on the right half.

    uncertain: every second answer, and the first, is the opposite.
    """

    def __init__(self, uncertain: bool = False, logit: float = 4.0) -> None:
        self.uncertain, self.logit, self.calls = uncertain, logit, 0

    def __call__(self, image):
        return self.features(image).logits

    def features(self, image):
        self.calls += 1
        right = torch.zeros(image.shape[0], 1, 8, 8, 8)
        right[..., 4:] = 1.0
        sign = -1.0 if self.uncertain and self.calls % 2 else 1.0
        logits = torch.cat([torch.zeros_like(right), sign * 2 * self.logit * (right - 0.5)], dim=1)
        return only_logits(logits)._replace(bottleneck=right[..., ::2, ::2, ::2])


def prototype_mask(student: torch.Tensor, teacher: TwoSides) -> torch.Tensor:
    models = Models((FixedNetwork(0.5),), (teacher,))
    method = METHODS["acmt_prototypes"](replace(SETTING, classes=2), models)
    return method.ambiguous(models, batch(), student)


def test_the_prototypes_find_the_voxels_where_the_student_sees_another_class():
    left = torch.zeros(2, 2, 8, 8, 8)
    left[:, 0, ..., :6], left[:, 1, ..., 6:] = 1.0, 1.0
    mask = prototype_mask(left, TwoSides())
    expected = torch.zeros(2, 8, 8, 8, dtype=torch.bool)
    expected[..., 4:6] = True
    assert torch.equal(mask, expected)


def test_voxels_on_which_the_passes_disagree_make_no_prototype():
    """No class is certain of anything, so none has a prototype; all would be background in the old code."""
    student = torch.zeros(2, 2, 8, 8, 8)
    student[:, 1] = 1.0
    assert bool(prototype_mask(student, TwoSides(uncertain=True)).all())


def test_passes_are_compared_at_a_temperature_of_two():
    """Of logits of 0.6 and -0.6 in turn the deviation is 0.078 then, certain, and 0.154 at one of 1.

    The first answer calls the left side 1, so the student's 1 is right there and ambiguous on the right.
    """
    student = torch.zeros(2, 2, 8, 8, 8)
    student[:, 1] = 1.0
    mask = prototype_mask(student, TwoSides(uncertain=True, logit=0.6))
    assert bool(mask[..., 4:].all()) and not mask[..., :4].any()


def test_the_entropy_falls_where_nothing_is_ambiguous():
    method, _ = make("acmt_prototypes")
    student = torch.full((1, 3, 2, 2, 2), 1 / 3)
    ambiguous = torch.ones(1, 2, 2, 2, dtype=torch.bool)
    ambiguous[:, 0] = False
    assert method.further_terms(student, ambiguous)["entropy"].item() == pytest.approx(0.5)


@pytest.mark.parametrize("name", NAMES)
def test_the_student_has_a_gradient_and_the_teacher_none(name):
    method, models = make(name)
    given = batch()
    for term in method.loss(models, given, method.outputs(models, given)).values():
        assert gradient_of(term.value, models.student) > 0
        term.value.backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in models.teacher.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_labeled_items_and_their_labels_do_not_matter(name):
    method, models = make(name)
    given = batch()
    outputs = method.outputs(models, given)
    changed = replace(given, image_l=given.image_l + 1, label_l=torch.full_like(given.label_l, 255))
    values = []
    for one in (given, changed):
        torch.manual_seed(3)
        values.append([term.value.item() for term in method.loss(models, one, outputs).values()])
    assert values[0] == values[1]


@pytest.mark.parametrize(("name", "pseudo"), list(zip(NAMES, (True, False, True), strict=True)))
def test_one_labeled_case_trains_and_resumes_bit_by_bit(name, pseudo, tmp_path):
    assert_it_trains_and_resumes(name, tmp_path, pseudo)
