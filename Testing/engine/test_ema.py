"""The teacher: follows parameters, copies statistics, gets no gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CFRTrain.training.ema import EmaTeacher


def student() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(1, 2, 1), nn.BatchNorm3d(2))


def test_after_step_zero_the_teacher_equals_the_student():
    network = student()
    ema = EmaTeacher(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
    ema.update(0)
    for own, source in zip(ema.module.parameters(), network.parameters(), strict=True):
        assert torch.equal(own, source)


@pytest.mark.parametrize(("step", "decay"), [(1, 0.5), (3, 0.75), (99, 0.99), (5000, 0.99)])
def test_the_decay_starts_low_and_ends_at_its_limit(step, decay):
    network = student()
    ema = EmaTeacher(network, decay=0.99)
    before = network[0].weight.detach().clone()
    with torch.no_grad():
        network[0].weight.add_(1.0)
    ema.update(step)
    assert torch.allclose(ema.module[0].weight, before + (1 - decay), atol=1e-6)


def test_batch_statistics_are_copied_not_averaged():
    network = student()
    ema = EmaTeacher(network)
    network(torch.randn(4, 1, 2, 2, 2) + 5)
    ema.update(500)
    assert torch.equal(ema.module[1].running_mean, network[1].running_mean)
    assert ema.module[1].num_batches_tracked == 1


def test_the_teacher_has_its_own_tensors_without_gradient():
    network = student()
    ema = EmaTeacher(network)
    assert all(not parameter.requires_grad for parameter in ema.module.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    pointers = {parameter.data_ptr() for parameter in network.parameters()}
    assert not pointers & {parameter.data_ptr() for parameter in ema.module.parameters()}
