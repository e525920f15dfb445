"""Device and number format are chosen from what the machine can do."""

from __future__ import annotations

import pytest
import torch

from CFRTrain.runs.errors import DependencyError
from CFRTrain.training.precision import (
    autocast,
    autocast_dtype,
    choose_device,
    isolated_randomness,
    limit_threads,
)


def test_auto_is_a_device_that_computes():
    assert torch.ones(2, device=choose_device("auto")).sum().item() == 2


def test_a_gpu_that_is_not_there_is_refused_with_a_remedy():
    with pytest.raises(DependencyError, match="auto or cpu"):
        choose_device(f"cuda:{torch.cuda.device_count()}")


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx2": True}, None),
        ({"avx512_f": True, "avx512_bf16": False}, None),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
    ],
)
def test_bfloat16_only_where_the_processor_has_it(monkeypatch, capabilities, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert autocast_dtype(torch.device("cpu")) is dtype


def test_autocast_without_a_format_changes_nothing():
    layer = torch.nn.Linear(2, 2)
    with autocast(torch.device("cpu"), None):
        assert layer(torch.zeros(1, 2)).dtype is torch.float32
    with autocast(torch.device("cpu"), torch.bfloat16):
        assert layer(torch.zeros(1, 2)).dtype is torch.bfloat16


def test_the_callers_randomness_and_cudnn_settings_come_back():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    benchmark = torch.backends.cudnn.benchmark
    with isolated_randomness():
        assert torch.backends.cudnn.deterministic
        torch.manual_seed(99)
        torch.rand(3)
    assert torch.equal(torch.rand(1), expected)
    assert torch.backends.cudnn.benchmark == benchmark


def test_threads_are_limited_and_zero_leaves_them():
    before = torch.get_num_threads()
    try:
        limit_threads(1)
        limit_threads(0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
