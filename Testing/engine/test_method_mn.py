"""M&N: who learns when, from what, and what the loss of a turn is."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch

from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.mn import probabilities
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.job import MN
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import train
from CFRTrain.training.losses import dice_kl, one_hot
from Testing.engine.cohort import Cohort
from Testing.engine.method_tools import (
    PATCH,
    SETTING,
    _PseudoLabels,
    batch,
    gradient_of,
    make,
    models_for,
    planar_model,
)

# 80 steps, of which 10 are the warm phase; turns of 4 steps.
TURNS = replace(SETTING, total_steps=80, mn=MN(transition=0.125, warmup=0.0, steps_per_turn=4))
WARM, PLANAR, SOLID = 3, 10, 14


def prepared(setting=TURNS, step=PLANAR, **options):
    method, models = make("mn", setting=setting)
    given = batch(step=step, **options)
    return method, models, given, method.outputs(models, given)


def test_both_learn_in_the_warm_phase_then_they_take_turns_and_the_2d_model_begins():
    method, _ = make("mn", setting=TURNS)
    assert {method.turns.learns(step) for step in range(10)} == {(True, True)}
    turns = [method.turns.learns(step) for step in range(10, 26)]
    assert turns == [(False, True)] * 4 + [(True, False)] * 4 + [(False, True)] * 4 + [(True, False)] * 4


def test_without_turns_both_learn_in_every_step():
    method, _ = make("mn", setting=replace(TURNS, mn=replace(TURNS.mn, steps_per_turn=0)))
    assert {method.turns.learns(step) for step in range(80)} == {(True, True)}


def test_the_batch_of_the_job_is_shared_out_by_the_sampling_rule():
    """Five items, transition 10 of 80: one more is unlabeled every 14 steps."""
    method, _ = make("mn", setting=TURNS)
    counts = [method.items(step, 3, 2) for step in (0, 23, 24, 38, 52, 66, 79)]
    assert counts == [(5, 0), (5, 0), (4, 1), (3, 2), (2, 3), (1, 4), (1, 4)]


def test_the_warm_phase_is_the_loss_of_both_models_on_the_labeled_items():
    method, models, given, outputs = prepared(step=WARM)
    expected = sum(dice_kl(one.logits[:2], given.label_l) for one in outputs)
    assert len(outputs) == 2
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("step", "student", "teacher"), [(PLANAR, "planar", "student"), (SOLID, "student", "planar")]
)
def test_a_turn_is_one_loss_over_labels_and_the_teacher_s_probabilities(step, student, teacher):
    method, models, given, outputs = prepared(step=step)
    soft = probabilities(getattr(models, teacher), given.image_u)
    target = torch.cat([one_hot(given.label_l, 3), soft])
    value = method.supervised(models, given, outputs)
    assert len(outputs) == 1
    assert value.item() == pytest.approx(dice_kl(outputs[0].logits, target).item(), rel=1e-5)
    assert gradient_of(value, getattr(models, student)) > 0
    assert gradient_of(value, getattr(models, teacher)) == 0


def test_the_teacher_answers_in_evaluation_mode_and_is_left_as_it_was():
    model, image = planar_model().train(), torch.randn(2, 1, *PATCH)
    first, second = probabilities(model, image), probabilities(model, image)
    assert torch.equal(first, second) and model.training and not first.requires_grad
    assert not torch.equal(first, torch.softmax(model(image), dim=1))
    assert torch.allclose(first.sum(dim=1), torch.ones(2, *PATCH), atol=1e-6)


def test_ignored_voxels_have_no_gradient_in_any_turn():
    for step in (WARM, PLANAR, SOLID):
        method, models, given, outputs = prepared(step=step)
        given.label_l[:, :4] = 255
        value = method.supervised(models, given, outputs)
        for gradient in torch.autograd.grad(value, [one.logits for one in outputs]):
            assert gradient[:2, :, :4].abs().max() == 0 and gradient[:2, :, 4:].abs().max() > 0


def test_a_labeler_s_pseudo_labels_are_one_more_soft_target_of_who_learns():
    method, models, given, outputs = prepared(step=SOLID)
    value = method.pseudo(models, given, outputs)
    expected = dice_kl(models.student(given.image_u), given.probabilities_u, given.confidence_u)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    assert gradient_of(value, models.student) > 0 and gradient_of(value, models.planar) == 0


def robust_by_hand(logits, batch, name):
    """0.5 robust + 0.5 Dice against the most probable class, voxels weighted with their confidence."""
    label, weight = batch.probabilities_u.argmax(dim=1), batch.confidence_u
    p = torch.softmax(logits, dim=1)
    right = p.gather(1, label.unsqueeze(1))[:, 0]
    losses = {"generalized": (1 - right**0.7) / 0.7, "symmetric": 4 * (1 - right) - 0.1 * right.log()}
    robust = (weight * losses[name]).sum() / weight.sum()
    axes, weights = (0, 2, 3, 4), weight.unsqueeze(1)
    truth = one_hot(label, 3)
    overlap, total = (weights * p * truth).sum(axes), (weights * (p**2 + truth**2)).sum(axes)
    return 0.5 * robust + 0.5 * (1 - 2 * overlap / total).mean()


@pytest.mark.parametrize("name", ["generalized", "symmetric"])
def test_the_job_s_robust_loss_is_what_a_labeler_s_pseudo_labels_are_learned_with(name):
    chosen = replace(TURNS, pseudo_loss=name)
    for step, learner in ((PLANAR, "planar"), (SOLID, "student")):
        method, models, given, outputs = prepared(chosen, step)
        value = method.pseudo(models, given, outputs)
        expected = robust_by_hand(outputs[0].logits[2:], given, name)
        assert value.item() == pytest.approx(expected.item(), rel=1e-4)
        assert gradient_of(value, getattr(models, learner)) > 0


@pytest.mark.parametrize("name", ["generalized", "symmetric"])
def test_where_both_learn_from_a_labeler_their_robust_losses_are_added(name):
    together = replace(TURNS, pseudo_loss=name, mn=replace(TURNS.mn, steps_per_turn=0))
    method, models, given, outputs = prepared(together)
    expected = sum(robust_by_hand(one.logits[2:], given, name) for one in outputs)
    assert len(outputs) == 2
    assert method.pseudo(models, given, outputs).item() == pytest.approx(expected.item(), rel=1e-4)


def test_what_the_models_teach_each_other_stays_soft_with_a_robust_loss():
    values = []
    for name in ("cross_entropy", "generalized"):
        method, models, given, outputs = prepared(replace(TURNS, pseudo_loss=name), SOLID)
        values.append(method.supervised(models, given, outputs).item())
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_the_2d_model_takes_one_step_of_its_own_rate_in_its_turn_and_none_in_the_other():
    for step, moves in ((WARM, True), (PLANAR, True), (SOLID, False)):
        method, models, given, outputs = prepared(step=step)
        before = weights_hash(models.planar)
        method.supervised(models, given, outputs).backward()
        with torch.no_grad():
            method.after_step(models, given, outputs)
        assert (weights_hash(models.planar) != before) == moves
        assert all(parameter.grad is None for parameter in models.planar.parameters())
        rate = method.own_optimizers()["planar"].param_groups[0]["lr"]
        if moves:
            assert rate == pytest.approx(1e-3 * method.learning_rate_factor(step))


def test_the_dice_curve_is_the_3d_network_s():
    for step, there in ((WARM, True), (PLANAR, False), (SOLID, True)):
        method, models, given, outputs = prepared(step=step)
        found = method.labeled_logits(given, outputs)
        assert (found is not None) == there
        if there:
            assert torch.equal(found, models.student(given.images)[:2])


def test_frozen_parts_of_the_2d_model_have_no_place_in_its_optimizer():
    models = models_for(METHODS["mn"])
    frozen = models.planar.network[0].weight.requires_grad_(False)
    method = METHODS["mn"](TURNS, models)
    held = [item for group in method.own_optimizers()["planar"].param_groups for item in group["params"]]
    assert len(held) == 3 and all(item is not frozen for item in held)


def stage(cohort, run, pseudo, steps):
    retrain = replace(
        cohort.job.retrain, steps=steps, levels=3, batch_labeled=2, batch_unlabeled=1, pairs=0.0
    )
    mn = MN(width=4, transition=0.2, warmup=0.1, steps_per_turn=2)
    job = replace(cohort.job, method="mn", retrain=retrain, mn=mn)
    labels = _PseudoLabels(cohort.labels) if pseudo else None
    plan, unlabeled = replace(cohort.plan, patch_zyx=PATCH), cohort.ids[1:]
    return Retrainer(job, plan, cohort.store, cohort.labeled, unlabeled, labels, RunFolder(run))


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit_in_the_middle_of_a_turn(pseudo, tmp_path):
    cohort = Cohort(tmp_path, count=3)
    whole = stage(cohort, tmp_path / "run", pseudo, 10)
    items = []
    inner = whole.batches.batch
    whole.batches.batch = lambda *given: items.append(given[2]) or inner(*given)
    train(whole, whole.run, checkpoint_every=7, log_every=1)
    assert items == [(3, 0)] * 5 + [(2, 1)] * 3 + [(1, 2)] * 2  # floor((e - 2) / 8 * 3)
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "retrain" / "step-00000010")
    torch.rand(3)
    resumed = stage(cohort, tmp_path / "run", pseudo, 10)
    train(resumed, resumed.run, checkpoint_every=7, log_every=1)
    assert {"network_0", "planar", "method"} <= set(whole.modules())
    for key, module in whole.modules().items():
        assert weights_hash(module) == weights_hash(resumed.modules()[key]), key


def test_the_3d_network_stands_still_in_the_other_s_turn(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    trained = stage(cohort, tmp_path / "run", False, 10)
    moved = []
    for step in range(8):
        before = [
            weights_hash(one) for one in (trained.trainee.models.student, trained.trainee.models.planar)
        ]
        trained.step(step)
        after = [weights_hash(one) for one in (trained.trainee.models.student, trained.trainee.models.planar)]
        moved.append(tuple(old != new for old, new in zip(before, after, strict=True)))
    assert moved == [(True, True)] * 2 + [(False, True)] * 2 + [(True, False)] * 2 + [(False, True)] * 2


def test_a_restart_gives_both_models_other_weights_and_counts_the_schedule_anew(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    trained = stage(cohort, tmp_path / "run", False, 10)
    for step in range(4):
        trained.step(step)
    before = {name: weights_hash(trained.modules()[name]) for name in ("network_0", "planar")}
    trained._restart(4)
    assert all(weights_hash(trained.modules()[name]) != old for name, old in before.items())
    assert not trained.trainee.method.own_optimizers()["planar"].state
    trained.step(4)
    assert trained.optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * trained.job.retrain.learning_rate)
