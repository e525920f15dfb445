"""Modules and optimizers as tables of tensors: training goes on exactly, weights have one hash."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from CFRTrain.runs.checkpoints import (
    CheckpointStore,
    flatten_optimizer,
    module_tensors,
    restore_optimizer,
    weights_hash,
)


def optimizers():
    return {
        "adamw": lambda p: torch.optim.AdamW(p, 1e-2, weight_decay=0.1, betas=(0.8, 0.99)),
        "amsgrad": lambda p: torch.optim.AdamW(p, 1e-2, amsgrad=True),
        "sgd": lambda p: torch.optim.SGD(p, 1e-2, momentum=0.9, weight_decay=1e-4),
        "plain sgd": lambda p: torch.optim.SGD(p, 1e-2),
        "groups": lambda p: torch.optim.AdamW([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}], 1e-3),
    }


def small_network(layout: torch.memory_format) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 3, 3, padding=1), nn.BatchNorm3d(3), nn.ReLU(), nn.Conv3d(3, 2, 1))
    return network.to(memory_format=layout)


def train(network: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        batch = torch.randn(2, 1, 4, 5, 6, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        network(batch).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("kind", optimizers())
def test_training_goes_on_bit_by_bit_after_a_checkpoint(tmp_path, kind, layout):
    make = optimizers()[kind]
    straight = small_network(layout)
    optimizer = make(list(straight.parameters()))
    train(straight, optimizer, range(4))
    tensors, state = flatten_optimizer(optimizer)
    store = CheckpointStore(tmp_path)
    stored = {f"optimizer.{name}": tensor for name, tensor in tensors.items()} | module_tensors(
        "net", straight
    )
    store.save(4, stored, {"optimizer": state})
    train(straight, optimizer, range(4, 8))

    found = store.load_latest()
    resumed = small_network(layout)
    own = {name[4:]: tensor for name, tensor in found.tensors.items() if name.startswith("net.")}
    resumed.load_state_dict(own)
    again = make(list(resumed.parameters()))
    restore_optimizer(again, found.tensors, found.state["optimizer"], "optimizer.")
    train(resumed, again, range(4, 8))
    assert weights_hash(resumed) == weights_hash(straight)
    assert weights_hash(flatten_optimizer(again)[0]) == weights_hash(flatten_optimizer(optimizer)[0])
    assert again.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]


def test_a_momentum_that_is_none_stays_none():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], 0.1)
    parameter.grad = torch.ones(2)
    optimizer.step()
    tensors, state = flatten_optimizer(optimizer)
    other = torch.optim.SGD([nn.Parameter(torch.ones(2))], 0.1)
    restore_optimizer(other, tensors, json.loads(json.dumps(state)))
    assert other.state_dict() == optimizer.state_dict()


def test_a_step_count_stays_a_tensor_of_its_type():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.grad = torch.ones(2)
    optimizer.step()
    tensors, state = flatten_optimizer(optimizer)
    other = torch.optim.AdamW([nn.Parameter(torch.ones(2))])
    restore_optimizer(other, tensors, state)
    step = other.state_dict()["state"][0]["step"]
    assert isinstance(step, torch.Tensor) and step.dtype == torch.float32 and step == 1


@pytest.mark.parametrize("shapes", [[(2,)], [(3,), (2,)], [(2,), (2, 1)]])
def test_the_state_of_another_optimizer_is_refused(shapes):
    def stepped(sizes):
        parameters = [nn.Parameter(torch.ones(size)) for size in sizes]
        optimizer = torch.optim.AdamW(parameters)
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        return optimizer

    tensors, state = flatten_optimizer(stepped([(2,), (2,)]))
    with pytest.raises((ValueError, KeyError)):
        restore_optimizer(stepped(shapes), tensors, state)


def test_the_hash_of_weights_tells_every_difference():
    base = {"a": torch.ones(2, 3), "b": torch.tensor(1)}
    others = [
        {"a": torch.ones(3, 2), "b": torch.tensor(1)},
        {"a": torch.ones(2, 3), "c": torch.tensor(1)},
        {"a": torch.ones(2, 3).double(), "b": torch.tensor(1)},
        {"a": torch.ones(2, 3), "b": torch.tensor(2)},
    ]
    hashes = {weights_hash(base), *(weights_hash(other) for other in others)}
    assert len(hashes) == 5
    assert weights_hash({"b": torch.tensor(1), "a": torch.ones(3, 2).mT}) == weights_hash(base)
