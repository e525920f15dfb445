"""MagicNet: recovery across and within images, the cubes' location, and the blended pseudo-label."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from CFRTrain.retraining.cubes import from_cubes, to_cubes
from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Models
from CFRTrain.retraining.vnet import VNet
from CFRTrain.training.losses import cross_entropy, dice_ce, dice_loss
from Testing.engine.method_tools import (
    SETTING,
    assert_it_trains_and_resumes,
    batch,
    gradient_of,
    make,
    only_logits,
)


class Pointwise(nn.Module):
    """A network that sees one voxel at a time, so that recovery must give its plain prediction back."""

    levels = 2

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv3d(1, 3, 1)

    def forward(self, image):
        return self.head(image)

    def features(self, image):
        coarse = nn.functional.avg_pool3d(image, 2)
        return only_logits(self.head(image))._replace(bottleneck=torch.cat([coarse, coarse**2], dim=1))


def fixed(logits):
    return lambda image: logits


def blended(method, teacher, within, step):
    models = Models((), (fixed(teacher),))
    return method._blended_label(models, batch(step=step), within)


def test_the_paper_s_network_and_location_head_have_17_955_thousand_parameters():
    setting = replace(SETTING, classes=14, patch_zyx=(96, 96, 96))
    with torch.device("meta"):
        network = VNet(1, 14, norm="plain_instance")
        method = METHODS["magicnet"](setting, Models((network,)))
    assert method.grid == (3, 3, 3)
    assert [layer.in_features for layer in method.location if isinstance(layer, nn.Linear)] == [2048, 4096]
    parameters = sum(item.numel() for part in (network, method) for item in part.parameters())
    assert round(parameters / 1000) == 17955


def test_both_recoveries_put_every_cube_back_where_it_came_from():
    torch.manual_seed(0)
    models, given = Models((Pointwise(),)), batch()
    plain, across, within = METHODS["magicnet"](SETTING, models).outputs(models, given)
    assert torch.equal(plain.logits, models.student(given.images))
    assert torch.allclose(across.logits, plain.logits, atol=1e-6)
    assert torch.allclose(within.logits, plain.logits, atol=1e-6)


def test_mixed_images_and_single_cubes_are_what_the_network_reads():
    method, models = make("magicnet")
    given = batch()
    plain, across, within = method.outputs(models, given)
    assert (across.logits - plain.logits).abs().max() > 0.01
    cubes = models.student(to_cubes(given.images, method.grid).flatten(0, 1)).unflatten(0, (4, 8))
    assert torch.allclose(within.logits, from_cubes(cubes, method.grid), atol=1e-5)


def test_the_supervised_loss_is_the_mean_of_four_terms_on_the_labeled_items():
    method, models = make("magicnet")
    given = batch()
    outputs = method.outputs(models, given)
    logits = [output.logits[:2] for output in outputs]
    terms = [cross_entropy(logits[0], given.label_l), *(dice_loss(one, given.label_l) for one in logits)]
    expected = sum(term.item() for term in terms) / 4
    assert method.supervised(models, given, outputs).item() == pytest.approx(expected, rel=1e-5)
    pseudo = dice_ce(outputs[0].logits[2:], given.probabilities_u.argmax(dim=1), given.confidence_u)
    assert method.pseudo(models, given, outputs).item() == pytest.approx(pseudo.item(), rel=1e-5)


def test_the_location_is_the_cube_s_index_in_the_grid():
    """A head that answers with the mean of a cube, and cubes that hold their own index."""
    method, _ = make("magicnet")
    index = torch.arange(8.0).repeat(3).view(24, 1, 1, 1, 1).expand(24, 1, 2, 2, 2)

    class Answers(nn.Module):
        def forward(self, features):
            return nn.functional.one_hot(features.mean(dim=1).long(), 8) * 20.0

    method.location = Answers()
    right = only_logits(index)._replace(bottleneck=index)
    assert method._location_loss(right).item() == pytest.approx(0.0, abs=1e-6)
    wrong = only_logits(index)._replace(bottleneck=index.flip(0))
    assert method._location_loss(wrong).item() == pytest.approx(20.0, rel=1e-5)


def test_frequent_classes_take_the_cubes_label_and_rare_ones_the_teacher_s():
    method, _ = make("magicnet")
    method.seen.zero_()
    method.seen[0] = torch.tensor([90.0, 9.0, 1.0])
    teacher, within = torch.zeros(2, 3, 8, 8, 8), torch.zeros(2, 3, 8, 8, 8)
    teacher[0, 0], teacher[1, 2] = 1.0, 1.0
    within[:, 1] = 10.0
    label = blended(method, teacher, within, step=150)
    assert bool((label[0] == 1).all())  # class 0: share 1, the cubes decide
    assert bool((label[1] == 2).all())  # class 2: share 1/90 of 10 is less than 89/90 of 1


def test_early_on_the_teacher_alone_decides():
    method, _ = make("magicnet")
    teacher, within = torch.zeros(2, 3, 8, 8, 8), torch.zeros(2, 3, 8, 8, 8)
    teacher[:, 2], within[:, 1] = 1.0, 10.0
    assert bool((blended(method, teacher, within, step=100) == 2).all())
    assert bool((blended(method, teacher, within, step=101) == 1).all())


def test_the_frequencies_are_those_of_the_last_twenty_steps():
    method, _ = make("magicnet")
    for step in range(25):
        teacher = torch.zeros(2, 3, 8, 8, 8)
        teacher[:, step % 3] = 1.0
        blended(method, teacher, teacher, step)
    expected = [sum(step % 3 == index for step in range(5, 25)) for index in range(3)]
    assert (method.seen.sum(dim=0) / (2 * 8**3)).tolist() == expected
    assert "seen" in method.state_dict()


def test_the_recovered_unlabeled_prediction_learns_the_blended_label():
    method, models = make("magicnet")
    given = batch(step=3000)
    outputs = method.outputs(models, given)
    torch.manual_seed(1)
    terms = method.loss(models, given, outputs)
    method.seen.zero_()
    torch.manual_seed(1)
    label = method._blended_label(models, given, outputs[2].logits[2:].detach())
    expected = dice_loss(outputs[1].logits[2:], label)
    assert terms["consistency"].value.item() == pytest.approx(expected.item(), rel=1e-6)
    assert terms["consistency"].weight == pytest.approx(0.02865, rel=1e-3)
    assert terms["location"].weight == 0.1


def test_gradients_reach_what_they_should():
    method, models = make("magicnet")
    given = batch()
    outputs = method.outputs(models, given)
    terms = method.loss(models, given, outputs)
    assert gradient_of(terms["location"].value, method.location) > 0
    assert gradient_of(terms["location"].value, models.student.encoder) > 0
    assert gradient_of(terms["location"].value, models.student.decoder) == 0
    gradient = torch.autograd.grad(
        terms["consistency"].value,
        [output.logits for output in outputs],
        allow_unused=True,
        retain_graph=True,
    )
    assert gradient[0] is None and gradient[2] is None
    assert gradient[1][:2].abs().max() == 0 and gradient[1][2:].abs().max() > 0
    terms["consistency"].value.backward()
    assert all(parameter.grad is None for parameter in models.teacher.parameters())


def test_ignored_voxels_have_no_gradient_in_any_branch():
    method, models = make("magicnet")
    given = batch()
    given.label_l[:, :4] = 255
    outputs = method.outputs(models, given)
    gradient = torch.autograd.grad(
        method.supervised(models, given, outputs), [output.logits for output in outputs]
    )
    assert all(one[:2, :, :4].abs().max() == 0 and one[:2, :, 4:].abs().max() > 0 for one in gradient)


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    assert_it_trains_and_resumes("magicnet", tmp_path, pseudo)
