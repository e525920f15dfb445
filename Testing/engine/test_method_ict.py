"""ICT: the student's prediction of a mixture against the mixture of the teacher's predictions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Beta

from CFRTrain.retraining.perturbations import mixed
from Testing.engine.method_tools import assert_it_trains_and_resumes, batch, gradient_of, make


def value_of(method, models, given, seed=7):
    torch.manual_seed(seed)
    return method.loss(models, given, [])["consistency"]


def expected(models, images, partners, seed=7):
    """The squared difference, item by item, for the shares that the seed draws."""
    torch.manual_seed(seed)
    shares = Beta(0.2, 0.2).sample((len(images), 1, 1, 1, 1))
    found = []
    for a, b, share in zip(images, partners, shares.flatten().tolist(), strict=True):
        teacher = [models.teacher(image[None]).softmax(dim=1) for image in (a, b)]
        student = models.student((share * a + (1 - share) * b)[None]).softmax(dim=1)
        found.append((student - share * teacher[0] - (1 - share) * teacher[1]).square().mean().item())
    return sum(found) / len(found)


def test_a_mixture_is_the_weighted_sum_of_both():
    share = torch.tensor([0.25, 1.0]).view(2, 1)
    first, second = torch.tensor([[4.0], [5.0]]), torch.tensor([[8.0], [9.0]])
    assert mixed(first, second, share).tolist() == [[7.0], [5.0]]


@pytest.mark.parametrize("unlabeled", [2, 3])
def test_every_unlabeled_image_is_mixed_with_the_next_one(unlabeled):
    method, models = make("ict")
    given = batch(step=3000, unlabeled=unlabeled)
    partners = [given.image_u[(index + 1) % unlabeled] for index in range(unlabeled)]
    term = value_of(method, models, given)
    assert term.value.item() == pytest.approx(expected(models, given.image_u, partners), rel=1e-4)
    assert term.weight == pytest.approx(0.02865, rel=1e-3)


def test_a_single_unlabeled_image_is_mixed_with_a_labeled_one():
    method, models = make("ict")
    given = batch(unlabeled=1)
    found = value_of(method, models, given).value.item()
    assert found == pytest.approx(expected(models, given.image_u, given.image_l[:1]), rel=1e-4)


def test_the_student_has_a_gradient_and_the_teacher_none():
    method, models = make("ict")
    value = value_of(method, models, batch()).value
    assert gradient_of(value, models.student) > 0
    value.backward()
    assert all(parameter.grad is None for parameter in models.teacher.parameters())


def test_without_pseudo_labels_only_what_is_learned_from_is_computed():
    method, models = make("ict")
    assert len(method.outputs(models, batch(pseudo=False))[0].logits) == 2
    assert len(method.outputs(models, batch())[0].logits) == 4


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("ict", tmp_path, pseudo)
