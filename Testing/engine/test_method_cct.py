"""CCT: perturbed features, and the decoders that must answer as if they were not."""

from __future__ import annotations

import math

import pytest
import torch

from CFRTrain.retraining.perturbations import feature_drop, feature_noise
from CFRTrain.training.losses import dice_ce
from Testing.engine.method_tools import (
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)


def test_noise_is_a_factor_between_0_7_and_1_3_that_items_share():
    torch.manual_seed(0)
    factor = feature_noise(torch.full((2, 4, 8, 8, 8), 2.0)) / 2
    assert 0.7 <= factor.min() < 0.71 and 1.29 < factor.max() <= 1.3
    assert torch.equal(factor[0], factor[1])


def test_the_loudest_places_are_dropped_in_each_item():
    features = torch.linspace(0, 1, 101).view(1, 1, 1, 1, 101).repeat(2, 3, 1, 1, 1)
    features[1] *= 5
    torch.manual_seed(0)
    for _ in range(20):
        kept = feature_drop(features)[:, :, 0, 0] > 0
        counts = kept[:, :, 1:].sum(dim=2)
        assert bool((counts == counts[0, 0]).all()) and 69 <= int(counts[0, 0]) <= 90
        assert bool(kept[0, 0, 1 : int(counts[0, 0])].all())


def test_the_loss_is_the_mean_over_the_decoders():
    method, models = make("cct")
    logits = [torch.zeros(4, 2, 8, 8, 8) for _ in range(4)]
    for one, foreground in zip(logits, (0.5, 0.6, 0.7, 0.9), strict=True):
        one[:, 1] = math.log(foreground / (1 - foreground))
    term = method.loss(models, batch(step=3000), [only_logits(one) for one in logits])["consistency"]
    assert term.value.item() == pytest.approx((0.01 + 0.04 + 0.16) / 3, rel=1e-4)
    assert term.weight == pytest.approx(0.02865, rel=1e-3)


def test_the_main_decoder_is_the_network_s_own_and_the_others_see_perturbed_features():
    method, models = make("cct", levels=3)
    given = batch()
    outputs = method.outputs(models, given)
    assert torch.equal(outputs[0].logits, models.student(given.images))
    method.perturbations = (lambda level: level,) * 3
    clean = method.outputs(models, given)
    assert all((a.logits - b.logits).abs().max() > 1e-3 for a, b in zip(outputs[1:], clean[1:], strict=True))


def test_every_level_that_a_further_decoder_reads_is_perturbed():
    method, models = make("cct", levels=3)
    sides: list[list[int]] = [[], [], []]

    def recording(found):
        return lambda level: found.append(level.shape[2]) or level

    method.perturbations = tuple(recording(found) for found in sides)
    method.outputs(models, batch())
    assert sides == [[8, 4, 2]] * 3


def test_all_decoders_learn_from_the_labels():
    method, models = make("cct")
    given = batch()
    outputs = method.outputs(models, given)
    expected = sum(dice_ce(output.logits[:2], given.label_l).item() for output in outputs) / 4
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected, rel=1e-5)


def test_consistency_teaches_the_encoder_and_the_other_decoders_on_unlabeled_items():
    method, models = make("cct")
    given = batch()
    outputs = method.outputs(models, given)
    value = method.loss(models, given, outputs)["consistency"].value
    for part in (models.student.encoder, *method.decoders, *method.heads):
        assert gradient_of(value, part) > 0
    assert gradient_of(value, models.student.decoder) == 0 and gradient_of(value, models.student.head) == 0
    for gradient in torch.autograd.grad(value, [output.logits for output in outputs[1:]]):
        assert gradient[:2].abs().max() == 0 and gradient[2:].abs().max() > 0


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("cct", tmp_path, pseudo)
