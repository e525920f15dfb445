"""Memory that is used up, a GPU that fails, a library that cannot be loaded: said as what they are."""

from __future__ import annotations

import pytest
import torch

from CFRTrain.cli.create import CohortSource, create_run
from CFRTrain.models import runtimes
from CFRTrain.models.package import Model, NetworkConfig
from CFRTrain.models.runtimes import TorchRuntime, choose_runtime
from CFRTrain.pipeline import _as_failure
from CFRTrain.runs.errors import system_failure
from CFRTrain.runs.job import ClassSpec, preset
from CFRTrain.runs.tensor_state import flatten_optimizer, module_tensors
from CFRTrain.training.memory import ran_out_of_memory

MEMORY = [
    torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be reported elsewhere"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    OSError(12, "Cannot allocate memory"),
]


def of_windows(code: int) -> OSError:
    """As Windows raises it; elsewhere an OSError takes no such code."""
    error = OSError(22, "What Windows says")
    error.winerror = code
    return error


@pytest.mark.parametrize("error", [*MEMORY, of_windows(1455)], ids=range(5))
def test_every_way_in_which_memory_ends_has_its_exit_code(error):
    assert ran_out_of_memory(error)
    assert _as_failure(error).exit_code == 4


@pytest.mark.parametrize(
    "error",
    [torch.AcceleratorError("CUDA error: unspecified launch failure\nmore"), RuntimeError("CUDA error: x")],
    ids=["new", "old"],
)
def test_a_gpu_that_fails_is_named_with_what_to_do(error):
    failure = _as_failure(error)
    assert failure.code == "gpu_failed" and "\n" not in failure.text and "driver" in failure.remedy


@pytest.mark.parametrize("code, exit_code", [(126, 6), (1114, 6), (1455, 4), (32, 2)])
def test_what_windows_refuses_has_the_exit_code_of_its_reason(code, exit_code):
    assert system_failure(of_windows(code)).exit_code == exit_code


def test_where_a_training_fills_the_gpu_a_volume_is_segmented_on_the_cpu(monkeypatch):
    config = NetworkConfig("vnet", 1, 2, 2, 3, "instance", 0.0)
    model = Model(config.build(), config, None, (ClassSpec(1, "a"),), None, "0" * 64)
    warnings, real = [], TorchRuntime.__init__

    def full(self, network, device=None, precision="f32"):
        if device.type == "cuda":
            raise torch.AcceleratorError("CUDA error: out of memory")
        real(self, network, device, precision)

    monkeypatch.setattr(TorchRuntime, "__init__", full)
    monkeypatch.setattr(
        runtimes, "choose_device", lambda name: torch.device("cuda" if name == "auto" else name)
    )
    found = choose_runtime(model, "torch", on_warning=lambda code, text: warnings.append(code))
    assert found.device.type == "cpu" and warnings == ["memory"]


def test_a_run_may_lie_on_another_drive_than_its_volumes(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    for name in ("a.nii.gz", "b.nii.gz"):
        (tmp_path / "images" / name).write_bytes(b"x")

    def no_way(path, start):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", no_way)
    job = preset("preview", [ClassSpec(1, "a")])
    run = create_run(tmp_path / "run", CohortSource(tmp_path / "images", tmp_path / "images"), job)
    assert [case.image for case in run.cases()] == [
        tmp_path / "images" / "a.nii.gz", tmp_path / "images" / "b.nii.gz",
    ]  # fmt: skip


def test_a_checkpoint_takes_no_memory_of_the_gpu(monkeypatch):
    """There is no GPU here: that every copy is asked for in main memory is all that can be seen."""
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()

    def elsewhere(self, **options):
        raise AssertionError("a copy beside the original")

    monkeypatch.setattr(torch.Tensor, "clone", elsewhere)
    tensors = module_tensors("net", network) | flatten_optimizer(optimizer)[0]
    assert all(tensor.device.type == "cpu" for tensor in tensors.values()) and len(tensors) == 8
