"""SS-Net: the adversarial change, the memory of good features, and the separation of classes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from CFRTrain.retraining.adversarial import adversarial_loss
from CFRTrain.retraining.class_separation import ClassSeparation
from CFRTrain.training.losses import dice_loss
from Testing.engine.method_tools import assert_it_trains_and_resumes, batch, gradient_of, make


class OneVoxel(nn.Module):
    """A network that reads a single voxel, so that the worst change is one of that voxel."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.0))
        self.seen: list[torch.Tensor] = []

    def forward(self, image):
        self.seen.append(image.detach())
        value = self.slope * image[:, :, 1, 1, 1].view(-1, 1, 1, 1, 1).expand_as(image)
        return torch.cat([torch.zeros_like(image), value], dim=1)


def test_the_change_has_its_size_and_goes_where_the_network_looks():
    torch.manual_seed(0)
    network, image = OneVoxel(), torch.zeros(2, 1, 4, 4, 4)
    loss = adversarial_loss(network, image, network(image).softmax(dim=1).detach(), 0.1)
    _, probe, worst = network.seen
    assert probe.square().mean(dim=(1, 2, 3, 4)).sqrt().tolist() == pytest.approx([0.1, 0.1], rel=1e-5)
    assert worst[:, 0, 1, 1, 1].abs().tolist() == pytest.approx([0.8, 0.8], rel=1e-5)  # 0.1 * sqrt(64)
    assert int((worst != 0).sum()) == 2
    expected = dice_loss(network(worst), torch.full((2, 2, 4, 4, 4), 0.5))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6) and loss.item() > 0
    assert gradient_of(loss, network) > 0


def test_running_statistics_do_not_learn_the_changed_images():
    network = nn.Sequential(nn.Conv3d(1, 2, 1), nn.BatchNorm3d(2))
    image = torch.randn(2, 1, 4, 4, 4)
    clean = network(image).softmax(dim=1).detach()
    before = network[1].running_mean.clone()
    adversarial_loss(network, image, clean, 0.1)
    assert torch.equal(network[1].running_mean, before) and network[1].momentum == 0.1


def separation() -> ClassSeparation:
    torch.manual_seed(1)
    return ClassSeparation(channels=4, classes=3)


def test_the_loss_is_the_weighted_mean_over_all_pairs_of_one_minus_the_cosine():
    module, features, labels = separation(), torch.randn(50, 4), 1 + torch.arange(50) % 2
    module.memory.normal_()
    module.count[:] = torch.tensor([32, 5])
    found = module(features, labels)
    predicted, expected = module.prediction(module.projection(features)), 0.0
    for index, count in enumerate((32, 5)):
        first = predicted[labels == index + 1]
        second = functional.normalize(module.memory[index, :count], dim=1)
        a = module.weigh_features[index](first.detach()).sigmoid()
        b = module.weigh_memory[index](second).sigmoid()
        distance = 1 - functional.cosine_similarity(first[:, None], second[None], dim=2)
        expected += ((a / a.mean()) * (b / b.mean()).T * distance).mean().item() / 3
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_the_memory_keeps_the_features_with_the_highest_weights():
    module, features = separation(), torch.randn(100, 4)
    labels = torch.full((100,), 2)
    module.remember(features, labels)
    module.eval()
    projected = module.projection(features)
    order = module.weigh_features[1](projected).flatten().argsort(descending=True)[:32]
    assert torch.allclose(module.memory[1], projected[order]) and module.count.tolist() == [0, 32]
    module.remember(features[:3], labels[:3])
    assert module.count.tolist() == [0, 3] and module.training


def test_what_is_remembered_leaves_no_weights_without_a_gradient_behind():
    """Weights that autocast keeps from a pass without a gradient had none in the next pass either."""
    module, features = separation(), torch.randn(20, 4)
    cached = []
    module.projection.register_forward_hook(lambda *_: cached.append(torch.is_autocast_cache_enabled()))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        module.remember(features, torch.ones(20))
        found = module(features, torch.ones(20))
        assert torch.is_autocast_cache_enabled() and torch.is_autocast_enabled("cpu")
    assert cached == [False, False, True], "both classes of the memory, then the loss"
    assert gradient_of(found, module.projection) > 0 and module.count.tolist() == [20, 0]


def test_classes_without_memory_and_ignored_voxels_cost_nothing():
    module, features = separation(), torch.randn(20, 4, requires_grad=True)
    assert module(features, torch.ones(20)).item() == 0.0
    module.remember(features, torch.ones(20))
    assert module(features, torch.full((20,), 255)).item() == 0.0
    assert module(features, torch.zeros(20)).item() == 0.0, "the background has no memory"
    assert module(features, torch.ones(20)).item() > 0.0


def test_only_rightly_classified_foreground_is_remembered():
    method, models = make("ss_net")
    given = batch()
    outputs = method.outputs(models, given)
    remembered = []
    method.separation.remember = lambda *found: remembered.append(found)
    method.loss(models, given, outputs)
    features, labels = remembered[0]
    right = outputs[0].logits[:2].argmax(dim=1) == given.label_l
    assert torch.equal(labels, given.label_l[right])
    assert torch.equal(features, outputs[0].last[:2].movedim(1, -1)[right])


def test_both_terms_teach_the_network_and_their_weights_are_one_and_a_tenth_of_it():
    method, models = make("ss_net")
    given = batch(step=3000)
    outputs = method.outputs(models, given)
    terms = method.loss(models, given, outputs)
    assert terms["smoothness"].weight == pytest.approx(0.2865, rel=1e-3)
    assert terms["separation"].weight == pytest.approx(0.02865, rel=1e-3)
    for term in terms.values():
        assert gradient_of(term.value, models.student) > 0
    assert gradient_of(terms["separation"].value, method.separation.weigh_features) > 0
    gradient = torch.autograd.grad(terms["separation"].value, outputs[0].last, retain_graph=True)[0]
    assert gradient[2:].abs().max() > 0
    given.label_l[:, :4] = 255
    value = method.loss(models, given, outputs)["separation"].value
    gradient = torch.autograd.grad(value, outputs[0].last)[0]
    assert gradient[:2, :, :4].abs().max() == 0 and gradient[:2, :, 4:].abs().max() > 0, "ignored voxels"


@pytest.mark.parametrize("pseudo", [True, False])
def test_one_labeled_case_trains_and_resumes_bit_by_bit(pseudo, tmp_path):
    whole = assert_it_trains_and_resumes("ss_net", tmp_path, pseudo)
    assert "separation.memory" in whole.trainee.method.state_dict()
