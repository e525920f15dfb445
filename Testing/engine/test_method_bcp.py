"""BCP: what is pasted where, which region learns from whom, and the phase that teaches the teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from CFRTrain.retraining.masks import largest_pieces
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.training.losses import dice_ce
from Testing.engine.method_tools import (
    SETTING,
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)

LATER = 3000


def prepared(step=LATER, **options):
    """The method after `outputs` of a batch, with both."""
    method, models = make("bcp")
    given = batch(step=step, **options)
    return method, models, given, method.outputs(models, given)


def seen_by(method, models, given):
    """The images that the student is shown."""
    shown = []
    models.student.features = lambda images: shown.append(images) or only_logits(images)
    method.outputs(models, given)
    return shown[0], method._box


def test_each_unlabeled_image_is_pasted_into_a_labeled_one_and_the_other_way_round():
    method, models = make("bcp")
    given = batch(step=LATER)
    images, box = seen_by(method, models, given)
    assert int(box.sum()) == 5**3
    for item in range(2):
        outward, inward = images[item, 0], images[2 + item, 0]
        assert torch.equal(outward[box], given.image_u[item, 0][box])
        assert torch.equal(outward[~box], given.image_l[item, 0][~box])
        assert torch.equal(inward[box], given.image_l[item, 0][box])
        assert torch.equal(inward[~box], given.image_u[item, 0][~box])


@pytest.mark.parametrize(("labeled", "unlabeled"), [(1, 3), (3, 1), (1, 1)])
def test_the_shorter_half_is_repeated(labeled, unlabeled):
    method, models, given, outputs = prepared(labeled=labeled, unlabeled=unlabeled)
    assert len(outputs[0].logits) == 2 * max(labeled, unlabeled)
    for value in (method.supervised(models, given, outputs), method.pseudo(models, given, outputs)):
        assert gradient_of(value, models.student) > 0


def by_hand(logits, target, regions, weight=1.0):
    """Mean of 0.5 CE + 0.5 Dice over both directions, each in its region."""
    halves = zip((logits[:2], logits[2:]), regions, strict=True)
    return sum(dice_ce(half, target, region * weight).item() for half, region in halves) / 2


def test_the_three_losses_are_those_of_their_regions():
    method, models, given, outputs = prepared()
    logits, box = outputs[0].logits, method._box.expand(2, 8, 8, 8).float()
    expected = by_hand(logits, given.label_l, (1 - box, box))
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected, rel=1e-5)
    expected = by_hand(logits, given.probabilities_u.argmax(dim=1), (box, 1 - box), given.confidence_u)
    assert method.pseudo(models, given, outputs).item() == pytest.approx(expected, rel=1e-5)
    teacher = largest_pieces(models.teacher(given.image_u).argmax(dim=1))
    term = method.loss(models, given, outputs)["teacher"]
    assert term.value.item() == pytest.approx(by_hand(logits, teacher, (box, 1 - box)), rel=1e-5)
    assert term.weight == 0.5


def test_each_loss_has_its_gradient_in_its_region_alone():
    method, models, given, outputs = prepared()
    logits, box = outputs[0].logits, method._box
    given.label_l[:, :, :2] = 255
    labeled = torch.autograd.grad(method.supervised(models, given, outputs), logits, retain_graph=True)[0]
    unlabeled = torch.autograd.grad(method.loss(models, given, outputs)["teacher"].value, logits)[0]
    labeled, unlabeled = labeled.abs().sum(dim=1), unlabeled.abs().sum(dim=1)
    assert labeled[:2, box].max() == 0 and labeled[2:, ~box].max() == 0
    assert labeled[:, :, :2].max() == 0, "ignored voxels"
    assert unlabeled[:2, ~box].max() == 0 and unlabeled[2:, box].max() == 0
    assert labeled[:2].max() > 0 and labeled[2:].max() > 0 and unlabeled[:2, box].min() > 0


def test_the_teacher_has_no_gradient():
    method, models, given, outputs = prepared()
    method.loss(models, given, outputs)["teacher"].value.backward()
    assert all(parameter.grad is None for parameter in models.teacher.parameters())


def test_at_first_labeled_images_are_pasted_into_each_other_with_their_labels():
    method, models = make("bcp")
    given = batch(step=705, pseudo=False)
    outputs = method.outputs(models, given)
    box = method._box
    assert method.loss(models, given, outputs) == {}
    target = torch.where(box, given.label_l.flip(0), given.label_l)
    expected = dice_ce(outputs[0].logits, target)
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected.item(), rel=1e-6)
    images, box = seen_by(method, models, given)
    assert torch.equal(images, torch.where(box, given.image_l.flip(0), given.image_l))


def test_with_pseudo_labels_unlabeled_images_are_pasted_from_the_first_step_on():
    method, models, given, outputs = prepared(step=0)
    assert len(outputs[0].logits) == 4 and method.loss(models, given, outputs) == {}
    assert method.pseudo(models, given, outputs).item() > 0


def test_the_teacher_begins_as_the_pre_trained_student():
    method, models = make("bcp", setting=replace(SETTING, total_steps=17))
    assert weights_hash(models.teacher) != weights_hash(models.student)
    method.after_step(models, batch(step=0), [])
    assert weights_hash(models.teacher) != weights_hash(models.student)
    method.after_step(models, batch(step=1), [])
    assert weights_hash(models.teacher) == weights_hash(models.student)


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("bcp", tmp_path, pseudo)
