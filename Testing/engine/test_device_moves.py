"""Everything that a step computes lies on the training's device, checked without a GPU.

PyTorch's device "meta" stands in for one: it computes shapes alone, and refuses to mix its tensors with those
of the CPU as a GPU does. Where values decide a shape (how many voxels of a class) some are made up.
"""

from __future__ import annotations

import contextlib
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from CFRTrain.labelers.sam_input import INPUTS, choose_input
from CFRTrain.labelers.sam_labeler import patch_probabilities
from CFRTrain.labelers.sam_model import SamArchitecture, build_sam
from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.methods.base import Batch, Models
from CFRTrain.retraining.trust import Trust
from CFRTrain.training.losses import dice_ce
from Testing.engine.method_tools import CLASSES, SETTING, batch, models_for

META = torch.device("meta")
TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)
LATE = 5000  # of 6000 steps: every part of every method has begun
aten = torch.ops.aten


class MadeUpValues(TorchDispatchMode):
    """Answers what the device, having no values, cannot: half of all voxels are True, every number is 2."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        first = args[0] if args else None
        if not isinstance(first, Tensor) or first.device != META:
            return function(*args, **kwargs)
        if function is aten._local_scalar_dense.default:
            return {True: 2.0, False: 2}[first.is_floating_point()]
        if function is aten.nonzero.default:
            return torch.zeros(first.numel() // 2, first.ndim, dtype=torch.long, device=META)
        if function is aten.bincount.default:
            return torch.zeros(CLASSES, dtype=torch.long, device=META)
        if function is aten._to_copy.default and str(kwargs.get("device")) == "cpu":
            return torch.zeros(first.shape, dtype=kwargs.get("dtype") or first.dtype)
        if function is aten.index.Tensor:
            args = (first, [part for index in args[1] for part in _columns(index)])
        return function(*args, **kwargs)


def _columns(index: Tensor | None) -> list[Tensor | None]:
    """A mask as the indices of its voxels."""
    if index is None or index.dtype != torch.bool:
        return [index]
    return [torch.zeros(index.numel() // 2, dtype=torch.long, device=index.device)] * index.ndim


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """It does not know the device."""
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: contextlib.nullcontext())
    monkeypatch.setattr("CFRTrain.retraining.class_separation._uncached_autocast", lambda device: no_change())
    monkeypatch.setattr("CFRTrain.labelers.sam_labeler.autocast", lambda device, dtype: no_change())


no_change = contextlib.nullcontext


def on_device(models: Models, given: Batch) -> tuple[Models, Batch]:
    for module in (*models.networks, *models.teachers, *filter(None, [models.planar])):
        module.to(META)
    tensors = {item.name: getattr(given, item.name) for item in fields(given)}
    return models, replace(given, **{k: v.to(META) for k, v in tensors.items() if isinstance(v, Tensor)})


@pytest.mark.parametrize("name", METHODS)
def test_a_step_of_every_method_stays_on_the_device(name):
    models, given = on_device(models_for(METHODS[name]), batch(LATE))
    method = METHODS[name](SETTING, models).to(META)
    with MadeUpValues():
        given = Trust((0.1, 0.2, 0.3), models.teachers != (), SETTING.total_steps).mark(given, models)
        outputs = method.outputs(models, given)
        values = [method.supervised(models, given, outputs), method.pseudo(models, given, outputs)]
        values += [term.value for term in method.loss(models, given, outputs).values()]
        torch.stack(values).sum().backward()
        with torch.no_grad():
            method.after_step(models, given, outputs)
    assert all(value.device == META for value in values)
    assert all(tensor.device == META for tensor in method.state_dict().values())


@pytest.mark.parametrize("kind", INPUTS)
def test_a_step_and_a_window_of_sam_stay_on_the_device(kind):
    sam_input = choose_input(kind, (6, 16, 16), 0, 0, "token", 8)
    sam = build_sam(TINY, CLASSES - 1, sam_input.canvas, 0).to(META)
    images = torch.zeros(1, 1, *sam_input.patch_zyx, device=META)
    labels = torch.zeros(1, *sam_input.patch_zyx, dtype=torch.long, device=META)
    with MadeUpValues():
        logits = sam(sam_input.pictures(images))
        dice_ce(logits, sam_input.label_pictures(labels)).backward()
        found = patch_probabilities(sam, sam_input, images)
    assert found.device == META and found.shape == (1, CLASSES, *sam_input.patch_zyx)


def test_the_stand_in_refuses_to_mix_devices_as_a_gpu_does():
    with MadeUpValues(), pytest.raises(RuntimeError, match="device"):
        torch.ones(3, device=META) + torch.ones(3)
